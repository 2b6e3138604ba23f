import { readFileSync } from 'node:fs'
import { quote } from '#engine/quote.ts'
import { runDirectory, stageFile, stopFile } from './paths.ts'
import type { RunIdentity } from './run-identity.ts'

export interface StageParts {
  /** Of the run and the stage: the name of its directory on the host. */
  readonly id: string
  /** The secret prefix of marks. */
  readonly nonce: string
  /** The app that is deployed; undefined: the stage changes the host. */
  readonly app?: string
  readonly run: RunIdentity
  readonly variables?: Readonly<Record<string, string>>
  /** Shell functions of the kind of stage. */
  readonly functions: string
  /** The shell of each step, by its index. */
  readonly steps: readonly string[]
  /** Shell that calls the steps and ends with `finish`. */
  readonly calls: string
}

/** The script of a stage, to be run from a file of its own (`$0`) by a session leader that is its parent. */
export function stageScript({
  id,
  nonce,
  app,
  run,
  variables = {},
  functions,
  steps,
  calls,
}: StageParts): string {
  const all = {
    STOP: stopFile(id),
    SESSION: stageFile(app),
    DIR: runDirectory(id),
    RUN: run.runId,
    BY: JSON.stringify(run.who),
    // A migration or a health check that goes on would get in the way of what comes next; dpkg must not be killed.
    ORPHANS: app === undefined ? 'wait' : 'kill',
    END_ORPHANS: endOrphans,
    ...variables,
  }
  return [
    `NONCE=${nonce}\n`,
    ...Object.entries(all).map(([name, value]) => `${name}=${quote(value)}\n`),
    common,
    functions,
    ...steps.map((shell, index) => `step_${index}() {\n${shell}\n}\n`),
    calls,
  ].join('')
}

const common = read('stage.sh')
const endOrphans = read('end-orphans.pl') + read('common.pl')

function read(name: string): string {
  return readFileSync(new URL(name, import.meta.url), 'utf8')
}
