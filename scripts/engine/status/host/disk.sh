# shellcheck shell=dash
# Bytes first, then inodes: both can run out.
# A tmpfs is a disk to whoever mounts one of their own.
said=$({ df -PlT -x devtmpfs -x squashfs -x efivarfs | awk 'NR > 1 { print $1 $7, $6, $7, "space" }'
  df -PliT -x devtmpfs -x squashfs -x efivarfs | awk 'NR > 1 && $3 > 0 { print $1 $7, $6, $7, "inodes" }'; } | sort -u -k1,1 -k4,4 | sort -k3)
echo "$said" | while read -r _ used at what; do
  # In a container, single files are mounts.
  [ -d "$at" ] || continue
  case $at in /run | /run/* | /dev/* | /sys/* | /tmp) continue ;; esac
  text="$at: $used of its $what used" cure="HOST -- 'du -xh --max-depth=3 $at | sort -h | tail -20' shows what takes it."
  [ "$what" = space ] || cure="HOST -- 'du -x --inodes --max-depth=3 $at | sort -n | tail -20' shows where the files are."
  if [ "${used%\%}" -ge 95 ]; then bad "$text" "$cure"
  elif [ "${used%\%}" -ge 85 ]; then warning "$text" "$cure"
  elif [ "$what" = space ]; then good "$text"; fi
done
