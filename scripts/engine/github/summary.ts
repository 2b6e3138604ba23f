import { summary as changeSummary, unifiedDiff } from '#engine/output/difference.ts'
import { duration } from '#engine/output/duration.ts'
import type { HostRecap } from '#engine/output/events.ts'
import { block, code, folded, prose, table } from './markdown.ts'
import { releaseHead, releaseTail, type SummaryOptions } from './release-summary.ts'
import type { ReportedChange, ReportedError, RunReport } from './run-report.ts'

/** A run as GitHub's markdown: what came of it, what went wrong, hosts, changes, times, and the way back. */
export function summarize(report: RunReport, options: SummaryOptions): string {
  return [
    `## ${title(report, options)}`,
    ...(report.recap
      ? options.signal && report.release
        ? [`**${releaseTitle(report)}**`]
        : []
      : [stoppedAt(report)]),
    ...releaseHead(report, options),
    ...report.errors.map(failure),
    hostTable(report),
    changeTable(report),
    ...(options.diff ? diffs(report.changes) : []),
    stepTable(report),
    ...warnings(report),
    ...releaseTail(report, options),
  ]
    .filter(Boolean)
    .join('\n\n')
    .concat('\n\n')
}

function title(report: RunReport, { signal }: SummaryOptions): string {
  const { release, command, recap, changes } = report
  const about = prose(report.inventory ?? command)
  if (signal !== undefined && release?.outcome !== 'live')
    return `⏹️ ${about}: ${command} was cancelled (${signal})`
  if (!recap) return `❌ ${about}: ${command} ended before its end`
  const failed = Object.values(recap).filter(one => one.failed + one.unreachable > 0).length
  if (release) return releaseTitle(report)
  if (failed > 0) return `❌ ${about}: ${failed} of ${count(report.hosts.length, 'host')} failed`
  const what = count(changes.filter(({ handler }) => !handler).length, 'change')
  if (report.check)
    return changes.length > 0 ? `🔎 ${about}: ${what} would be made` : `✅ ${about}: all as declared`
  return changes.length > 0 ? `✅ ${about}: ${what} made` : `✅ ${about}: all as declared, nothing changed`
}

function releaseTitle({ release, errors }: RunReport): string {
  if (!release) return ''
  const { app, outcome, how, release: id, previous } = release
  const at = failedStep(errors)
  const name = prose(id === undefined ? app : `${app}: ${id}`)
  const before = prose(previous ?? '')
  if (outcome === 'planned') return `🔎 ${name} would ${before ? 'be deployed' : 'be the first to be live'}`
  if (outcome === 'live') return `✅ ${name} is live${how === 'rollback' ? ' again' : ''}`
  if (outcome === 'already live') return `✅ ${name} is already live: nothing to do`
  const failed = at === undefined ? 'failed' : `failed at ${prose(at)}`
  if (outcome === 'back')
    return `↩️ ${name} ${failed}; ${before ? `back to ${before}` : 'nothing is live, as before'}`
  return `❌ ${name} ${failed}; the site is as before`
}

// A deploy's errors have the step in their code.
function failedStep(errors: readonly ReportedError[]): string | undefined {
  return errors.map(({ code: word }) => /^step-(.+)$/.exec(word)?.[1]).find(Boolean)
}

function stoppedAt({ doing, hosts }: RunReport): string {
  const at = doing.map(({ host, what }) => `- ${code(host ?? 'here')} was at ${code(what)}`)
  const where =
    at.length > 0 ? at.slice(0, 20).join('\n') : `- ${hosts.map(code).join(', ')} had nothing to do`
  return `The run stopped here. Each host finishes its current step, or leaves it undone. The next run continues from the current state.\n\n${where}`
}

export function failure({ host, message, where, lines, hint }: ReportedError): string {
  const who = host === undefined || message.startsWith(`${host}: `) ? '' : `${code(host)} `
  return [
    `**${who}${prose(message)}**${where === undefined ? '' : ` · ${code(where)}`}`,
    ...(lines.length > 0 ? [block(lines)] : []),
    ...(hint === undefined ? [] : [hint.split('\n').map(prose).join('<br>')]),
  ].join('\n\n')
}

function hostTable({ recap, release, steps, check }: RunReport): string {
  if (!recap) return ''
  const health = (host: string) => {
    const step = steps.find(each => each.host === host && each.step === 'health')
    return step?.seconds === undefined ? '' : `✅ ${duration(step.seconds)}`
  }
  const planned = release?.outcome === 'planned'
  const gated = release !== undefined && !planned && steps.some(({ step }) => step === 'health')
  return table(
    [
      ['host', 'left'],
      ['', 'left'],
      ...(planned ? [] : [[release ? 'steps' : check ? 'would change' : 'changed', 'right'] as const]),
      ...(release ? [] : [['as declared', 'right'] as const]),
      ...(gated ? [['health', 'right'] as const] : []),
      ['trips', 'right'],
      ['time', 'right'],
    ],
    Object.entries(recap).map(([host, one]) => [
      code(host),
      stateOf(one),
      ...(planned ? [] : [String(one.changed)]),
      ...(release ? [] : [String(one.ok - one.changed)]),
      ...(gated ? [health(host)] : []),
      String(one.trips),
      duration(one.seconds),
    ]),
  )
}

function stateOf({ failed, unreachable }: HostRecap): string {
  return unreachable > 0 ? '❌ unreachable' : failed > 0 ? '❌ failed' : '✅'
}

const mostRows = 100

function changeTable({ changes, hosts }: RunReport): string {
  const many = hosts.length > 1
  const rows = changes
    .slice(0, mostRows)
    .map(({ host, role, resource, seconds, ...change }) => [
      ...(many ? [code(host)] : []),
      code(role),
      code(resource),
      change.unknown === undefined
        ? change.handler
          ? 'handler'
          : prose(changeSummary(change.differences))
        : `unknown yet: ${prose(change.unknown)}`,
      seconds === undefined ? '' : duration(seconds),
    ])
  const told = table(
    [
      ...(many ? [['host', 'left'] as const] : []),
      ['role', 'left'],
      ['resource', 'left'],
      ['change', 'left'],
      ['time', 'right'],
    ],
    rows,
  )
  const more = changes.length - rows.length
  const whole = more > 0 ? `${told}\n\n… and ${more} more` : told
  return rows.length > 12 ? folded(`${changes.length} changes`, whole) : whole
}

const mostDiffs = 30

function diffs(changes: readonly ReportedChange[]): readonly string[] {
  const all = changes.flatMap(({ host, resource, differences }) =>
    differences.flatMap(difference => {
      const lines = unifiedDiff(resource, difference)
      return lines.length === 0 ? [] : [`${code(host)} ${code(resource)}\n\n${block(lines, 'diff')}`]
    }),
  )
  if (all.length === 0) return []
  const more = all.length > mostDiffs ? [`… and ${all.length - mostDiffs} more: see the log`] : []
  return [folded('Differences', [...all.slice(0, mostDiffs), ...more].join('\n\n'))]
}

function stepTable({ steps, hosts, errors }: RunReport): string {
  if (steps.length === 0) return ''
  const failed = (host: string) => failedStep(errors.filter(error => error.host === host))
  const ends = hosts.map(failed).filter(step => step !== undefined)
  const names = [...new Set([...steps.map(({ step }) => step), ...ends])]
  const shown = hosts.slice(0, 6)
  const cell = (step: string, host: string) => {
    const found = steps.find(each => each.step === step && each.host === host)
    if (!found) return failed(host) === step ? '❌' : ''
    return found.seconds === undefined ? '' : duration(found.seconds)
  }
  const notes = (step: string) => {
    const found = steps.find(each => each.step === step && each.note !== undefined)
    return found?.note === undefined ? '' : prose(found.note)
  }
  return table(
    [['step', 'left'], ...shown.map(host => [code(host), 'right'] as const), ['', 'left']],
    names.map(step => [prose(step), ...shown.map(host => cell(step, host)), notes(step)]),
  )
}

function warnings({ warnings: told }: RunReport): readonly string[] {
  if (told.length === 0) return []
  return [
    told
      .slice(0, 20)
      .map(({ host, message }) => `- ⚠️ ${host === undefined ? '' : `${code(host)} `}${prose(message)}`)
      .join('\n'),
  ]
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`
}
