import { CapstanError } from '#engine/errors.ts'
import { clean, cleanLines, oneLine } from '#engine/output/clean.ts'
import { type Created, countsOf, createdGroups } from '#engine/output/created.ts'
import { summary, unifiedDiff } from '#engine/output/difference.ts'
import { renderError } from '#engine/output/errors.ts'
import type { Event, PlannedChange } from '#engine/output/events.ts'
import { type Colour, lineLayout } from '#engine/output/layout.ts'
import type { Paint } from '#engine/output/paint.ts'
import type { Environment } from '#engine/output/printer.ts'
import { recapLines } from '#engine/output/recap.ts'
import { displayWidth, wrapTo } from '#engine/output/width.ts'

export interface LineOptions {
  readonly verbosity: number
  readonly diff: boolean
  readonly paint: Paint
  readonly env: Environment
  /** Of the terminal, now: no line is longer. Absent, or undefined: a log, whose lines may be of any length. */
  readonly columns?: () => number | undefined
}

export interface EventLines {
  /** The lines that an event is reported in; none for what `verbosity` leaves out. */
  of(event: Event): readonly string[]
  /** What was held back, for the end. */
  rest(): readonly string[]
}

// Fewer new resources of a role are listed one by one.
const groupFrom = 4

/** Gives the lines of one event after the other. Every line of a host starts with its name. */
export function eventLines({
  verbosity,
  diff,
  paint,
  env,
  columns = () => undefined,
}: LineOptions): EventLines {
  const layout = lineLayout({ paint, columns, statusWidth: verbosity >= 3 ? 9 : 7 })
  const groups = createdGroups()
  const grouping = verbosity === 0 && !diff
  // A hint that fits a hundred hosts is printed once.
  const hints = new Set<string>()
  let hostWidth = 0
  let lastNote = false
  let outputOf = ''

  function of(event: Event): readonly string[] {
    const hosts = event.event === 'run' ? event.hosts : 'host' in event && event.host ? [event.host] : []
    layout.see(hosts)
    hostWidth = Math.max(hostWidth, ...hosts.map(host => displayWidth(clean(host))))
    if (!grouping) return lines(event)
    const before = groups.ended(event).flatMap(created)
    if (!groups.holds(event)) return [...before, ...lines(event)]
    groups.add(event)
    return before
  }

  function created(group: Created): readonly string[] {
    const [first] = group.events
    if (first === undefined || group.events.length < groupFrom) return group.events.flatMap(lines)
    const seconds = group.events.reduce((sum, event) => sum + event.seconds, 0)
    const cells = { role: first.role, resource: `new: ${countsOf(group)}`, seconds }
    return [layout.resource(first.host, 'yellow', 'changed', cells)]
  }

  function lines(event: Event): readonly string[] {
    const follows = lastNote
    lastNote = event.event === 'note'
    switch (event.event) {
      case 'run':
        if (event.check) layout.widen(12)
        return [paint('bold', runTitle(event, columns()))]
      case 'progress':
        return cleanLines(event.message).flatMap(line =>
          wrapped(line, displayWidth(layout.name(event.host))).map(part => layout.name(event.host) + part),
        )
      case 'connected':
        return fromLevel(3, () =>
          layout.text(event.host, 'dim', 'connected', oneLine(event.address), event.seconds),
        )
      case 'facts':
        return fromLevel(3, () =>
          Object.entries(event.facts).flatMap(([key, value]) =>
            layout.text(
              event.host,
              'dim',
              'fact',
              `${oneLine(key)} = ${oneLine(JSON.stringify(value) ?? '')}`,
            ),
          ),
        )
      case 'probed':
        return fromLevel(3, () =>
          layout.text(event.host, 'dim', 'probed', `${event.resources} resources, pass ${event.pass}`),
        )
      case 'ok':
        return fromLevel(1, () => [layout.resource(event.host, 'green', 'ok', event)])
      case 'skipped':
        return fromLevel(1, () => [
          layout.resource(event.host, 'cyan', 'skipped', { ...event, what: oneLine(event.why) }),
        ])
      case 'planned': {
        const [colour, status]: [Colour, string] =
          event.unknown !== undefined
            ? ['magenta', 'may change']
            : ['yellow', event.handler ? 'would run' : 'would change']
        const what = event.unknown === undefined ? change(event) : `unknown yet: ${oneLine(event.unknown)}`
        return [layout.resource(event.host, colour, status, { ...event, what }), ...diffs(event.host, event)]
      }
      case 'changing':
        return fromLevel(3, () => [
          layout.resource(event.host, 'dim', 'begun', { ...event, what: change(event) }),
        ])
      case 'changed':
        return [
          layout.resource(event.host, 'yellow', 'changed', { ...event, what: change(event) }),
          ...diffs(event.host, event),
        ]
      case 'output':
        return fromLevel(event.shown ? 0 : 2, () => output(event.host, event.resource, event.text))
      case 'warning':
        return warning(event.host, event.message, event.hint)
      case 'failed': {
        const { host, error } = event
        const hint = error instanceof CapstanError ? error.hint : undefined
        const shown = { host, hostWidth, stack: verbosity >= 3, paint, env, columns: columns() }
        if (hint !== undefined && hints.has(hint))
          return renderError(error, { ...shown, hint: false }).split('\n')
        if (hint !== undefined) hints.add(hint)
        return renderError(error, shown).split('\n')
      }
      case 'step':
        return step(event)
      case 'finished':
        return fromLevel(3, () => layout.text(event.host, 'dim', 'end'))
      // Reported by the steps and the note at the end, or seen in the live view.
      case 'release':
      case 'working':
      case 'waiting':
        return []
      case 'note':
        return [...(follows ? [] : ['']), ...cleanLines(event.message).flatMap(noteLines)]
      case 'recap':
        return ['', ...recapLines(event.hosts, paint, columns())]
    }
  }

  return { of, rest: () => groups.ended().flatMap(created) }

  function fromLevel(level: number, all: () => readonly string[]): readonly string[] {
    return verbosity >= level ? all() : []
  }

  function wrapped(line: string, left: number): readonly string[] {
    const all = columns()
    return all === undefined ? [line] : wrapTo(line, Math.max(10, all - 1 - left))
  }

  function diffs(host: string, { resource, differences }: PlannedChange): readonly string[] {
    if (!diff) return []
    const all = differences.flatMap(difference => unifiedDiff(resource, difference))
    return all.flatMap(line => layout.verbatim(host, '', [line], () => diffColour(line)))
  }

  function output(host: string, resource: string, text: string): readonly string[] {
    const head =
      outputOf === `${host} ${resource}` ? [] : layout.text(host, 'dim', 'output', oneLine(resource))
    outputOf = `${host} ${resource}`
    return [...head, ...layout.verbatim(host, `${paint('dim', '|')} `, cleanLines(text))]
  }

  function warning(host: string | undefined, message: string, hint: string | undefined): readonly string[] {
    const [first = '', ...more] = [...cleanLines(message), ...(hint === undefined ? [] : cleanLines(hint))]
    return [
      ...layout.text(host, 'magenta', 'warning', first),
      ...more.flatMap(line => layout.text(undefined, 'reset', '', line)),
    ]
  }

  function step(event: Event & { readonly event: 'step' }): readonly string[] {
    const begun = event.state === 'begun'
    if (begun && verbosity < 3) return []
    if (event.readOnly && verbosity < 1) return []
    const [colour, status]: [Colour, string] =
      event.state === 'planned' ? ['yellow', 'would do'] : [begun ? 'dim' : 'green', event.state]
    const cells = { title: oneLine(event.step), text: oneLine(event.note ?? ''), seconds: event.seconds }
    return layout.titled(event.host, colour, status, cells)
  }

  /** A command, which is indented, continues behind a backslash, so that it can be copied whole. */
  function noteLines(line: string): readonly string[] {
    const [indent = ''] = /^ */.exec(line) ?? []
    if (indent === '') return wrapped(line, 0)
    const all = columns()
    if (all === undefined || displayWidth(line) < all) return [line]
    const parts = wrapTo(line.trim(), all - 1 - indent.length - 4)
    return parts.map((part, index) => {
      const end = index < parts.length - 1 ? ' \\' : ''
      return `${indent}${index === 0 ? '' : '  '}${part}${end}`
    })
  }
}

function runTitle(
  { command, hosts, check }: Event & { readonly event: 'run' },
  columns: number | undefined,
): string {
  const end = check ? ' (check: nothing is changed)' : ''
  const title =
    hosts.length === 0 ? oneLine(command) : `${oneLine(command)}: ${hosts.map(oneLine).join(', ')}`
  if (hosts.length <= 8 && displayWidth(title + end) < (columns ?? Number.POSITIVE_INFINITY))
    return title + end
  return `${oneLine(command)}: ${hosts.length} hosts${end}`
}

function change({ differences, handler }: PlannedChange): string {
  return handler ? 'handler' : summary(differences)
}

function diffColour(line: string): Colour {
  if (line.startsWith('---') || line.startsWith('+++')) return 'bold'
  if (line.startsWith('-')) return 'red'
  if (line.startsWith('+')) return 'green'
  return line.startsWith('@@') ? 'cyan' : 'reset'
}
