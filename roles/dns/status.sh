# shellcheck shell=dash
command -v pdns_control >/dev/null || exit 0
if said=$(pdns_control rping 2>&1); then good "PowerDNS answers, $(pdns_control list-zones 2>/dev/null | grep -c '\.$') zones"
else bad "PowerDNS does not answer: $(printf '%s' "$said" | tail -n 1)" "HOST -- 'systemctl status pdns; journalctl -u pdns -n 20' shows why."; fi
