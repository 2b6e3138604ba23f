# shellcheck shell=dash
# How the check NAME ends: good TEXT, or warning and bad TEXT CURE. One check may say several things.
good() { printf '%s\0good\0%s\0\0' "$NAME" "$1"; }
warning() { printf '%s\0warning\0%s\0%s\0' "$NAME" "$1" "$2"; }
bad() { printf '%s\0bad\0%s\0%s\0' "$NAME" "$1" "$2"; }
# span SECONDS: 4 d 3 h, 3 h 12 min, 5 min.
span() {
  if [ "$1" -ge 86400 ]; then echo "$(($1 / 86400)) d $(($1 % 86400 / 3600)) h"
  elif [ "$1" -ge 3600 ]; then echo "$(($1 / 3600)) h $(($1 % 3600 / 60)) min"
  else echo "$(($1 / 60)) min"; fi
}
