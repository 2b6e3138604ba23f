# shellcheck shell=dash
# Stopped, it has no folder for its sockets, and is shown among the services.
systemctl is-active -q nginx || exit 0
if said=$(nginx -t -q 2>&1); then good "its configuration is valid"
else bad "nginx would not start again: $(printf '%s' "$said" | head -n 1)" "npx zx scripts/site.mjs -t nginx puts back what was changed by hand."; fi
