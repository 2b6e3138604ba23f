/** What a stage's script tells: a mark, or what the step that is running printed. */
export type Mark =
  | { readonly word: 'begin'; readonly index: number }
  | { readonly word: 'end'; readonly index: number; readonly code: number }
  /** A config set's candidate was tested; `before` is the same test of the files that were in place. */
  | { readonly word: 'tested' | 'before'; readonly index: number; readonly code: number }
  | { readonly word: 'installed' | 'putback'; readonly index: number }
  | { readonly word: 'done'; readonly code: number }
  | { readonly word: 'text'; readonly text: string }

/** Splits a stage's log, as it grows, into marks and the text between them. */
export function markReader(nonce: string, on: (mark: Mark) => void): (chunk: Buffer) => void {
  const lead = Buffer.from(`\n${nonce} `)
  let held = Buffer.alloc(0)
  return chunk => {
    held = Buffer.concat([held, chunk])
    for (;;) {
      const at = held.indexOf(lead)
      const end = at < 0 ? -1 : held.indexOf('\n', at + lead.length)
      if (end < 0) break
      if (at > 0) on({ word: 'text', text: held.toString('utf8', 0, at) })
      on(readMark(held.toString('latin1', at + lead.length, end)))
      held = held.subarray(end + 1)
    }
  }
}

function readMark(line: string): Mark {
  const [word, first, second] = line.split(' ')
  const index = Number(first)
  switch (word) {
    case 'begin':
    case 'installed':
    case 'putback':
      return { word, index }
    case 'end':
    case 'tested':
    case 'before':
      return { word, index, code: Number(second) }
    case 'done':
      return { word, code: index }
    default:
      throw new Error(`a stage's log has an unknown mark: ${line}`)
  }
}
