import { hostname, userInfo } from 'node:os'
import type { Connection } from '#engine/connection/connection.ts'
import { HostError } from '#engine/errors.ts'
import type { Emit } from '#engine/output/events.ts'
import { quote } from '#engine/quote.ts'
import { stateDirectory } from './facts.ts'

const directory = '/run/capstan'

/**
 * Shell that takes the host's lock on descriptor 9 of the session's own shell, so that it is held as long as the
 * session or a stage that it started lives, and freed by the kernel with the last of them. Ends with 75 and the
 * holder's line on stderr when another run has it. Clears what a run that was killed left behind.
 */
export function lockScript(runId: string, waitSeconds: number): string {
  const holder = `${userInfo().username}@${hostname()} (run ${runId})`
  return [
    `mkdir -p -m 700 ${directory} && exec 9>>${directory}/lock || exit 73\n`,
    `if ! flock -w ${waitSeconds} 9; then cat ${directory}/holder >&2; exec 9>&-; (exit 75)\n`,
    `else printf '%s since %s\\n' ${quote(holder)} "$(date -u +%FT%TZ)" >${directory}/holder\n`,
    `if [ -s ${stateDirectory}/leftovers ]; then while IFS= read -r old; do rm -rf -- "$old"; done <${stateDirectory}/leftovers; rm -f ${stateDirectory}/leftovers; fi\n`,
    'fi\n',
  ].join('')
}

/** Waits for the lock that another run holds. Throws HostError naming the holder when it isn't freed in time. */
export async function waitForLock(
  connection: Connection,
  runId: string,
  holder: string,
  emit: Emit,
): Promise<void> {
  const { host } = connection
  emit({ event: 'progress', host, message: `waiting up to ${patience} s for the run of ${holder}` })
  const { exitCode, stderr } = await connection.run(lockScript(runId, patience), { keep: true })
  if (exitCode === 0) return
  throw new HostError('locked', `${host}: locked by ${stderr.toString().trim() || holder}`, {
    hint: 'Another run is changing this host. The lock frees itself when that run ends, however it ends; then run again.',
  })
}

const patience = 30
