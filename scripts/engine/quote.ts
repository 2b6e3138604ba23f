/**
 * One word for a POSIX shell, whatever it holds: `it's` → `'it'\''s'`, the empty string → `''`.
 * Throws RangeError on NUL, which no argument can carry. Source: POSIX.1-2024, XCU 2.2.2 Single-Quotes.
 */
export function quote(word: string): string {
  if (word.includes('\0'))
    throw new RangeError(`a NUL byte cannot be part of a shell word: ${JSON.stringify(word)}`)
  if (/^[A-Za-z0-9_./:@%+,-]+$/.test(word)) return word
  return `'${word.replaceAll("'", "'\\''")}'`
}

/** Words joined by spaces, each quoted. */
export function quoteAll(args: readonly string[]): string {
  return args.map(quote).join(' ')
}
