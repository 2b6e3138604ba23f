/**
 * The name, if the server can hold it: 64 characters of a database's and 128 of a user's, none outside the basic
 * plane, and for a database no NUL and no space at its end. Throws RangeError. Source: mariadb.com/kb/en/identifier-names.
 */
export function checkedName(noun: 'database' | 'user', name: string): string {
  const longest = noun === 'database' ? 64 : 128
  const fits = name.length <= longest && !/[\0\u{d800}-\u{dfff}\u{10000}-\u{10ffff}]/u.test(name)
  if (!fits || (noun === 'database' && /^$|\s$/.test(name)))
    throw new RangeError(`expected a ${noun}'s name that the server can hold, got ${JSON.stringify(name)}`)
  return name
}

/** A host that an account may come from: `localhost`, an address, a pattern with `%`. Throws RangeError. */
export function checkedHost(host: string): string {
  if (!/^[a-z0-9%_.:/-]{1,255}$/.test(host))
    throw new RangeError(
      `expected localhost, an address or a pattern in small letters, got ${JSON.stringify(host)}`,
    )
  return host
}

/** A word of SQL that stands unquoted: a privilege, a character set. Throws RangeError. */
export function checkedWord(word: string): string {
  if (!/^[A-Za-z0-9_]+( [A-Za-z0-9_]+)*$/.test(word))
    throw new RangeError(`expected a word of SQL such as CREATE VIEW or utf8mb4, got ${JSON.stringify(word)}`)
  return word
}
