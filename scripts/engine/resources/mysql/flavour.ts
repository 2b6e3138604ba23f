/** Which server it is. They differ in where they keep accounts, and in how an account logs in. */
export type Flavour = 'mariadb' | 'mysql'

/** Shell that sets `flavour` to the server that is installed, empty where none is. MariaDB calls itself mysqld too. */
export const setFlavour =
  'flavour=; if command -v mariadbd >/dev/null; then flavour=mariadb; elif command -v mysqld >/dev/null; then flavour=mysql; fi\n'
