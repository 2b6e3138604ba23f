import { known, type ProbeOptions, type State, unknown } from '../resource.ts'
import { setFlavour } from './flavour.ts'
import { type Asking, questions, type Server, serverOf } from './questions.ts'
import { recordFile } from './record.ts'
import { runSql } from './sql.ts'

/**
 * Reads the state of all items in one SQL batch. If no server is installed or running yet, everything is unknown; if it refuses
 * root, the probe fails with the server's message. In a run with some of the host's roles only, the list of every account is not
 * read: the accounts that other roles declare are unknown then.
 */
export function probeServer(
  items: readonly Asking[],
  { partial = false }: Partial<ProbeOptions> = {},
): string {
  const isAsked = items.some(item => item.everyAccount)
  const every = isAsked && !partial
  return `
${setFlavour}
case $flavour in mariadb) name=MariaDB plugin='VIA unix_socket' ;; mysql) name=MySQL plugin='WITH auth_socket' ;;
*) printf 'unknown no database server is installed yet\\n'; exit 0 ;; esac
ask() {
if [ $flavour = mariadb ]; then
${runSql(questions(items, 'mariadb', every))}else
${runSql(questions(items, 'mysql', every))}fi
}
exec 3>&1
if said=$(ask 2>&1 >&3); then
${
  isAsked
    ? `printf 'RECORD\\t%s\\n' "$(od -An -v -tx1 ${recordFile} 2>/dev/null | tr -d ' \\n')"
`
    : ''
}exit 0
fi
case $said in
*'ERROR 2002 '*'(2)' | *'ERROR 2002 '*'(111)') printf 'unknown %s does not run yet: %s\\n' "$name" "$said"; exit 0 ;;
*'ERROR 1045 '* | *'ERROR 1698 '* | *'ERROR 1524 '*)
  said="$said
$name runs and refuses root over its socket. Log in with an account that still works, and run:
ALTER USER root@localhost IDENTIFIED $plugin" ;;
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
