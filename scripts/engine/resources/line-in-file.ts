import { checkedLine } from './checked.ts'
import { declareEdit, type EditOptions } from './edit.ts'
import { checkedPlace, insertLines, linesOf, matches, type Place, textOf } from './lines.ts'
import type { Declare, DeclareOptions } from './resource.ts'

export interface LineInFileOptions extends EditOptions, Place {
  /** The line takes the place of the last one that this matches, as it has to match the line itself. */
  readonly match?: RegExp
}

export interface DeclareLineInFile {
  (path: string, line: string, options?: LineInFileOptions): void
  /** No line is this text or, given a pattern, matches it. */
  absent(path: string, line: string | RegExp, options?: DeclareOptions): void
}

/** `lineInFile('/etc/ssh/sshd_config', 'PermitRootLogin no', { match: /^#?PermitRootLogin / })`. */
export function lineInFile(declare: Declare): DeclareLineInFile {
  const present = (path: string, line: string, options: LineInFileOptions = {}): void => {
    const { match, after, before, ...rest } = options
    checkedLine('a line of a file', line)
    if (match && !matches(match, line))
      throw new RangeError(
        `expected a line that ${match} matches, or each run would replace another: ${line}`,
      )
    const place = checkedPlace({ after, before })
    const edit = (text: string) => withLine(text, line, match, place)
    declareEdit(declare, 'lineInFile', path, line, { edit }, rest)
  }
  return Object.assign(present, {
    absent(path: string, line: string | RegExp, options: DeclareOptions = {}): void {
      const isGone = (one: string) => (typeof line === 'string' ? one === line : matches(line, one))
      if (typeof line === 'string') checkedLine('a line of a file', line)
      const edit = (text: string) => withoutLines(text, isGone)
      declareEdit(declare, 'lineInFile', path, String(line), { edit, isRemoval: true }, options)
    },
  })
}

function withLine(text: string, line: string, match: RegExp | undefined, place: Place) {
  const lines = linesOf(text)
  const at = match ? lines.findLastIndex(one => matches(match, one)) : lines.indexOf(line)
  const found = lines[at]
  if (found === line) return { text, found, wanted: line }
  const next = at < 0 ? insertLines(lines, [line], place) : lines.with(at, line)
  return { text: textOf(next), found: found ?? 'absent', wanted: line }
}

function withoutLines(text: string, isGone: (line: string) => boolean) {
  const lines = linesOf(text)
  const gone = lines.filter(isGone)
  if (gone.length === 0) return { text, found: 'absent', wanted: 'absent' }
  return { text: textOf(lines.filter(one => !isGone(one))), found: gone.join(', '), wanted: 'absent' }
}
