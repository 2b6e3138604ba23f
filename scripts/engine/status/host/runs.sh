# shellcheck shell=dash
for each in /var/lib/capstan/pending/*; do
  [ -e "$each" ] || continue
  warning "a run ended before it could run a handler" "npx zx scripts/site.mjs runs it."
  break
done
