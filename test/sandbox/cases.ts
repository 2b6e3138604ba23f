import { describe, it } from 'vitest'

/** Whether this is `npm run test:all`: `npm test` runs a representative of cases that differ little. */
export const isInFull = process.env['CAPSTAN_TEST'] === 'all'

/** The first `count` of the cases, or all of them in `npm run test:all`. */
export function some<T>(cases: readonly T[], count: number): readonly T[] {
  return isInFull ? cases : cases.slice(0, count)
}

/** The Debian release of the tests of a file, or both in `npm run test:all`. */
export function debians(one: 12 | 13): readonly (12 | 13)[] {
  return isInFull ? [12, 13] : [one]
}

// Not a skip, which would be counted as if something were missing.
const none = Object.assign(() => {}, { each: () => () => {} })

/** A test, or tests, that run in `npm run test:all` alone, as what they show is shown in less time by another one. */
export const itInFull = isInFull ? it : (none as unknown as typeof it)
export const describeInFull = isInFull ? describe : (none as unknown as typeof describe)
