# shellcheck shell=dash
# Fails, saying why, where PowerDNS would reject one of these zones.
check_zones() {
  for zone; do
    said=$(pdnsutil check-zone "$zone" 2>&1) && continue
    # PowerDNS 5.1.5: pdnsutil lacks a symbol that its bind backend needs. It parses the records of a file without the backend.
    case $said in *'undefined symbol'*)
      empty=$(mktemp -d); : >"$empty/pdns.conf"
      said=$(pdnsutil --config-dir="$empty" zonemd-verify-file "$zone" "/etc/powerdns/zones/$zone.zone" 2>&1) || :
      rm -r -- "$empty"
      case $said in *'No suitable ZONEMD record'*) continue ;; esac ;;
    esac
    printf '%s\n' "$said" >&2
    return 1
  done
}
