import { inspect } from 'node:util'
import { CapstanError, UnreachableError } from '#engine/errors.ts'
import { harmless } from '#engine/output/actions.ts'
import { clean, cleanLines } from '#engine/output/clean.ts'
import { noColours, type Paint } from '#engine/output/paint.ts'
import type { Environment } from '#engine/output/printer.ts'
import { displayWidth, padTo, shortenTo, wrapTo } from '#engine/output/width.ts'

export interface ErrorLayout {
  readonly host?: string | undefined
  /** Columns of the host's name, to align it with others. */
  readonly hostWidth?: number
  /** Adds the stack and the causes of an error that the user can fix; a bug always has them. */
  readonly stack?: boolean
  readonly paint?: Paint
  readonly env?: Environment
  /** Of the terminal: no line is longer. Absent: lines may be of any length. */
  readonly columns?: number | undefined
  /** False omits the hint, if the same one was printed above. */
  readonly hint?: boolean
}

/**
 * An error as lines: who and what, where on the right, what belongs to it (the last of stderr, wanted and
 * found) below, then the hint. Whatever is no CapstanError is a bug of ours: it is printed with its stack.
 *
 *     web1  failed  nginx -t exited with 1                            roles/nginx/role.ts:21
 *                   nginx: [emerg] unknown directive "serverr" in /etc/nginx/sites-enabled/shop.conf:3
 *     hint  nginx still runs the old files.
 */
export function renderError(error: unknown, layout: ErrorLayout = {}): string {
  const { host, hostWidth = 4, stack = false, paint = noColours, env = process.env, columns } = layout
  const { message: whole, lines, where, hint } = read(error, stack)
  const wrap = (text: string, left: number) =>
    columns === undefined ? [text] : wrapTo(text, Math.max(20, columns - 1 - left))
  // The line begins with the host's name: the message need not.
  const message = whole.startsWith(`${host}: `) ? whole.slice(`${host}: `.length) : whole
  const status = error instanceof UnreachableError ? 'unreachable' : host === undefined ? 'error' : 'failed'

  const most = columns === undefined ? Number.POSITIVE_INFINITY : Math.max(8, Math.floor(columns / 4))
  const nameWidth = Math.min(most, Math.max(hostWidth, 4))
  const name = host === undefined ? '' : `${padTo(shortenTo(clean(host), most), nameWidth)}  `
  const left = displayWidth(name) + Math.max(status.length, 7) + 2
  const [first = '', ...more] = cleanLines(message).flatMap(line => wrap(line, left))
  const place = where === undefined ? '' : clean(where)
  const beside = `${padTo(first, whereColumn - left)}  `
  const fits = columns === undefined || left + displayWidth(beside + place) < columns
  const head = place !== '' && fits ? `${beside}${paint('dim', place)}` : first
  const below = [...more, ...(place === '' || fits ? [] : wrap(place, left)), ...lines.flatMap(cleanLines)]
  const rows = [
    `${name}${paint(['red', 'bold'], padTo(status, 7))}  ${head}`,
    ...below.flatMap(line => wrap(line, left)).map(line => `${' '.repeat(left)}${line}`.trimEnd()),
  ]
  if (hint !== undefined && layout.hint !== false) {
    const under = Math.max(displayWidth(name), 6)
    const hints = cleanLines(hint).flatMap(line => wrap(line, under))
    hints.forEach((line, index) => {
      rows.push(`${index === 0 ? paint('cyan', padTo('hint', under)) : ' '.repeat(under)}${line}`)
    })
  }
  return rows.map(row => harmless(row, env)).join('\n')
}

/** An error as printed and as JSON: for a bug the code is `bug`, and its lines are the stack. */
export interface ErrorText {
  readonly code: string
  readonly message: string
  readonly lines: readonly string[]
  readonly where: string | undefined
  readonly hint: string | undefined
}

/** Reads what is known about anything thrown; `stack` also adds the stack for an error that the user can fix. */
export function read(error: unknown, stack = false): ErrorText {
  if (error instanceof CapstanError) {
    const { code, message, where, hint } = error
    return { code, message, where, hint, lines: stack ? [...error.lines, ...stackOf(error)] : error.lines }
  }
  const message = error instanceof Error ? `${error.name}: ${error.message}` : `thrown: ${inspect(error)}`
  return { code: 'bug', message, lines: stackOf(error), where: undefined, hint: bug }
}

// A message that starts left of here has its place at the right end of an 80-column line, as in STYLE.
const whereColumn = 64

const bug = 'this is a bug in Capstan, not in your files: report it with the lines above'

// Of an error and its causes only the stacks: other properties may hold keys or a whole connection.
function stackOf(error: unknown): readonly string[] {
  if (!(error instanceof Error)) return []
  const own = (error.stack ?? '').split('\n').filter(line => /^\s+at /.test(line))
  const others = error instanceof AggregateError ? error.errors : []
  const causes = error.cause === undefined ? others : [error.cause, ...others]
  return [...own, ...causes.flatMap(cause => [`caused by ${title(cause)}`, ...stackOf(cause)])]
}

function title(cause: unknown): string {
  return cause instanceof Error ? `${cause.name}: ${cause.message}` : inspect(cause)
}
