import { readFileSync } from 'node:fs'
import { HostError, LockedError } from '#engine/errors.ts'
import { quote, quoteAll } from '#engine/quote.ts'
import { runtimeDirectory, stateDirectory } from './paths.ts'
import type { RunIdentity } from './run-identity.ts'

/**
 * What a run may change while it holds a lock: the whole host, alone; or one app, beside the deploys of other apps and
 * never beside a run that changes the host.
 */
export type LockScope = 'host' | { readonly app: string }

/**
 * Shell that takes the lock on descriptors 9 and 8 of the session's own shell: it is held as long as that shell or a
 * stage that it started lives, and freed by the kernel with the last of them. Ends with 75, and on stderr who has
 * the lock, where another run has it after `seconds`, and with 73 where none can be taken.
 */
export function lockScript(scope: LockScope, { who, url, runId }: RunIdentity, seconds: number): string {
  const app = appOf(scope)
  const args = [
    runtimeDirectory,
    stateDirectory,
    String(seconds),
    String(patience),
    runId,
    who,
    url ?? '',
    app,
  ]
  const files = [`9>>${runtimeDirectory}/lock`]
  if (app !== '') files.push(`8>>${quote(`${runtimeDirectory}/deploy-${app}.lock`)}`)
  return `
if { [ -d ${runtimeDirectory} ] || mkdir -p -m 700 ${runtimeDirectory}; } && true ${files.join(' ')}; then
  exec ${files.join(' ')}
  perl -e ${quote(taker)} -- $$ ${quoteAll(args)} || {
    [ $? = 75 ] && capstan_=75 || capstan_=73
    exec 9>&- 8>&-; (exit $capstan_)
  }
else (exit 73); fi
`
}

/** The lease file that heartbeats touch while the shell `$$` holds a lock. */
export function leaseOf(shell: string): string {
  return `${runtimeDirectory}/lease.${shell}`
}

/** The error of a lock script that ended with `exitCode` and printed `said`. */
export function lockError(host: string, scope: LockScope, exitCode: number, said: string): HostError {
  if (exitCode !== 75)
    return new HostError('lock', `${host}: the lock in ${runtimeDirectory} can’t be taken`, {
      lines: said.split('\n').filter(Boolean),
      hint: 'Check that root can write to /run on the host.',
    })
  const what = scope === 'host' ? 'the host' : scope.app
  return new LockedError('locked', `${host}: ${what} is locked by ${said}`, {
    hint: 'The lock is freed when that run ends. Run again then.',
  })
}

function appOf(scope: LockScope): string {
  return scope === 'host' ? '' : scope.app
}

/** Seconds between two heartbeats. */
export const heartbeat = 4

/** Seconds without a heartbeat after which the host frees a lock. */
export const patience = 16

const taker = ['lock.pl', 'common.pl']
  .map(name => readFileSync(new URL(name, import.meta.url), 'utf8'))
  .join('')
