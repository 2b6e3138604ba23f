# shellcheck shell=dash
# Fails, saying why, where MySQL would not start from its files. It reads them as at a start, and opens no data.
code=0; said=$(mysqld --validate-config --user=mysql --log-error=stderr 2>&1) || code=$?
# A line before the first [group] is said to be an error, ignored with all that follows it, and not counted.
case $said in *'mysqld: [ERROR] '*) [ "$code" != 0 ] || code=1 ;; esac
[ "$code" = 0 ] || printf '%s\n' "$said" | grep -v -e '\[Warning\]' -e '\[System\]' >&2
exit "$code"
