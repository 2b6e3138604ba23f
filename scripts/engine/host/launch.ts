import { readFileSync } from 'node:fs'
import { HostError } from '#engine/errors.ts'
import { quote, quoteAll } from '#engine/quote.ts'
import { hereInBase64 } from '#engine/resources/shell.ts'
import { leaseOf, patience } from './lock.ts'
import { runDirectory, stateDirectory } from './paths.ts'

/** A stage: a script that runs on the host in a session of its own, whatever becomes of the connection. */
export interface Stage {
  /** Of the run and the stage: the name of its directory on the host. */
  readonly id: string
  /** Begins with the line `NONCE=…`, and marks its steps with it as marks.ts says. */
  readonly script: string
  /** What becomes of the steps of a stage whose script was killed: they are killed, or waited for. */
  readonly orphans: 'kill' | 'wait'
}

/**
 * Shell that launches a stage, unless it was launched before, and prints its log from the byte `from` as it grows. Ends
 * with 0 once the stage and all that it started have ended.
 */
export function launchAndFollow({ id, script, orphans }: Stage, from: number): string {
  const before = quoteAll([stateDirectory, runDirectory(id)])
  const after = quoteAll([String(from), String(Buffer.byteLength(script)), String(patience), orphans, logger])
  return hereInBase64(`exec perl -e ${quote(follower)} -- ${before} ${leaseOf('$$')} ${after}`, script)
}

/** Exit codes of follow.pl. */
const notBegun = 74
export const unattended = 76

/** The error of a stage whose log could not be followed. */
export function notFollowed(host: string, id: string, exitCode: number, said: string): HostError {
  const lines = said.trimEnd().split('\n').slice(-6)
  if (exitCode === notBegun)
    return new HostError('not-begun', `${host}: the run can’t be written to ${runDirectory(id)}`, {
      lines,
      hint: 'Nothing was changed. Check with `df` whether the disk is full, free space and run again.',
    })
  return new HostError('stage-lost', `${host}: the run’s log in ${runDirectory(id)} can’t be followed`, {
    lines,
    hint: 'Whether all steps ran is unknown. Run again: it reads the host’s state first.',
  })
}

const [follower, logger] = ['follow.pl', 'log.pl'].map(name => read(name) + read('common.pl')) as [
  string,
  string,
]

function read(name: string): string {
  return readFileSync(new URL(name, import.meta.url), 'utf8')
}
