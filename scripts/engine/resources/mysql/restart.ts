import { literal, runSql } from './sql.ts'

/** Shell that restarts MariaDB and fails where a global variable hasn't the value that its file gave it. */
export function restartAndLook(inForce: Readonly<Record<string, string | number>>): string {
  const others = Object.entries(inForce).map(([name, value]) => {
    const found = `CAST(@@GLOBAL.${name} AS CHAR)`
    const message = `CONCAT('${name}: wanted ', ${literal(String(value))}, ', got ', COALESCE(${found}, 'NULL'))`
    return `SELECT ${message} FROM DUAL WHERE NOT COALESCE(BINARY ${found} = ${literal(String(value))}, FALSE)`
  })
  return `unit_restart mariadb.service
look() {
${runSql(['SELECT 1 FROM DUAL WHERE FALSE', ...others])}}
others=$(look)
[ -z "$others" ] && return
printf '%s\\n' "$others" 'MariaDB was restarted and another file or its command line says otherwise: my_print_defaults --mariadbd' >&2
return 1
`
}
