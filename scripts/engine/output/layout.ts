import { clean, oneLine } from '#engine/output/clean.ts'
import { duration } from '#engine/output/duration.ts'
import type { Paint } from '#engine/output/paint.ts'
import { cutTo, displayWidth, foldTo, padTo, shortenLabel, shortenTo, wrapTo } from '#engine/output/width.ts'

export type Colour = Parameters<Paint>[0]

/** What a line says of a resource, without its host and status. `seconds` absent: it took none of its own. */
export interface Cells {
  readonly role: string
  readonly resource: string
  readonly what?: string
  readonly seconds?: number | undefined
}

/** Lays lines out in columns: host, status, role, resource, what changed, seconds. */
export interface Layout {
  /** Makes room for the names of these hosts. */
  see(hosts: readonly string[]): void
  /** Makes room for statuses of so many columns. */
  widen(status: number): void
  /** The host's name, padded: what each of its lines begins with. */
  name(host: string | undefined): string
  /** `text` behind name and status, in as many lines as it needs. */
  text(
    host: string | undefined,
    colour: Colour,
    status: string,
    text?: string,
    seconds?: number,
  ): readonly string[]
  /** The same with the text in a column beside `title`: `upload  12 files, 40 kB`. */
  titled(
    host: string,
    colour: Colour,
    status: string,
    cells: { readonly title: string; readonly text: string; readonly seconds?: number | undefined },
  ): readonly string[]
  /** One line: what has no room is shortened in its middle, or left out. */
  resource(host: string, colour: Colour, status: string, cells: Cells): string
  /** Lines of a host as it printed them, each behind `lead`; what is too long is continued on the next. */
  verbatim(
    host: string,
    lead: string,
    lines: readonly string[],
    colour?: (line: string) => Colour,
  ): readonly string[]
}

export interface LayoutOptions {
  readonly paint: Paint
  /** Of the terminal, now; undefined: a log, whose lines may be of any length. */
  readonly columns: () => number | undefined
  readonly statusWidth: number
}

// Seconds stand at the right end of a line, which is here in a log and on a terminal that is wider.
const rightEnd = 112
const gap = '  '
const titleWidth = 12

export function lineLayout({ paint, columns, statusWidth: given }: LayoutOptions): Layout {
  let statusWidth = given
  let hostWidth = 0
  let roleWidth = 5

  // The last column stays free: there terminals differ in when they wrap.
  const width = () => {
    const all = columns()
    return all === undefined ? Number.POSITIVE_INFINITY : Math.max(20, all - 1)
  }
  const nameWidth = () => Math.min(hostWidth, Math.max(8, Math.floor(width() / 4)))

  function name(host: string | undefined): string {
    if (hostWidth === 0) return ''
    return `${padTo(shortenTo(host === undefined ? '' : oneLine(host), nameWidth()), nameWidth())}${gap}`
  }

  function head(host: string | undefined, colour: Colour, status: string): string {
    return `${name(host)}${paint(colour, padTo(status, statusWidth))}${gap}`
  }

  /** `line` with the seconds at the right end. */
  function timed(line: string, seconds: number | undefined): string {
    if (seconds === undefined) return line.trimEnd()
    const time = duration(seconds)
    const edge = Math.min(rightEnd, width()) - displayWidth(time)
    return `${padTo(`${line.trimEnd()}${gap}`, edge)}${paint('dim', time)}`
  }

  /** The columns between `left` and the seconds. */
  function room(left: number, seconds: number | undefined): number {
    const time = seconds === undefined ? 0 : Math.max(displayWidth(duration(seconds)), 7) + gap.length
    return width() === Number.POSITIVE_INFINITY ? width() : Math.min(rightEnd, width()) - left - time
  }

  function text(
    host: string | undefined,
    colour: Colour,
    status: string,
    text = '',
    seconds?: number,
  ): readonly string[] {
    const lead = head(host, colour, status)
    const left = displayWidth(lead)
    const [first = '', ...more] = wrapTo(text, Math.max(10, room(left, seconds)))
    return [timed(`${lead}${first}`, seconds), ...more.map(line => ' '.repeat(left) + line)]
  }

  return {
    see(hosts) {
      hostWidth = Math.max(hostWidth, ...hosts.map(host => displayWidth(clean(host))))
    },
    widen(status) {
      statusWidth = Math.max(statusWidth, status)
    },
    name,
    text,
    titled(host, colour, status, { title, text, seconds }) {
      const lead = `${head(host, colour, status)}${padTo(title, titleWidth)}${gap}`
      const left = displayWidth(lead)
      const [first = '', ...more] = wrapTo(text, Math.max(10, room(left, seconds)))
      return [timed(`${lead}${first}`, seconds), ...more.map(line => ' '.repeat(left) + line)]
    },
    resource(host, colour, status, { role, resource, what = '', seconds }) {
      const lead = head(host, colour, status)
      const roleName = oneLine(role)
      roleWidth = Math.min(16, Math.max(roleWidth, displayWidth(roleName)))
      const all = room(displayWidth(lead), seconds)
      const withRole = all - roleWidth - gap.length >= 24
      const body = withRole ? all - roleWidth - gap.length : all
      const line = withRole ? `${lead}${padTo(cutTo(roleName, roleWidth), roleWidth)}${gap}` : lead
      return timed(`${line}${columnsOf(oneLine(resource), what, body)}`, seconds)
    },
    verbatim(host, lead, lines, colour = () => 'reset') {
      const before = `${name(host)}${lead}`
      const all = width() - displayWidth(before)
      const fold = (line: string) =>
        all === Number.POSITIVE_INFINITY ? [line] : foldTo(line.replaceAll('\t', '    '), all)
      return lines.flatMap(line => fold(line).map(part => `${before}${paint(colour(line), part)}`.trimEnd()))
    },
  }
}

/**
 * Two columns in `width`: the first takes six tenths, more where the second leaves it, and all where there is no room for
 * two.
 */
function columnsOf(resource: string, what: string, width: number): string {
  if (width === Number.POSITIVE_INFINITY) return `${padTo(resource, 48)}${gap}${what}`
  if (what === '') return shortenLabel(resource, width)
  const [wide, beside] = [displayWidth(resource), displayWidth(what)]
  const column = Math.floor(width * 0.6)
  const free = width - gap.length
  // Both fit: the second stands in its column where it can.
  if (wide + beside <= free)
    return `${padTo(resource, Math.max(wide, Math.min(column, free - beside)))}${gap}${what}`
  if (width < 40) return shortenLabel(resource, width)
  const first = Math.min(Math.max(column, free - beside), Math.max(wide, column))
  return `${padTo(shortenLabel(resource, first), first)}${gap}${cutTo(what, free - first)}`
}
