import { createHash } from 'node:crypto'
import { mask } from '#engine/secret.ts'
import { oneLine } from '../clean.ts'
import { summary, unifiedDiff } from '../difference.ts'
import type { Difference } from '../events.ts'

/** What differs of a resource, as the report shows it; masked, and the same object for all hosts with the same differences. */
export interface Detail {
  /** `mode 0644 → 0600, content`. */
  readonly summary: string
  /** Whole values of what is no text: what, found, wanted. */
  readonly values: readonly (readonly [what: string, found: string, wanted: string])[]
  /** Unified diffs from their first `@@` on; or one bracketed line that says why there is none. */
  readonly diffs: readonly string[]
}

/** Collects details. Whole texts are not kept: a diff is made at once, and once for all hosts that share it. */
export interface Details {
  /** Undefined where nothing differs, as for a handler. */
  of(resource: string, differences: readonly Difference[]): Detail | undefined
}

// In characters: a page with more is slow to open on a phone.
const mostOfAll = 1_000_000
const mostOfOne = 40_000
const mostLines = 400
const mostOfValue = 600

export function collectDetails(): Details {
  const known = new Map<string, Detail>()
  let room = mostOfAll

  function diff(resource: string, difference: Difference): readonly string[] {
    if (difference.text === undefined) return []
    if (room <= 0)
      return ['[left out: this report has as many differences as it can hold; --diff prints all]']
    const lines = unifiedDiff(resource, difference)
    const text = shortened(lines[0]?.startsWith('---') ? lines.slice(2) : lines)
    room -= text.length
    return [text]
  }

  return {
    of(resource, differences) {
      if (differences.length === 0) return undefined
      const key = keyOf(resource, differences)
      const before = known.get(key)
      if (before) return before
      const made = {
        summary: summary(differences),
        values: differences.flatMap(({ what, found, wanted, text }) =>
          text === undefined ? [[oneLine(what), value(found), value(wanted)] as const] : [],
        ),
        diffs: differences.flatMap(difference => diff(resource, difference)),
      }
      known.set(key, made)
      return made
    },
  }
}

function shortened(lines: readonly string[]): string {
  const kept: string[] = []
  let room = mostOfOne
  for (const line of lines.slice(0, mostLines)) {
    room -= line.length + 1
    if (room < 0) break
    kept.push(line)
  }
  const left = lines.length - kept.length
  return [...kept, ...(left === 0 ? [] : [`[${left} more lines; --diff prints them]`])].join('\n')
}

/** Masked before it is cut: half a secret would not be found. */
function value(text: string): string {
  const masked = oneLine(mask(text))
  return masked.length <= mostOfValue ? masked : `${masked.slice(0, mostOfValue)}…`
}

function keyOf(resource: string, differences: readonly Difference[]): string {
  const hash = createHash('sha256').update(resource)
  for (const { what, found, wanted, text } of differences)
    hash.update(JSON.stringify([what, found, wanted, text]))
  return hash.digest('base64')
}
