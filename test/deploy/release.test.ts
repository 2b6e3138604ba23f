import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  earlier,
  type LogLine,
  type Release,
  readReleases,
  releaseId,
  toPrune,
} from '#engine/deploy/release.ts'

const id = (n: number) => `2026112${n}T000000Z-000000${n}`
const facts = (n: number) => ({ id: id(n), sha256: `${n}`, by: 'a@b', files: 1, bytes: 1 })
let hour = 0
const line = (n: number, state: LogLine['state'], how?: LogLine['how']): LogLine => ({
  release: id(n),
  state,
  at: `2026-11-22T${String(hour++ % 24).padStart(2, '0')}:00:00Z`,
  by: 'a@b',
  run: 'r',
  ...(how === undefined ? {} : { how }),
})
const deployed = (n: number) => [
  line(n, 'built'),
  line(n, 'ready'),
  line(n, 'live', 'deploy'),
  line(n, 'good'),
]
const failed = (n: number) => [line(n, 'built'), line(n, 'failed')]
const back = (n: number) => [line(n, 'ready'), line(n, 'live', 'rollback'), line(n, 'good')]
const ids = (releases: readonly { readonly id: string }[]) => releases.map(one => one.id)

describe('an id', () => {
  it('sorts by time and begins with the content', () => {
    const made = releaseId(new Date('2026-11-22T20:45:01.789Z'), `3f9a1c2${'0'.repeat(57)}`)
    expect(made).toBe('20261122T204501Z-3f9a1c2')
  })
})

describe('the releases of a host', () => {
  it('come in the order of deploys, whatever was rolled back in between', () => {
    const log = [...deployed(1), ...deployed(2), ...back(1), ...deployed(3)]
    expect(ids(readReleases([1, 2, 3].map(facts), log))).toEqual([3, 2, 1].map(id))
  })

  it('put content that was deployed again first', () => {
    const log = [...deployed(1), ...deployed(2), ...deployed(1)]
    expect(ids(readReleases([1, 2].map(facts), log))).toEqual([1, 2].map(id))
  })

  it('have the state of their last line but for that of migrations', () => {
    const log = [...deployed(1), ...failed(2), line(1, 'migrated'), line(3, 'built')]
    expect(readReleases([1, 2, 3, 4].map(facts), log).map(({ id: one, state }) => [one, state])).toEqual([
      [id(1), 'good'],
      [id(4), 'built'],
      [id(3), 'built'],
      [id(2), 'failed'],
    ])
  })
})

describe('a rollback', () => {
  const releases = readReleases([1, 2, 3, 4, 5].map(facts), [
    ...deployed(1),
    ...deployed(2),
    ...failed(3),
    ...deployed(4),
    line(4, 'bad'),
    ...deployed(5),
  ])
  it('goes to the good ones before the live one, the latest first', () => {
    expect(ids(earlier(releases, id(5)))).toEqual([id(2), id(1)])
    expect(ids(earlier(releases, id(2)))).toEqual([id(1)])
    expect(earlier(releases, id(1))).toEqual([])
  })
})

describe('pruning', () => {
  const release = fc.record({
    n: fc.nat(60),
    state: fc.constantFrom('good', 'failed', 'bad', 'built', 'live', 'ready') as fc.Arbitrary<
      Release['state']
    >,
  })
  const all = fc.uniqueArray(release, { selector: ({ n }) => n }).map(list =>
    list.map(
      ({ n, state }): Release => ({
        ...facts(n),
        id: String(n),
        state,
        at: '',
        order: n,
        activated: undefined,
      }),
    ),
  )
  it('never takes the live one or the one before, nor a good one of the newest', () => {
    fc.assert(
      fc.property(all, fc.integer({ min: 2, max: 9 }), (releases, keep) => {
        const spared = [releases.at(-1)?.id, releases.at(-2)?.id]
        const gone = toPrune(releases, keep, spared)
        expect(gone.filter(one => spared.includes(one))).toEqual([])
        const good = releases.filter(({ state }) => state === 'good').slice(0, keep)
        expect(good.filter(one => gone.includes(one.id))).toEqual([])
      }),
    )
  })
  it('leaves at most the kept ones, the two that are spared and one that failed', () => {
    fc.assert(
      fc.property(all, fc.integer({ min: 2, max: 9 }), (releases, keep) => {
        const gone = toPrune(releases, keep, [releases[0]?.id])
        expect(releases.length - gone.length).toBeLessThanOrEqual(keep + 2)
      }),
    )
  })
})
