import { readFileSync } from 'node:fs'
import { runtimeDirectory, stateDirectory } from '#engine/host/paths.ts'
import type { RunIdentity } from '#engine/host/run-identity.ts'
import { stageScript } from '#engine/host/stage-script.ts'
import { quote } from '#engine/quote.ts'
import { handlerKey } from '#engine/resources/resource.ts'
import { here } from '#engine/resources/shell.ts'
import type { Site } from '#engine/vars.ts'
import { batches, record } from './batches.ts'
import { type Step, transactions } from './plan.ts'

/** The sites of the host, and those that it no longer has. */
export type StageSites = readonly (Pick<Site, 'app' | 'domain'> & { readonly isRemoved?: boolean })[]

/** Copies of config sets that a stage made; what is left of a stage that was killed is named there. */
const leftovers = `${stateDirectory}/leftovers`

/** The marks of unit files that systemd has not read yet; prelude.sh has their endings. */
const units = `${runtimeDirectory}/units`

/**
 * The script of one stage: it stops at the first step that fails, and between two steps once it is asked to stop.
 * Its marks are those of marks.ts, whose `index` is the step's, or for a config set the transaction's.
 */
export function convergeScript(
  stage: readonly Step[],
  {
    id,
    nonce,
    run,
    sites,
  }: {
    readonly id: string
    readonly nonce: string
    readonly run: RunIdentity
    readonly sites: StageSites
  },
): string {
  const groups = transactions(stage)
  const order = new Map(stage.map((step, index) => [step, index]))
  const sets = groups.flatMap(({ set, steps }, index) =>
    set
      ? [
          `set_${index}() {\n${steps.map(step => `run ${order.get(step)}\n`).join('')}}\n`,
          `test_${index}() {\n${set.test}\n}\n`,
        ]
      : [],
  )
  const inBatch = new Set<Step>()
  const calls = batches(groups, notifiedBy).map(({ set, steps, index, keys }) => {
    if (set) return `transaction ${index} ${quote(set.root)} ${keys}\n`
    if (steps.length === 1) return steps.map(step => call(step, order.get(step) ?? 0, keys)).join('')
    for (const step of steps) inBatch.add(step)
    const changes = steps.map(step => record(step, order.get(step) ?? 0))
    const pending = keys === '' ? '' : `set_pending ${keys}\n`
    return `halt\n${pending}${here('many', Buffer.concat(changes))}after_many $?\n`
  })
  return stageScript({
    id,
    nonce,
    run,
    variables: {
      PENDING: `${stateDirectory}/pending`,
      LEFTOVERS: leftovers,
      UNITS: units,
      SITES: sites
        .map(({ app, domain, isRemoved }) => `${app} ${domain}${isRemoved ? ' removed' : ''}`)
        .join('\n'),
      SITE_FILE: `${stateDirectory}/site`,
    },
    functions: [prelude, steps, restore].join(''),
    steps: stage.map(step => (inBatch.has(step) ? ':' : shellOf(step))),
    calls: [
      ...sets,
      'case ${1-} in candidate) shift; candidate "$@" ;; esac\n',
      'echo "$PPID" >"$SESSION"\nremember_sites\n',
      ...calls,
      'finish 0\n',
    ].join(''),
  })
}

/**
 * Shell that removes what a stage that was killed left behind, puts back a directory that it was changing in place, has systemd
 * read unit files that it changed, and takes over the pending handlers that older versions kept in `owed`.
 */
export const clearLeftovers = `
if [ -d ${stateDirectory}/owed ]; then
  mkdir -p -m 700 ${stateDirectory}/pending && cp -- ${stateDirectory}/owed/* ${stateDirectory}/pending/ 2>/dev/null
  rm -rf -- ${stateDirectory}/owed
fi
if [ -s ${leftovers}.place ]; then (
  ${read('restore.sh')}
  IFS='	' read -r copy root <${leftovers}.place; [ -d "$copy" ] && restore "$copy" "$root"; rm -f ${leftovers}.place
); fi
if [ -e ${units}-changed ] || [ -e ${units}-enabled ]; then
  systemctl daemon-reload && rm -f ${units}-changed ${units}-enabled
fi
if [ -s ${leftovers} ]; then
  while IFS= read -r old; do rm -rf -- "$old"; done <${leftovers}
  rm -f ${leftovers}
fi
`

function shellOf(step: Step): string {
  if (step.type === 'handler') return `units_read\n${step.handler.action}`
  const { kind, wanted } = step.resource
  return `${kind.usesUnits === false ? '' : 'units_read\n'}${kind.apply(wanted, step.found)}`
}

function call(step: Step, index: number, keys: string): string {
  if (step.type === 'handler') return `handle ${index} ${fileName(handlerKey(step.handler))}\n`
  return `${keys === '' ? '' : `set_pending ${keys}\n`}run ${index}\n`
}

function notifiedBy(step: Step): readonly string[] {
  return step.type === 'handler' ? [] : step.resource.notify.map(handler => fileName(handlerKey(handler)))
}

// For any text: its bytes in hex.
function fileName(key: string): string {
  return Buffer.from(key).toString('hex')
}

function read(name: string): string {
  return readFileSync(new URL(name, import.meta.url), 'utf8')
}

const prelude = read('../resources/prelude.sh')
const steps = read('steps.sh')
const restore = read('restore.sh')
