#!/bin/sh
# whole-cgroups COMMAND…: as a machine of its own would run it, in a mount namespace (which the caller makes) with the root of
# every cgroup hierarchy, v1 as this kernel has them or, with CGROUPS=2, v2 alone. Inside a container the mounts there show a
# part of each.
set -eu
cat /proc/self/cgroup >/run/cgroups
umount -R /sys/fs/cgroup
if [ "$CGROUPS" = 2 ]; then
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
else
  mount -t tmpfs tmpfs /sys/fs/cgroup
  while IFS=: read -r _ controllers _; do
    case $controllers in
      '') folder=unified type=cgroup2 options=rw ;;
      name=*) folder=${controllers#name=} type=cgroup options=none,$controllers ;;
      *) folder=$controllers type=cgroup options=$controllers ;;
    esac
    mkdir -p "/sys/fs/cgroup/$folder"
    mount -t "$type" -o "$options" cgroup "/sys/fs/cgroup/$folder"
  done </run/cgroups
fi
exec "$@"
