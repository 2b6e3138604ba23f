import type { Edited } from '../edit.ts'
import { linesOf, textOf } from '../lines.ts'
import type { SettingEditor } from './editor.ts'

/** A line `key = value`: what stands before the value, the value, and what follows it, a comment among that. */
interface Entry {
  readonly at: number
  readonly before: string
  readonly value: string
  readonly after: string
}

/**
 * Ini files as PHP, MariaDB and systemd have them: sections, `key=value` or `key = value`, comments with `#` or `;`. A value
 * is written as it is given. Where a key is there several times the last one counts.
 */
export const editIni: SettingEditor = (text, way, value) => {
  const { section, key } = keyOf(way)
  const wanted = value === undefined ? undefined : written(value)
  const lines = linesOf(text)
  const [start, end] = sectionOf(lines, section)
  const entries = start < 0 ? [] : entriesOf(lines, start, end, key)
  const last = entries.at(-1)
  if (wanted === undefined) return without(text, lines, entries)
  if (last && isSame(last, wanted)) return { text, found: wanted, wanted }
  if (last) {
    // Beside a value that is empty or has a comment's sign in it, a comment could not be distinguished.
    const line = `${last.before}${wanted}${/^$|\s[#;]/.test(wanted) ? '' : last.after}`
    return { text: textOf(lines.with(last.at, line)), found: last.value, wanted }
  }
  const line = `${key}${separator(lines)}${wanted}`
  return { text: textOf(added(lines, section, start, end, key, line)), found: 'absent', wanted }
}

function keyOf(way: readonly (string | number)[]): { section: string; key: string } {
  const [first, second] = way.map(String)
  const [section, key] = way.length === 1 ? ['', first] : [first, second]
  if (way.length > 2 || key === undefined || !/^[^\s=#;[\]](?:[^=\0-\x1f]*[^=\s])?$/.test(key))
    throw new RangeError(`expected a key or [section, key] of an ini file, got ${JSON.stringify(way)}`)
  if (/[\]\0-\x1f]/.test(section ?? ''))
    throw new RangeError(`expected the name of a section, got ${JSON.stringify(section)}`)
  return { section: section ?? '', key }
}

function written(value: unknown): string {
  const text = typeof value === 'number' || typeof value === 'boolean' ? String(value) : value
  if (typeof text === 'string' && !/[\0-\x08\x0a-\x1f\x7f]/.test(text) && text === text.trim()) return text
  throw new RangeError(`expected a value of one line, without spaces around it, got ${JSON.stringify(value)}`)
}

/** The lines of a section, without its head: from, to. `[-1, -1]` where it isn't there; '' is what comes before the first. */
function sectionOf(lines: readonly string[], section: string): readonly [number, number] {
  const isHead = (line: string) => /^\s*\[.*\]\s*(?:[#;].*)?$/.test(line)
  const isWanted = (line: string) => isHead(line) && /\[(.*)\]/.exec(line)?.[1]?.trim() === section
  const head = section === '' ? -1 : lines.findIndex(isWanted)
  if (section !== '' && head < 0) return [-1, -1]
  const next = lines.findIndex((line, index) => index > head && isHead(line))
  return [head + 1, next < 0 ? lines.length : next]
}

function entriesOf(lines: readonly string[], start: number, end: number, key: string): readonly Entry[] {
  return lines.slice(start, end).flatMap((line, index) => {
    const [, before = '', name, rest = ''] = /^(\s*([^=#;[][^=]*?)\s*=\s*)(.*)$/.exec(line) ?? []
    if (name !== key) return []
    const [value = '', after = ''] = splitComment(rest)
    return [{ at: start + index, before, value, after }]
  })
}

// A comment follows a value after white space; what is in quotes is no comment.
function splitComment(rest: string): readonly string[] {
  const quoted = /^("(?:[^"\\]|\\.)*"|'[^']*')(\s*(?:[#;].*)?)$/.exec(rest)
  if (quoted) return quoted.slice(1)
  const [, value = '', after = ''] = /^(.*?)(\s+[#;].*|\s*)$/.exec(rest) ?? []
  return [value, after]
}

function isSame({ value, after }: Entry, wanted: string): boolean {
  return value === wanted || `${value}${after}`.trimEnd() === wanted
}

function without(text: string, lines: readonly string[], entries: readonly Entry[]): Edited {
  if (entries.length === 0) return { text, found: 'absent', wanted: 'absent' }
  const gone = new Set(entries.map(({ at }) => at))
  return {
    text: textOf(lines.filter((_, index) => !gone.has(index))),
    found: entries.map(({ value }) => value).join(', '),
    wanted: 'absent',
  }
}

// After the line that has the key as a comment, else at the section's end.
function added(
  lines: readonly string[],
  section: string,
  start: number,
  end: number,
  key: string,
  line: string,
): readonly string[] {
  if (start < 0) return [...lines, ...(lines.length > 0 ? [''] : []), `[${section}]`, line]
  const own = lines.slice(start, end)
  const comment = own.findLastIndex(one => /^\s*[#;]+\s*([^=]*?)\s*=/.exec(one)?.[1] === key)
  const last = own.findLastIndex(one => one.trim() !== '')
  const at = start + (comment < 0 ? last : comment) + 1
  return lines.toSpliced(at, 0, line)
}

/** ` = ` or `=`, as most lines have it. */
function separator(lines: readonly string[]): string {
  const tight = lines.filter(line => /^[^#;[=\s]+=\S/.test(line)).length
  const wide = lines.filter(line => /^[^#;[=]+? = /.test(line)).length
  return tight > wide ? '=' : ' = '
}
