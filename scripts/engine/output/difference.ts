import { createRequire } from 'node:module'
import { oneLine, verbatim } from '#engine/output/clean.ts'
import type { Difference } from '#engine/output/events.ts'
import { cutTo } from '#engine/output/width.ts'

/** What a change does to a resource, in a few words: `mode 0644 → 0600, content`. */
export function summary(differences: readonly Difference[]): string {
  return differences.map(one).join(', ')
}

/**
 * The unified diff of a difference in whole texts, `---` and `+++` lines first; one bracketed line where the
 * texts are secret, binary or too far apart to compare in half a second; empty where the difference is no text.
 * Escapes and carriage returns are shown, for they may be all that differs.
 */
export function unifiedDiff(resource: string, { text }: Difference): readonly string[] {
  if (text === undefined) return []
  if (text === 'secret') return ['[secret content hidden]']
  if (text === 'binary') return ['[binary differs]']
  const isOneEmpty = text.before === '' || text.after === ''
  const { createTwoFilesPatch, FILE_HEADERS_ONLY } = diffLibrary()
  const patch = createTwoFilesPatch(
    `${resource} (found)`,
    `${resource} (wanted)`,
    text.before,
    text.after,
    undefined,
    undefined,
    // A text that is all new, or all gone, is shown whole: there is nothing to search for.
    { context: 3, timeout: isOneEmpty ? Number.POSITIVE_INFINITY : 500, headerOptions: FILE_HEADERS_ONLY },
  )
  if (patch === undefined)
    return [`[${lines(text.before)} lines replaced by ${lines(text.after)}: too many differ to show]`]
  return verbatim(patch).replace(/\n$/, '').split('\n')
}

/** The library costs 10 ms to load: only a run that shows diffs pays it. */
function diffLibrary(): typeof import('diff') {
  return createRequire(import.meta.url)('diff')
}

// Longer values would push the rest of the line out of sight; -v --json has them whole.
const longest = 40

function one({ what, found, wanted, text }: Difference): string {
  // That something is there at all needs no word before it: `absent → file`.
  const name = what === 'state' ? '' : oneLine(what)
  if (name === 'content' || (text !== undefined && name !== '')) return name
  const [from, to] = [found, wanted].map(value => cutTo(oneLine(value), longest))
  if (to === '') return from === '' ? name : `${name} ${from} → none`.trimStart()
  return (from === '' ? `${name} ${to}` : `${name} ${from} → ${to}`).trimStart()
}

function lines(text: string): number {
  return text.split('\n').length - (text.endsWith('\n') ? 1 : 0)
}
