import { known, type State, unknown } from '../resource.ts'
import { type Asking, questions, type Server, serverOf } from './questions.ts'
import { runSql } from './sql.ts'

/**
 * Reads all that is asked of the server in one SQL batch. A server that isn't there yet makes everything unknown;
 * one that runs and refuses root ends the probe with the server's own words.
 */
export function probeServer(items: readonly Asking[]): string {
  return `
command -v mariadb >/dev/null || command -v mysql >/dev/null || { printf 'unknown MariaDB is not installed yet\\n'; exit 0; }
ask() {
${runSql(questions(items))}}
exec 3>&1
said=$(ask 2>&1 >&3) && exit 0
case $said in
*'ERROR 2002 '*'(2)' | *'ERROR 2002 '*'(111)') printf 'unknown MariaDB does not run yet: %s\\n' "$said"; exit 0 ;;
*'ERROR 1045 '* | *'ERROR 1698 '* | *'ERROR 1524 '*)
  said="$said
MariaDB runs and refuses root over its socket. Whoever can still log in has to run there:
ALTER USER root@localhost IDENTIFIED VIA unix_socket" ;;
esac
printf '%s\\n' "$said" >&2
exit 1
`
}

/** The same server for each item. Throws when the output is not what `probeServer` prints. */
export function parseServer(output: Buffer, items: readonly Asking[]): readonly State<Server>[] {
  const lines = output.toString('latin1').split('\n').filter(Boolean)
  const reason = /^unknown (.*)/.exec(lines[0] ?? '')?.[1]
  const state = reason === undefined ? known(serverOf(lines, items)) : unknown(reason)
  return items.map(() => state)
}
