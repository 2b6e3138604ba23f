/** Throws RangeError unless `at` is absolute, without `.`, `..`, `//` or NUL, and not the root itself. */
export function checkedPath(at: string): string {
  if (!at.startsWith('/') || at.includes('\0') || /(^|\/)\.\.?(\/|$)|\/\/|\/$/.test(at))
    throw new RangeError(
      `expected an absolute path without . or .. or a slash at its end, got ${JSON.stringify(at)}`,
    )
  return at
}

/** Throws RangeError unless it is one line of text: no newline, no other control character, not empty. */
export function checkedLine(what: string, text: string): string {
  if (text === '' || /[\0-\x08\x0a-\x1f\x7f]/.test(text))
    throw new RangeError(`expected one line of text as ${what}, got ${JSON.stringify(text)}`)
  // What a Secret becomes in a template literal.
  if (text.includes('***'))
    throw new RangeError(`${what}: a secret was joined to other text, and would be written as three stars`)
  return text
}

/** Throws RangeError unless the whole text matches; `what` says what was expected: `a key of sysctl`. */
export function checkedMatch(what: string, pattern: RegExp, text: string): string {
  if (pattern.exec(text)?.[0] === text) return text
  throw new RangeError(`expected ${what}, got ${JSON.stringify(text)}`)
}
