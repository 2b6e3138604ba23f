/** Where new lines go: after the last line that matches, or before the first. Neither, or no match: at the end. */
export interface Place {
  readonly after?: RegExp | undefined
  readonly before?: RegExp | undefined
}

/** Throws RangeError where both are given. */
export function checkedPlace(place: Place): Place {
  if (place.after && place.before) throw new RangeError('expected `after` or `before`, got both')
  return place
}

/** The lines of a text, without their ends; none of the empty text. */
export function linesOf(text: string): readonly string[] {
  if (text === '') return []
  return (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n')
}

/** The text of these lines; each has a newline at its end. */
export function textOf(lines: readonly string[]): string {
  return lines.map(line => `${line}\n`).join('')
}

export function insertLines(
  lines: readonly string[],
  added: readonly string[],
  { after, before }: Place,
): readonly string[] {
  const first = before ? lines.findIndex(line => matches(before, line)) : -1
  const last = after ? lines.findLastIndex(line => matches(after, line)) : -1
  const at = first >= 0 ? first : last >= 0 ? last + 1 : lines.length
  return lines.toSpliced(at, 0, ...added)
}

/** A pattern with the flag g or y remembers where it ended: it starts again here. */
export function matches(pattern: RegExp, line: string): boolean {
  pattern.lastIndex = 0
  return pattern.test(line)
}
