# shellcheck shell=dash
command -v mariadbd >/dev/null || exit 0
if ! said=$(mariadb -NB -e "SELECT CONCAT(VARIABLE_VALUE, ' of ', @@max_connections) FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'Threads_connected'" 2>&1); then
  bad "MariaDB does not answer: $said" "HOST -- 'systemctl status mariadb; journalctl -u mariadb -n 20' shows why."
elif used=${said% of *} most=${said#* of }; [ $((used * 10)) -ge $((most * 9)) ]; then
  warning "MariaDB answers, $said connections used" "HOST -- mariadb -e 'SHOW PROCESSLIST' shows whose. mysql.maxConnections sets the limit."
else good "MariaDB answers, $said connections used"; fi
