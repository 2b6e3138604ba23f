import { hex, listensOnly } from '../listens/sockets.ts'
import { literal, runSql } from './sql.ts'

/** Where the server takes TCP connections, and nowhere else. */
export interface ServerSocket {
  readonly address: string
  readonly port: number
}

/** Shell that restarts MariaDB and fails where it listens elsewhere, or a global variable hasn't the value that its file gave it. */
export function restartAndLook(
  { address, port }: ServerSocket,
  inForce: Readonly<Record<string, string | number>>,
): string {
  const others = Object.entries(inForce).map(([name, value]) => {
    const wanted = literal(String(value))
    return (
      `SELECT CONCAT('${name}: wanted ', ${wanted}, ', got ', VARIABLE_VALUE) FROM information_schema.GLOBAL_VARIABLES ` +
      `WHERE VARIABLE_NAME = '${name}' AND BINARY VARIABLE_VALUE <> ${wanted}`
    )
  })
  return `unit_restart mariadb.service
${listensOnly}look() {
${runSql(['SELECT 1 FROM DUAL WHERE FALSE', ...others])}}
code=0; listens_only ${port} ${hex(address)} || code=1
others=$(look)
[ -z "$others" ] || { printf '%s\\n' "$others" >&2; code=1; }
[ $code = 0 ] || echo 'MariaDB was restarted, and another of its files, its command line or a socket unit says otherwise.' >&2
return $code
`
}
