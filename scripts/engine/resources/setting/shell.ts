import { linesOf, textOf } from '../lines.ts'
import type { SettingEditor } from './editor.ts'

/**
 * Variables as sh, systemd's EnvironmentFile and /etc/environment read them: `KEY=value`, with `export` before it or not.
 * A value is compared without its quotes; the last line of a key counts. Source: systemd.exec(5), XCU 2.2.3 of POSIX.
 */
export const editShell: SettingEditor = (text, [key, ...more], value) => {
  if (typeof key !== 'string' || more.length > 0 || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(key))
    throw new RangeError(`expected the name of a variable, got ${JSON.stringify([key, ...more])}`)
  const lines = linesOf(text)
  const entries = lines.flatMap((line, at) => entryOf(line, at, key))
  const last = entries.at(-1)
  if (value === undefined) {
    if (!last) return { text, found: 'absent', wanted: 'absent' }
    const gone = new Set(entries.map(({ at }) => at))
    return { text: textOf(lines.filter((_, at) => !gone.has(at))), found: last.value, wanted: 'absent' }
  }
  const wanted = plain(value)
  if (last?.value === wanted) return { text, found: wanted, wanted }
  if (last) {
    const line = `${last.before}${inQuotes(wanted)}${last.after}`
    return { text: textOf(lines.with(last.at, line)), found: last.value, wanted }
  }
  const comment = lines.findLastIndex(line => new RegExp(`^\\s*#\\s*(?:export\\s+)?${key}=`).test(line))
  const at = comment < 0 ? lines.length : comment + 1
  return { text: textOf(lines.toSpliced(at, 0, `${key}=${inQuotes(wanted)}`)), found: 'absent', wanted }
}

function plain(value: unknown): string {
  const text = typeof value === 'number' || typeof value === 'boolean' ? String(value) : value
  if (typeof text === 'string' && !/[\0\r\n]/.test(text)) return text
  throw new RangeError(`expected a value of one line, got ${JSON.stringify(value)}`)
}

// In double quotes both sh and systemd take a backslash before these four; in single quotes they differ.
function inQuotes(value: string): string {
  return /^[\w@%+=:,./-]*$/.test(value) ? value : `"${value.replace(/["\\$`]/g, '\\$&')}"`
}

function entryOf(line: string, at: number, key: string) {
  const [, before = '', name, rest = ''] = /^(\s*(?:export\s+)?([A-Za-z_]\w*)=)(.*)$/.exec(line) ?? []
  if (name !== key) return []
  const parts = /^(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|((?:[^\s\\"']|\\.)*))(\s*|\s+#.*)$/.exec(rest)
  if (!parts) return [{ at, before, value: rest, after: '' }]
  const [, double, single, bare = '', after = ''] = parts
  const value =
    double !== undefined ? double.replace(/\\(["\\$`])/g, '$1') : (single ?? bare.replace(/\\(.)/g, '$1'))
  return [{ at, before, value, after }]
}
