# shellcheck shell=dash
# firewall_load <rules: they are in force, and at each boot, once a new login has come through them. Where none has, or where this
# is killed, the rules from before are in force again within a minute, by a timer of systemd.
firewall_load() {
  command -v nft >/dev/null || { echo "no nft on this host: declare apt('nftables') before" >&2; return 1; }
  dir_=/run/capstan/firewall; mkdir -p -m 0700 "$dir_"; cat >"$dir_/new.nft"
  nft -c -f "$dir_/new.nft"
  { printf 'table inet capstan\ndelete table inet capstan\n'; nft -s -t list table inet capstan 2>/dev/null || :; } >"$dir_/old.nft"
  firewall_timer_stop
  systemd-run -q --collect --unit=capstan-firewall-undo --on-active=55 --timer-property=AccuracySec=1s nft -f "$dir_/old.nft"
  nft -f "$dir_/new.nft"
  proven_login || { nft -f "$dir_/old.nft"; firewall_timer_stop; echo "the rules from before are in force again" >&2; return 1; }
  put /etc/nftables.conf 0644 root root <"$dir_/new.nft"
  mkdir -p -m 0700 /var/lib/capstan; nft -s -t list table inet capstan | put /var/lib/capstan/firewall 0600 root root
  systemctl enable -q nftables.service
  firewall_timer_stop
}
firewall_timer_stop() { systemctl stop capstan-firewall-undo.timer capstan-firewall-undo.service 2>/dev/null || :; }
# firewall_remove: none of our rules, now and at the next boot.
firewall_remove() {
  firewall_timer_stop
  ! command -v nft >/dev/null || { printf 'table inet capstan\ndelete table inet capstan\n' | nft -f -; }
  printf '#!/usr/sbin/nft -f\n\nflush ruleset\n' | put /etc/nftables.conf 0644 root root
  systemctl disable -q nftables.service; rm -f /var/lib/capstan/firewall
}
