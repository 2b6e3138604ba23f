# shellcheck shell=dash
# sshd takes its new settings, which count once a new login has worked. Where none has, or where this is killed, the settings that
# worked last are in force again within a minute, by a timer of systemd; where there are none yet, those of the distribution.
settings=/etc/ssh/sshd_config.d/00-capstan.conf proven=/var/lib/capstan/sshd.conf
stop_undo() { systemctl stop capstan-sshd-undo.timer capstan-sshd-undo.service 2>/dev/null || :; }
stop_undo
# shellcheck disable=SC2016
systemd-run -q --collect --unit=capstan-sshd-undo --on-active=55 --timer-property=AccuracySec=1s -- sh -c \
  'if [ -e "$2" ]; then cp -p -- "$2" "$1.undo" && mv -- "$1.undo" "$1"; else rm -f -- "$1"; fi; systemctl try-reload-or-restart ssh.service' \
  sh "$settings" "$proven"
if systemctl is-active -q ssh.service; then unit_reload ssh.service; fi
proven_login
mkdir -p -m 0700 -- "${proven%/*}"
if [ -e "$settings" ]; then put "$proven" 0644 root root <"$settings"; else rm -f -- "$proven"; fi
stop_undo
