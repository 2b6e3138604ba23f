import { literal, runSql } from './sql.ts'

/** Shell that restarts MariaDB and fails where a global variable hasn't the value that its file gave it. */
export function restartAndLook(inForce: Readonly<Record<string, string | number>>): string {
  const others = Object.entries(inForce).map(([name, value]) => {
    const wanted = literal(String(value))
    return (
      `SELECT CONCAT('${name}: wanted ', ${wanted}, ', got ', VARIABLE_VALUE) FROM information_schema.GLOBAL_VARIABLES ` +
      `WHERE VARIABLE_NAME = '${name}' AND BINARY VARIABLE_VALUE <> ${wanted}`
    )
  })
  return `unit_restart mariadb.service
look() {
${runSql(['SELECT 1 FROM DUAL WHERE FALSE', ...others])}}
others=$(look)
[ -z "$others" ] && return
printf '%s\\n' "$others" 'MariaDB was restarted, and another of its files or its command line says otherwise.' >&2
return 1
`
}
