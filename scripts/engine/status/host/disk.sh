# shellcheck shell=dash
# Space and inodes: both can run out. Each device once, at its first mount; a tmpfs is a device to whoever mounts one of their own.
disks() {
  df "$1" -x devtmpfs -x squashfs -x efivarfs | awk -v what="$2" 'NR > 1 && $3 > 0 && ($2 != "overlay" || $7 == "/") &&
    !seen[$2 == "tmpfs" ? $7 : $1]++ { print $6, $7, what }'
}
said=$(disks -PlT space; disks -PliT inodes)
echo "$said" | while read -r used at what; do
  # In a container, single files are mounts.
  [ -d "$at" ] || continue
  case $at in /run | /run/* | /dev/* | /sys/* | /tmp) continue ;; esac
  text="$at: $used of its $what used" cure="HOST -- 'du -xh --max-depth=3 $at | sort -h | tail -20' shows what takes it."
  [ "$what" = space ] || cure="HOST -- 'du -x --inodes --max-depth=3 $at | sort -n | tail -20' shows where the files are."
  if [ "${used%\%}" -ge 95 ]; then bad "$text" "$cure"
  elif [ "${used%\%}" -ge 85 ]; then warning "$text" "$cure"
  elif [ "$what" = space ]; then good "$text"; fi
done
