import { here } from '../shell.ts'

/**
 * A name as SQL reads it back whole: `` a`b `` → `` `a``b` ``. Backslashes and quotes mean nothing inside. An empty
 * name, which only an anonymous user has, can't be written so.
 */
export function identifier(name: string): string {
  return name === '' ? "''" : `\`${name.replaceAll('`', '``')}\``
}

/** `` `foobar`@`localhost` `` */
export function account(user: string, host: string): string {
  return `${identifier(user)}@${identifier(host)}`
}

/** All of one database, as GRANT wants it: there `_` and `%` stand for other characters unless escaped. */
export function everythingIn(database: string): string {
  return `${identifier(patternOf(database))}.*`
}

/** The pattern of GRANT that fits this database alone: `my_shop` → `my\_shop`. */
export function patternOf(database: string): string {
  return database.replace(/[\\_%]/g, '\\$&')
}

/** Any text as a literal that no character of it can end. It compares byte by byte. */
export function literal(text: string): string {
  return `X'${Buffer.from(text).toString('hex')}'`
}

/**
 * Shell that runs these statements as root over the server's own socket and stops at the first that fails. They go
 * by stdin. Option files of the operator are not read.
 */
export function runSql(statements: readonly string[]): string {
  return here(client, statements.map(statement => `${statement};\n`).join(''))
}

// By default a newer client of MariaDB prints the statement that failed, with the hash. MySQL's client warns of an unknown option.
const client =
  '$(command -v mariadb >/dev/null && echo mariadb --no-defaults --loose-skip-print-query-on-error || echo mysql --no-defaults) ' +
  '--user=root --protocol=socket --default-character-set=utf8mb4 --binary-mode --batch --raw --skip-column-names'
