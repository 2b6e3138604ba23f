# shellcheck shell=dash
grep -qs '^# Managed by Capstan\.' /etc/nftables.conf || exit 0
nft list table inet capstan >/dev/null 2>&1 ||
  bad "the firewall is not in force" "npx zx scripts/site.mjs loads it. HOST -- nft -f /etc/nftables.conf does so at once."
ports=$(grep -oE 'dport (\{[^}]*\}|[0-9]+)' /etc/nftables.conf | tr -cs '0-9' '\n')
seen=$(listening | tr '\n' ' ')
for each in $seen; do
  port=${each#*/} protocol=${each%/*}
  echo "$ports" | grep -qx "$port" || warning "$protocol port $port listens, and no role declares it" \
    "HOST -- ss -Hlnp$(printf %.1s "$protocol") sport = :$port shows what it is. The firewall keeps others out."
done
declared=$(sed -n 's/^# open: //p' /etc/nftables.conf | tr ',' '\n' | awk '$3 == "on" { print $1 "/" $2 }' | sort -u)
for each in $declared; do
  case " $seen " in *" $each "*) ;; *) bad "${each%/*} port ${each#*/} should listen and does not" "npx zx scripts/site.mjs starts what is stopped." ;; esac
done
good "$(echo "$seen" | tr ' ' '\n' | sort -t/ -k1,1r -k2,2n | tr '\n' ' ' | sed 's/^ *//; s/ *$//')"
