import { hex, listensOnly } from '../listens/sockets.ts'
import { setFlavour } from './flavour.ts'
import { literal, runSql } from './sql.ts'

/** The only sockets on which the server accepts TCP connections. */
export interface ServerSocket {
  readonly address: string | readonly string[]
  readonly port: number
}

/** Shell that restarts the server, and fails if it listens elsewhere or a global variable has another value than in its file. */
export function restartAndLook(
  { address, port }: ServerSocket,
  inForce: Readonly<Record<string, string | number>>,
): string {
  const from = (table: string) =>
    Object.entries(inForce).map(([name, value]) => {
      const wanted = literal(String(value))
      return (
        `SELECT CONCAT('${name}: wanted ', ${wanted}, ', got ', VARIABLE_VALUE) FROM ${table} ` +
        `WHERE VARIABLE_NAME = '${name}' AND BINARY VARIABLE_VALUE <> ${wanted}`
      )
    })
  const addresses = [address].flat()
  return `${setFlavour}[ -n "$flavour" ] || { echo 'no database server is installed' >&2; return 1; }
unit_restart "$flavour.service"
${listensOnly}look() {
if [ $flavour = mariadb ]; then
${runSql(['SELECT 1 FROM DUAL WHERE FALSE', ...from('information_schema.GLOBAL_VARIABLES')])}else
${runSql(['SELECT 1 FROM DUAL WHERE FALSE', ...from('performance_schema.global_variables')])}fi
}
code=0; listens_only ${port} ${addresses.map(hex).join(' ')} || code=1
others=$(look)
[ -z "$others" ] || { printf '%s\\n' "$others" >&2; code=1; }
[ $code = 0 ] || echo 'The server was restarted. Another of its files, its command line or a socket unit overrides these settings.' >&2
return $code
`
}
