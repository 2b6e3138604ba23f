import { clean, oneLine } from '#engine/output/clean.ts'

/** Text from anywhere as a code span: it makes no markup, no link and calls nobody. Fit for a table's cell. */
export function code(text: string): string {
  const line = oneLine(text).replaceAll('|', '\\|')
  if (line.trim() === '') return ''
  const fence = '`'.repeat(longestRun(line) + 1)
  const pad = line.startsWith('`') || line.endsWith('`') ? ' ' : ''
  return `${fence}${pad}${line}${pad}${fence}`
}

/** Text from anywhere as prose: markup is shown, not obeyed, and an @name calls nobody. */
export function prose(text: string): string {
  return oneLine(text)
    .replace(/[\\`*_{}[\]<>#+!|~&]/g, character => `\\${character}`)
    .replace(/@(?=\w)/g, '@<!-- -->')
}

/** Lines as a block, cut in the middle where they are more than `most`. */
export function block(lines: readonly string[], language = 'text', most = 60): string {
  const text = clean(cutMiddle(lines, most).join('\n'))
  const fence = '`'.repeat(Math.max(3, longestRun(text) + 1))
  return `${fence}${language}\n${text}\n${fence}`
}

export type Cell = string
type Align = 'left' | 'right'

/** A table; cells are markdown. Nothing for no rows. */
export function table(
  head: readonly (readonly [title: string, align: Align])[],
  rows: readonly (readonly Cell[])[],
): string {
  if (rows.length === 0) return ''
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [
    line(head.map(([title]) => title)),
    line(head.map(([, align]) => (align === 'right' ? '--:' : ':--'))),
    ...rows.map(line),
  ].join('\n')
}

/** What is shown on a click. */
export function folded(title: string, body: string): string {
  return `<details><summary>${title}</summary>\n\n${body}\n\n</details>`
}

function longestRun(text: string): number {
  return Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length))
}

function cutMiddle(lines: readonly string[], most: number): readonly string[] {
  if (lines.length <= most) return lines
  const half = Math.floor(most / 2)
  const left = lines.length - 2 * half
  return [...lines.slice(0, half), `… ${left} lines more …`, ...lines.slice(-half)]
}
