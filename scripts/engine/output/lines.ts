import { clean, cleanLines, oneLine } from '#engine/output/clean.ts'
import { summary, unifiedDiff } from '#engine/output/difference.ts'
import { duration } from '#engine/output/duration.ts'
import { renderError } from '#engine/output/errors.ts'
import type { Event, PlannedChange } from '#engine/output/events.ts'
import type { Paint } from '#engine/output/paint.ts'
import type { Environment } from '#engine/output/printer.ts'
import { recapLines } from '#engine/output/recap.ts'
import { displayWidth, padTo } from '#engine/output/width.ts'

export interface LineOptions {
  readonly verbosity: number
  readonly diff: boolean
  readonly paint: Paint
  readonly env: Environment
}

/**
 * Gives the lines that an event is told in, one event after the other; none for what `verbosity` leaves out.
 * Every line of a host starts with its name. The columns are host, status, role, resource, what changed,
 * seconds; they are as wide as what was seen so far needs.
 */
export function eventLines({
  verbosity,
  diff,
  paint,
  env,
}: LineOptions): (event: Event) => readonly string[] {
  let hostWidth = 0
  let roleWidth = 5
  let resourceWidth = 32
  let statusWidth = verbosity >= 3 ? 9 : 7
  let lastNote = false
  let outputOf = ''

  return event => {
    const follows = lastNote
    lastNote = event.event === 'note'
    if ('host' in event && event.host !== undefined) hostWidth = Math.max(hostWidth, widthOf(event.host))

    switch (event.event) {
      case 'run':
        hostWidth = Math.max(hostWidth, ...event.hosts.map(widthOf))
        if (event.check) statusWidth = 12
        return [paint('bold', runTitle(event.command, event.hosts, event.check))]
      case 'progress':
        return cleanLines(event.message).map(line => `${name(event.host)}${line}`)
      case 'connected':
        return fromLevel(3, () => [
          row(event.host, 'dim', 'connected', oneLine(event.address), duration(event.seconds)),
        ])
      case 'facts':
        return fromLevel(3, () =>
          Object.entries(event.facts).map(([key, value]) =>
            row(event.host, 'dim', 'fact', `${oneLine(key)} = ${oneLine(JSON.stringify(value) ?? '')}`),
          ),
        )
      case 'probed':
        return fromLevel(3, () => [
          row(event.host, 'dim', 'probed', `${event.resources} resources, pass ${event.pass}`),
        ])
      case 'ok':
        return fromLevel(1, () => [resourceRow(event, 'green', 'ok')])
      case 'skipped':
        return fromLevel(1, () => [resourceRow(event, 'cyan', 'skipped', oneLine(event.why))])
      case 'planned':
        return [
          event.unknown === undefined
            ? resourceRow(event, 'yellow', event.handler ? 'would run' : 'would change', change(event))
            : resourceRow(event, 'magenta', 'may change', `unknown yet: ${oneLine(event.unknown)}`),
          ...diffs(event.host, event),
        ]
      case 'changing':
        return fromLevel(3, () => [resourceRow(event, 'dim', 'begun', change(event))])
      case 'changed':
        return [
          resourceRow(event, 'yellow', 'changed', change(event), duration(event.seconds)),
          ...diffs(event.host, event),
        ]
      case 'output':
        return fromLevel(2, () => output(event.host, event.resource, event.text))
      case 'warning':
        return warning(event.host, event.message, event.hint)
      case 'failed': {
        const { host, error } = event
        return renderError(error, { host, hostWidth, stack: verbosity >= 3, paint, env }).split('\n')
      }
      case 'step':
        return step(event)
      case 'finished':
        return fromLevel(3, () => [row(event.host, 'dim', 'end')])
      // Told by the steps, and by the note at the end of a run.
      case 'release':
        return []
      case 'note':
        return [...(follows ? [] : ['']), ...cleanLines(event.message)]
      case 'recap':
        return ['', ...recapLines(event.hosts, paint)]
    }
  }

  function fromLevel(level: number, lines: () => readonly string[]): readonly string[] {
    return verbosity >= level ? lines() : []
  }

  function name(host: string | undefined): string {
    const width = hostWidth === 0 ? 0 : hostWidth + 2
    return padTo(host === undefined ? '' : oneLine(host), width)
  }

  function row(host: string | undefined, colour: Colour, status: string, text = '', after = ''): string {
    const told = `${name(host)}${paint(colour, padTo(status, statusWidth))}  ${text}`
    return after === '' ? told.trimEnd() : `${told}  ${paint('dim', after)}`
  }

  function resourceRow(
    { host, role, resource }: { readonly host: string; readonly role: string; readonly resource: string },
    colour: Colour,
    status: string,
    what = '',
    after = '',
  ): string {
    const [roleName, resourceName] = [oneLine(role), oneLine(resource)]
    roleWidth = Math.min(16, Math.max(roleWidth, displayWidth(roleName)))
    resourceWidth = Math.min(56, Math.max(resourceWidth, displayWidth(resourceName)))
    const told = `${padTo(roleName, roleWidth)}  ${padTo(resourceName, resourceWidth)}`
    return row(host, colour, status, `${told}  ${padTo(what, after === '' ? 0 : 26)}`, after)
  }

  function diffs(host: string, { resource, differences }: PlannedChange): readonly string[] {
    if (!diff) return []
    return differences
      .flatMap(difference => unifiedDiff(resource, difference))
      .map(line => `${name(host)}${paint(diffColour(line), line)}`)
  }

  function output(host: string, resource: string, text: string): readonly string[] {
    const head = outputOf === `${host} ${resource}` ? [] : [row(host, 'dim', 'output', oneLine(resource))]
    outputOf = `${host} ${resource}`
    return [...head, ...cleanLines(text).map(line => `${name(host)}${paint('dim', '|')} ${line}`.trimEnd())]
  }

  function warning(host: string | undefined, message: string, hint: string | undefined): readonly string[] {
    const [first = '', ...more] = cleanLines(message)
    const under = ' '.repeat(displayWidth(name(host)) + statusWidth + 2)
    return [
      row(host, 'magenta', 'warning', first),
      ...more.map(line => `${under}${line}`),
      ...(hint === undefined ? [] : cleanLines(hint).map(line => `${under}${line}`)),
    ]
  }

  function step(event: Event & { readonly event: 'step' }): readonly string[] {
    const begun = event.state === 'begun'
    if (begun && verbosity < 3) return []
    const told = `${padTo(oneLine(event.step), 24)}  ${oneLine(event.note ?? '')}`
    const after = event.seconds === undefined ? '' : duration(event.seconds)
    const [colour, status] =
      event.state === 'planned' ? (['yellow', 'would do'] as const) : (['green', event.state] as const)
    return [row(event.host, begun ? 'dim' : colour, status, told.trimEnd(), after)]
  }
}

type Colour = Parameters<Paint>[0]

function runTitle(command: string, hosts: readonly string[], check: boolean): string {
  const where = hosts.length > 8 ? `${hosts.length} hosts` : hosts.map(oneLine).join(', ')
  const title = hosts.length === 0 ? oneLine(command) : `${oneLine(command)}: ${where}`
  return check ? `${title} (check: nothing is changed)` : title
}

function widthOf(host: string): number {
  return displayWidth(clean(host))
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
