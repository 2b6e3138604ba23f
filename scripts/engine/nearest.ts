/** The end of a sentence that refuses `word`: `; did you mean port?`, else `; known: port, user`, else nothing. */
export function orNearest(word: string, known: Iterable<string>): string {
  const names = [...known]
  const near = nearest(word, names)
  if (near !== undefined) return `; did you mean ${near}?`
  return names.length > 0 && names.length <= 40 ? `; known: ${names.join(', ')}` : ''
}

// The one that the word is most likely a slip of, or a beginning: `prot` → `port`, `prod` → `production`.
function nearest(word: string, known: readonly string[]): string | undefined {
  const longer = word.length < 3 ? [] : known.filter(name => name.startsWith(word))
  if (longer.length === 1) return longer[0]
  let best: string | undefined
  let least = word.length < 3 ? 1 : Math.max(1, Math.floor(word.length / 3)) + 1
  for (const candidate of known) {
    const away = distance(word.toLowerCase(), candidate.toLowerCase())
    if (away < least) [best, least] = [candidate, away]
  }
  return best
}

// Optimal string alignment: inserts, deletes, replaces, and swaps of neighbours each count one.
function distance(a: string, b: string): number {
  let before: number[] = []
  let above = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = at(above, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1)
      const swapped =
        i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
          ? at(before, j - 2) + 1
          : Number.POSITIVE_INFINITY
      row.push(Math.min(at(above, j) + 1, at(row, j - 1) + 1, replaced, swapped))
    }
    before = above
    above = row
  }
  return at(above, b.length)
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY
}
