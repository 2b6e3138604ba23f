# shellcheck shell=dash
# ZONES: signed zones; AT: the address of the server; SIGNED: perl that reads one of them.
command -v pdns_control >/dev/null || exit 0
if said=$(pdns_control rping 2>&1); then
  good "PowerDNS answers, $(pdns_control list-zones 2>/dev/null | grep -c '\.$') zones"
  for zone in $ZONES; do
    perl -e "$SIGNED" -- "$AT" "$zone" | {
      read -r state; read -r what; read -r cure
      case $state in good) good "$what" ;; warning) warning "$what" "$cure" ;; *) bad "${what:-$zone could not be read}" "$cure" ;; esac
    }
  done
else bad "PowerDNS does not answer: $(printf '%s' "$said" | tail -n 1)" "HOST -- 'systemctl status pdns; journalctl -u pdns -n 20' shows why."; fi
