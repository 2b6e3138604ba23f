import { readFileSync } from 'node:fs'
import { quote } from '#engine/quote.ts'
import type { Resource } from '#engine/resources/resource.ts'
import { stateDirectory } from './facts.ts'
import { handlerKey, type Step, transactions } from './plan.ts'

/** Where a stage that runs says which session it is: what it leaves behind is known by that. */
export const sessionFile = '/run/capstan/stage'

/**
 * The script of one stage, to be run from a file of its own (`$0`). It marks what it does on stdout, a line each
 * behind an empty one: `NONCE begin STEP` and the others that marks.ts reads. It stops at the first step that
 * fails, and between two steps once the file `stop` is there.
 */
export function stageScript(stage: readonly Step[], nonce: string, stop: string): string {
  const groups = transactions(stage)
  const order = new Map(stage.map((step, index) => [step, index]))
  const functions = stage.map((step, index) => `step_${index}() {\n${shellOf(step)}\n}\n`)
  const sets = groups.flatMap(({ set, steps }, index) =>
    set
      ? [
          `set_${index}() {\n${steps.map(step => `run ${order.get(step)}\n`).join('')}}\n`,
          `test_${index}() {\n${set.test}\n}\n`,
        ]
      : [],
  )
  const calls = groups.map(({ set, steps }, index) => {
    const owed = [...new Set(steps.flatMap(owedBy))].join(' ')
    if (set) return `transaction ${index} ${quote(set.root)} ${owed}\n`
    return steps.map(step => call(step, order.get(step) ?? 0, owed)).join('')
  })
  return [
    `NONCE=${nonce} STOP=${quote(stop)} SESSION=${sessionFile}\n`,
    `OWED=${stateDirectory}/owed LEFTOVERS=${stateDirectory}/leftovers\n`,
    readFileSync(prelude, 'utf8'),
    readFileSync(runner, 'utf8'),
    restoreShell(),
    ...functions,
    ...sets,
    'case ${1-} in candidate) shift; candidate "$@" ;; esac\n',
    'echo $$ >"$SESSION"\n',
    ...calls,
    'finish 0\n',
  ].join('')
}

function shellOf(step: Step): string {
  if (step.type === 'handler') return step.handler.action
  const { kind, wanted } = step.resource
  return kind.apply(wanted, step.found)
}

function call(step: Step, index: number, owed: string): string {
  if (step.type === 'handler') return `handle ${index} ${owedName(handlerKey(step.handler))}\n`
  return `${owed === '' ? '' : `owe ${owed}\n`}run ${index}\n`
}

function owedBy(step: Step): readonly string[] {
  return step.type === 'handler' ? [] : notified(step.resource)
}

function notified(resource: Resource): readonly string[] {
  return resource.notify.map(handler => owedName(handlerKey(handler)))
}

// A file's name for any text: its bytes in hex.
function owedName(key: string): string {
  return Buffer.from(key).toString('hex')
}

const prelude = new URL('../resources/prelude.sh', import.meta.url)
const runner = new URL('stage.sh', import.meta.url)

/** The shell function `restore COPY ROOT`: a directory as its copy is. */
export function restoreShell(): string {
  return readFileSync(new URL('restore.sh', import.meta.url), 'utf8')
}
