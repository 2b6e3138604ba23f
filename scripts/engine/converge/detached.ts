import { readFileSync } from 'node:fs'
import type { Connection } from '#engine/connection/connection.ts'
import { ConnectionLost, HostError } from '#engine/errors.ts'
import { quote, quoteAll } from '#engine/quote.ts'
import { hereInBase64 } from '#engine/resources/shell.ts'
import { stateDirectory } from './facts.ts'

/** Where a run keeps its script, its log and what it is told, on the host. */
export function runDirectory(id: string): string {
  return `${stateDirectory}/runs/${id}`
}

/** The file whose presence ends a stage before its next step. */
export function stopFile(id: string): string {
  return `${runDirectory(id)}/stop`
}

export interface DetachedRun {
  readonly id: string
  readonly script: string
  readonly onOutput: (chunk: Buffer) => void
  /** Once aborted, the script is told so by its stop file. */
  readonly stop: AbortSignal
  /** Another connection, after one was lost; it holds the host's lock unless the script has begun. */
  readonly reconnect: () => Promise<Connection>
}

/**
 * Runs a script on the host in a session of its own, from a file only root can read, its output in a log beside
 * it; follows the log, and goes on following over a new connection when the old one breaks. Resolves when the
 * script has ended, however it did: the log's own marks say how. One trip. Throws HostError where it could not
 * be begun.
 */
export async function runDetached(connection: Connection, run: DetachedRun): Promise<void> {
  let seen = 0
  const onOutput = (chunk: Buffer) => {
    seen += chunk.length
    run.onOutput(chunk)
  }
  let current = connection
  const tellStop = () => void stopAt(current, run.id)
  run.stop.addEventListener('abort', tellStop)
  try {
    for (;;) {
      try {
        const script = launchAndFollow(run, seen)
        const { exitCode, stderr } = await current.run(script, { deadline: longest, onOutput })
        if (exitCode === 0) return
        throw notFollowed(current.host, run.id, exitCode, stderr.toString())
      } catch (error) {
        if (!(error instanceof ConnectionLost)) throw error
        current = await run.reconnect()
        if (run.stop.aborted) tellStop()
      }
    }
  } finally {
    run.stop.removeEventListener('abort', tellStop)
  }
}

// A package's installation can take its time; a host that went away is noticed by keep-alive, not by this.
const longest = 6 * 3600
// Of follow.pl.
const notBegun = 74

function launchAndFollow({ id, script }: DetachedRun, from: number): string {
  const words = [stateDirectory, runDirectory(id), String(from), String(Buffer.byteLength(script))]
  return hereInBase64(`exec perl -e ${quote(follower)} -- ${quoteAll(words)}`, script)
}

const follower = readFileSync(new URL('follow.pl', import.meta.url), 'utf8')

function notFollowed(host: string, id: string, exitCode: number, said: string): HostError {
  const lines = said.trimEnd().split('\n').slice(-6)
  if (exitCode === notBegun)
    return new HostError('not-begun', `${host}: the run can’t be written to ${runDirectory(id)}`, {
      lines,
      hint: 'Nothing was begun. See with `df` whether the disk is full, make room and run again.',
    })
  return new HostError('stage-lost', `${host}: the run’s log in ${runDirectory(id)} can’t be followed`, {
    lines,
    hint: 'Whether all steps ran is unknown; run again: it begins by looking.',
  })
}

// Best effort: where it doesn't arrive, the stage goes on to its end, which is no harm.
async function stopAt(connection: Connection, id: string): Promise<void> {
  try {
    const stream = await connection.openStream(`true >${quote(stopFile(id))}`, { deadline: 20 })
    stream.stdin.end()
    stream.stdout.resume()
    await stream.done
  } catch {}
}
