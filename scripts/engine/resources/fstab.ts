import type { Edited } from './edit.ts'
import { linesOf, textOf } from './lines.ts'

/**
 * /etc/fstab with this line in the place of all lines whose field is `value`, or without them (undefined). The fields are
 * numbered from 0: 0 is the device, 1 the directory. Source: fstab(5).
 */
export function withFstabLine(
  text: string,
  { field, value }: { readonly field: 0 | 1; readonly value: string },
  line: string | undefined,
): Edited {
  const lines = linesOf(text)
  const isOwn = (one: string) => !/^\s*#/.test(one) && one.trim().split(/\s+/)[field] === escaped(value)
  const own = lines.filter(isOwn)
  const wanted = line ?? 'absent'
  const isSame =
    line === undefined ? own.length === 0 : own.length === 1 && own[0]?.trim().replace(/\s+/g, ' ') === line
  if (isSame) return { text, found: wanted, wanted }
  const first = lines.findIndex(isOwn)
  const others = lines.filter(one => !isOwn(one))
  const next = line === undefined ? others : others.toSpliced(first < 0 ? others.length : first, 0, line)
  return { text: textOf(next), found: own.join(', ') || 'absent', wanted }
}

/** A line of it. Source: fstab(5): a space is `\040`, a tab `\011`, a backslash `\134`. */
export function fstabLine(...fields: readonly string[]): string {
  return fields.map(escaped).join(' ')
}

function escaped(text: string): string {
  return text.replace(/[\s\\#]/g, one => `\\${one.charCodeAt(0).toString(8).padStart(3, '0')}`)
}
