# shellcheck shell=dash
# Fails, saying why, where MariaDB would not start from its files. It reads them as at a start and prints its help. The data
# directory is an empty one: a running server's plugin table looks crashed to another that opens it, so what that table names
# is named here.
empty=$(mktemp -d); chmod 0755 "$empty"; set --
for library in $(mariadb --no-defaults --user=root --protocol=socket -BNe 'SELECT DISTINCT dl FROM mysql.plugin' 2>/dev/null); do
  set -- "$@" "--plugin-load-add=$library"
done
code=0; said=$(mariadbd --help --verbose --user=mysql --datadir="$empty" "$@" 2>&1 >/dev/null) || code=$?
rm -rf -- "$empty"
# A line before the first [group] is said to be an error, ignored with all that follows it, and not counted.
case $said in error:* | *'
error:'*) [ "$code" != 0 ] || code=1 ;; esac
[ "$code" = 0 ] || printf '%s\n' "$said" | tr -d '\007' | grep -v -e '\[Warning\]' -e '^Warning:' >&2
exit "$code"
