# shellcheck shell=dash
if command -v mariadbd >/dev/null; then name=MariaDB unit=mariadb client=mariadb statuses=information_schema.GLOBAL_STATUS
elif command -v mysqld >/dev/null; then name=MySQL unit=mysql client=mysql statuses=performance_schema.global_status
else exit 0; fi
ask() { $client -NB -e "$1" 2>&1; }
# The client of MariaDB prints the statement before its error.
last() { printf '%s\n' "$1" | tail -n 1; }
if ! said=$(ask "SELECT CONCAT(VARIABLE_VALUE, ' of ', @@max_connections) FROM $statuses WHERE VARIABLE_NAME = 'Threads_connected'"); then
  bad "$name does not answer: $(last "$said")" "HOST -- 'systemctl status $unit; journalctl -u $unit -n 20' shows why."
  exit 0
elif used=${said% of *} most=${said#* of }; [ $((used * 10)) -ge $((most * 9)) ]; then
  warning "$name answers, $said connections used" "HOST -- $client -e 'SHOW PROCESSLIST' shows whose. mysql.maxConnections sets the limit."
else good "$name answers, $said connections used"; fi

# Compared with the accounts that the last run of all roles wrote down: those declared, kept, and of the server's own.
declared=/var/lib/capstan/mysql-accounts
[ -e "$declared" ] || exit 0
if [ $unit = mariadb ]; then
  secret="JSON_VALUE(Priv, '\$.authentication_string')" plugin="JSON_VALUE(Priv, '\$.plugin')"
  from="mysql.global_priv WHERE Host <> '' AND COALESCE(JSON_VALUE(Priv, '\$.account_locked'), 0) IN (0, 'false')"
else
  secret=authentication_string plugin=plugin from="mysql.user WHERE account_locked = 'N'"
fi
open="COALESCE($plugin IN ('mysql_native_password', 'caching_sha2_password') AND COALESCE($secret, '') = '', 0)"
# The first column is never empty, not for the anonymous user either: read skips a tab at the beginning of a line.
if ! rows=$(ask "SELECT CONCAT(HEX(User), ' ', HEX(Host)), $open, CONCAT(QUOTE(User), '@', QUOTE(Host)) FROM $from ORDER BY 1"); then
  bad "the accounts of $name cannot be read: $(last "$rows")" "HOST -- 'journalctl -u $unit -n 20' shows the errors of the server."
  exit 0
fi
others=$(printf '%s\n' "$rows" | while IFS='	' read -r key open account; do
  [ -z "$account" ] || grep -qxF -e "$key" "$declared" || printf '%s %s\n' "$open" "$account"
done)
list() { printf '%s\n' "$others" | sed -n "s/^$1 //p" | paste -s -d , | sed 's/,/, /g'; }
cure='Drop it, or set mysql.removeUndeclared; mysql.keepAccounts names those that you use.'
open=$(list 1) closed=$(list 0)
[ -z "$open" ] || bad "no password is needed for the account $open, which no role declares" "$cure"
[ -z "$closed" ] || warning "no role declares the account $closed" "$cure"
