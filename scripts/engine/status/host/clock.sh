# shellcheck shell=dash
# A container has the clock of its machine.
! systemd-detect-virt -qc || exit 0
if [ "$(timedatectl show -p NTPSynchronized --value)" = yes ]; then good "synchronized"
else bad "not synchronized" "HOST -- 'systemctl status systemd-timesyncd' shows why. Certificates and logs need the right time."; fi
