/** Whether this is `npm run test:all`: `npm test` runs a representative of cases that differ little. */
const isWhole = process.env['CAPSTAN_TEST'] === 'all'

/** The first `count` of the cases, or all of them in `npm run test:all`. */
export function some<T>(cases: readonly T[], count: number): readonly T[] {
  return isWhole ? cases : cases.slice(0, count)
}

/** The Debian release of the tests of a file, or both in `npm run test:all`. */
export function debians(one: 12 | 13): readonly (12 | 13)[] {
  return isWhole ? [12, 13] : [one]
}
