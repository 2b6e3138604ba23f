import { HostError } from '../errors.ts'
import { Collector } from './collect.ts'
import type { HostProcess, HostStream, Outcome, StreamOptions } from './connection.ts'

const defaultDeadline = 600
const stderrLimit = 1024 * 1024

/** A process whose stderr is collected, with a deadline at which `kill` is called with the pid of its shell. */
export function streamOf(
  host: string,
  child: HostProcess,
  { deadline = defaultDeadline, kill }: StreamOptions & { readonly kill: (pid: number) => Promise<boolean> },
): HostStream {
  const began = performance.now()
  const stderr = new Collector(stderrLimit)
  child.stderr.on('data', stderr.add)
  const said = new Promise<void>(resolve => child.stderr.once('close', resolve))
  const outcome = child.ended.then(async ({ exitCode, signal }): Promise<Outcome> => {
    await said
    if (exitCode === null) throw shellEnded(host, signal)
    const seconds = (performance.now() - began) / 1000
    return { exitCode, stdout: Buffer.alloc(0), stderr: stderr.bytes(), seconds }
  })
  const done = within(deadline, outcome, async () => {
    const pid = await Promise.race([child.pid, undefined])
    const gone = pid !== undefined && (await kill(pid).catch(() => false))
    child.close()
    return new HostError('deadline', `${host}: a script ran longer than its deadline of ${deadline} s`, {
      hint: gone
        ? 'Its processes were killed. Changes that it made before are kept.'
        : `Its processes may still run on the host: check the children of process ${pid} there.`,
    })
  })
  done.catch(() => {})
  return { stdin: child.stdin, stdout: child.stdout, done, close: child.close }
}

async function within(
  deadline: number,
  outcome: Promise<Outcome>,
  late: () => Promise<HostError>,
): Promise<Outcome> {
  if (deadline === Number.POSITIVE_INFINITY) return outcome
  let timer: NodeJS.Timeout | undefined
  const passed = new Promise<'late'>(resolve => {
    timer = setTimeout(resolve, deadline * 1000, 'late')
  })
  const first = await Promise.race([outcome, passed]).finally(() => clearTimeout(timer))
  if (first !== 'late') return first
  outcome.catch(() => {})
  throw await late()
}

function shellEnded(host: string, signal: string | undefined): HostError {
  return new HostError('shell-ended', `${host}: a script's shell was ended by SIG${signal}`, {
    hint: 'Capstan does not know whether the script finished. Run again to see what is left to do.',
  })
}
