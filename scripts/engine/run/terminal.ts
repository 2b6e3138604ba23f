import { runInTerminal } from '#engine/program.ts'
import { quote } from '#engine/quote.ts'
import { sshArguments } from '#engine/sandbox/sandbox.ts'
import type { ReachableHost } from './reach.ts'

/** Runs a script as root on the host, in this terminal, by OpenSSH's own client; gives its exit code. */
export function inTerminal({ host, sandbox }: ReachableHost, script: string): Promise<number> {
  const asRoot = `[ "$(id -u)" = 0 ] && exec /bin/sh -c "$0"; exec sudo -- /usr/bin/env TERM="$TERM" /bin/sh -c "$0"`
  const way = host.connection
  if (way.kind === 'local') return runInTerminal('/bin/sh', ['-c', asRoot, script])
  const remote = `/bin/sh -c ${quote(asRoot)} ${quote(script)}`
  if (sandbox) return runInTerminal('ssh', ['-t', ...sshArguments(sandbox), remote])
  if (way.kind !== 'ssh') throw new Error(`${host.name} is no sandbox host that is up`)
  const flag = (name: string, value: string | number | undefined) =>
    value === undefined ? [] : [name, String(value)]
  const setting = (name: string, value: string | undefined) =>
    value === undefined ? [] : ['-o', `${name}="${value}"`]
  return runInTerminal('ssh', [
    '-t',
    ...[...flag('-F', way.config), ...flag('-l', way.user), ...flag('-p', way.port), ...flag('-i', way.key)],
    ...[...setting('UserKnownHostsFile', way.knownHosts), ...setting('HostKeyAlias', way.hostKeyAlias)],
    ...['-o', 'LogLevel=ERROR', '--', way.address, remote],
  ])
}
