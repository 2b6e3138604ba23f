import { verbatim } from '../clean.ts'
import type { Collected } from './collect.ts'
import type { Detail } from './details.ts'
import { type Headline, outcomes } from './headline.ts'
import type { ReportedHost } from './host.ts'
import { type Row, statuses } from './row.ts'

export interface ReportTimes {
  /** When the run began, as ISO's text. */
  readonly began: string
  /** How long it has taken so far. */
  readonly ms: number
}

/**
 * What the page shows, as JSON that can stand in a script element: secrets masked, control characters shown, no `<`.
 * Texts, resources and details are in tables, and a host's rows are numbers: page/data.js reads them.
 */
export function reportJson(run: Collected, { outcome, text }: Headline, times: ReportTimes): string {
  const tables = new Tables()
  const data = {
    outcome: outcomes.indexOf(outcome),
    title: text,
    ...times,
    runs: run.runs.map(({ command, inventory = '', check }) => [command, inventory, check ? 1 : 0]),
    hosts: run.hosts.map(host => hostData(host, run, tables)),
    errors: run.errors.map(
      ({ host = '', code, message, lines, where = '', hint = '', isUnreachable }) =>
        [host, isUnreachable ? 1 : 0, code, message, lines.join('\n'), where, hint] as const,
    ),
    warnings: run.warnings.map(({ host = '', message }) => [host, message]),
    releases: run.releases.map(
      ({ app, outcome: how, release = '', previous = '', url, rollback = '', commits = [] }) => [
        app,
        releaseOutcomes.indexOf(how),
        release,
        previous,
        url,
        rollback,
        commits.map(({ sha, subject }) => [sha, subject]),
      ],
    ),
    notes: run.notes,
    ...tables.all(),
  }
  return JSON.stringify(data, (_key, value) =>
    typeof value === 'string' ? verbatim(value) : value,
  ).replaceAll('<', '\\u003c')
}

// The words of a host's or release's state are numbers: a secret that is such a word must not hide them.
export const releaseOutcomes = ['live', 'already live', 'planned', 'back', 'failed']
export const hostStates = ['ok', 'changed', 'failed', 'unreachable', 'not ended']

/** `rows` are seven numbers for each row that is neither `ok` nor `skipped`: those two are ranges of resources. */
function hostData(host: ReportedHost, { doing }: Collected, tables: Tables) {
  const {
    ok = 0,
    changed = 0,
    failed = 0,
    skipped = 0,
    unreachable = 0,
    trips = 0,
    seconds = 0,
  } = host.recap ?? {}
  const now = doing.find(each => each.host === host.name)?.what
  const others = host.rows.filter(row => !isPlain(row))
  return {
    name: host.name,
    state: hostStates.indexOf(stateOf(host)),
    counts: [ok, changed, failed + unreachable, skipped, trips, Math.round(seconds * 1000)],
    doing: now ?? '',
    facts: factsOf(host).map(([name, value]) => [tables.text(name), tables.text(value)]),
    spans: host.spans.flatMap(({ label, from, to, isFailed }) => [
      ...[tables.text(label), Math.round(from), Math.round(to - from), isFailed ? 1 : 0],
    ]),
    ok: ranges(host.rows.filter(row => isPlain(row) && row.status === 'ok').map(row => tables.resource(row))),
    skipped: skippedBy(host, tables),
    rows: others.flatMap(row => [
      ...[tables.resource(row), statuses.indexOf(row.status), Math.round(row.at)],
      ...[row.took === undefined ? -1 : Math.round(row.took), tables.detail(row.detail)],
      ...[tables.text(row.why ?? ''), tables.text(row.printed?.join('\n') ?? '')],
    ]),
  }
}

function isPlain({ status, detail, printed, took }: Row): boolean {
  return (status === 'ok' || status === 'skipped') && !detail && !printed && took === undefined
}

/** Ranges of skipped resources for each reason: `[why, [first, count, …]]`. */
function skippedBy({ rows }: ReportedHost, tables: Tables) {
  const byWhy = new Map<string, number[]>()
  for (const row of rows) {
    if (!isPlain(row) || row.status !== 'skipped') continue
    const { why = '' } = row
    byWhy.set(why, [...(byWhy.get(why) ?? []), tables.resource(row)])
  }
  return [...byWhy].map(([why, skipped]) => [tables.text(why), ranges(skipped)])
}

function stateOf({ recap, rows }: ReportedHost): string {
  const statusOf = new Set(rows.map(({ status }) => status))
  if (recap ? recap.unreachable > 0 : statusOf.has('unreachable')) return 'unreachable'
  if (recap ? recap.failed > 0 : statusOf.has('failed')) return 'failed'
  if (!recap) return 'not ended'
  return recap.changed > 0 ? 'changed' : 'ok'
}

function factsOf({ facts }: ReportedHost): readonly (readonly [name: string, value: string])[] {
  const { os, cpus, memory, addresses } = (facts ?? {}) as Readonly<Record<string, unknown>>
  const name = typeof os === 'object' && os !== null && 'name' in os ? os.name : undefined
  const all = { system: name, CPUs: cpus, 'memory, MiB': memory, addresses }
  return Object.entries(all).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, Array.isArray(value) ? value.join(', ') : String(value)] as const],
  )
}

/** `[4, 5, 6, 9]` as `[4, 3, 9, 1]`: first and count of each row of successive numbers. */
function ranges(numbers: readonly number[]): readonly number[] {
  const found: number[] = []
  for (const number of numbers) {
    const [first = 0, count = 0] = found.slice(-2)
    if (count > 0 && number === first + count) found[found.length - 1] = count + 1
    else found.push(number, 1)
  }
  return found
}

/** What many rows share, once. */
class Tables {
  readonly #texts = new Map<string, number>([['', 0]])
  readonly #resources = new Map<string, number>()
  readonly #details = new Map<Detail | undefined, number>([[undefined, 0]])

  text(text: string): number {
    return indexIn(this.#texts, text)
  }

  resource({ role, resource, where }: Row): number {
    return indexIn(this.#resources, JSON.stringify([role, resource, where]))
  }

  detail(detail: Detail | undefined): number {
    return indexIn(this.#details, detail)
  }

  all() {
    return {
      texts: [...this.#texts.keys()],
      resources: [...this.#resources.keys()].map(key => JSON.parse(key) as readonly string[]),
      details: [...this.#details.keys()].map(detail =>
        detail ? [detail.summary, detail.values, detail.diffs] : 0,
      ),
    }
  }
}

function indexIn<K>(table: Map<K, number>, key: K): number {
  const index = table.get(key) ?? table.size
  table.set(key, index)
  return index
}
