# shellcheck shell=dash
if [ -e /run/reboot-required ]; then
  for_=$(sort -u /run/reboot-required.pkgs 2>/dev/null | head -3 | tr '\n' ' ')
  warning "required${for_:+ by $for_}" "HOST -- systemctl reboot"
else good "not required"; fi
