# shellcheck shell=dash
# HOURS, DAYS: when the last backup and the last restore test are too old.
state=/var/lib/capstan/backup
now=$(date +%s)
age() { # of the time that a file begins with, in words
  read -r at rest <"$1" || :
  seconds=$((now - at))
  if [ "$seconds" -lt 7200 ]; then ago="$((seconds / 60)) min ago"
  elif [ "$seconds" -lt 172800 ]; then ago="$((seconds / 3600)) h ago"
  else ago="$((seconds / 86400)) days ago"; fi
}
failure() { # its file, what failed, what runs it again
  age "$1"
  bad "$2 failed $ago: $rest" "$3"
}
backup='npx zx scripts/backup.mjs now'
verify='npx zx scripts/backup.mjs verify'
if [ -e "$state/now.failed" ]; then failure "$state/now.failed" 'the last backup' "$backup runs it again and shows why."
elif [ ! -e "$state/now.done" ]; then bad 'there is no backup' "$backup"
else
  age "$state/now.done"
  if [ "$seconds" -gt $((HOURS * 3600)) ]; then bad "last backup $ago" "$backup makes one. Find out why the scheduled one did not run: the workflow, or HOST -- systemctl status capstan-backup.timer"
  elif [ "${rest:-0}" -gt 0 ]; then warning "last backup $ago, not read: $rest files or folders" "$backup names them. Leave out what nobody needs: backup.exclude for files, backup.folders for folders"
  else good "last backup $ago"; fi
fi
if [ -e "$state/verify.failed" ]; then failure "$state/verify.failed" 'the last restore test' "$verify runs it again and shows why."
elif [ ! -e "$state/verify.done" ]; then warning 'no restore was tested' "$verify"
else
  age "$state/verify.done"
  if [ "$seconds" -gt $((DAYS * 86400)) ]; then bad "last restore test $ago" "$verify"
  else good "last restore test $ago"; fi
fi
