# shellcheck shell=dash
# DOMAIN: days that its certificate is valid, whether nginx serves that one, and whether its last renewal failed.
file=/etc/ssl/capstan/$DOMAIN/fullchain.pem
[ -d /etc/ssl/capstan ] || exit 0
renew="npx zx scripts/site.mjs -t tls renews it. HOST -- journalctl -u certbot shows why its timer did not."
if ! end=$(openssl x509 -noout -enddate -in "$file" 2>/dev/null); then
  bad "$DOMAIN has no certificate" "npx zx scripts/site.mjs -t tls makes one."
else
  days=$((($(date -d "${end#*=}" +%s) - $(date +%s)) / 86400))
  of() { openssl x509 -noout -fingerprint -sha256 2>/dev/null; }
  served=$(timeout 5 openssl s_client -connect 127.0.0.1:443 -servername "$DOMAIN" </dev/null 2>/dev/null | of)
  renewal=
  if [ -e "/etc/letsencrypt/renewal/$DOMAIN.conf" ] && [ "$(systemctl show -p Result --value certbot.service)" != success ]; then
    run=$(systemctl show -p InvocationID --value certbot.service)
    renewal=$(journalctl -q --no-pager -o cat "_SYSTEMD_INVOCATION_ID=$run" | grep -F "Failed to renew certificate $DOMAIN " | tail -n 1)
  fi
  if [ "$days" -lt 0 ]; then bad "$DOMAIN: expired $((-days)) days ago" "$renew"
  elif [ "$days" -lt 7 ]; then bad "$DOMAIN: $days days left" "$renew"
  elif [ "$days" -lt 14 ]; then warning "$DOMAIN: $days days left" "$renew"
  elif [ -z "$served" ]; then bad "$DOMAIN: nothing serves it on port 443" "npx zx scripts/site.mjs starts nginx."
  elif [ "$served" != "$(of <"$file")" ]; then bad "$DOMAIN: nginx serves another certificate than the one on disk" "HOST -- systemctl reload nginx"
  elif [ -n "$renewal" ]; then warning "$DOMAIN: $days days left, and its last renewal failed: ${renewal#* with error: }" "$renew"
  else good "$DOMAIN: $days days left"; fi
fi
