import { describe, expect, it } from 'vitest'
import { type AppState, parseAppState } from '#engine/deploy/inspect.ts'
import { digest, parseManifest } from '#engine/deploy/manifest.ts'
import { chooseRelease } from '#engine/deploy/rollback.ts'
import { releaseTable } from '#engine/deploy/table.ts'
import { settings as plainSettings } from './settings.ts'

const settings = { ...plainSettings, shared: ['storage'] }
const old = '20261122T200000Z-1111111'
const live = '20261122T210000Z-2222222'
const bad = '20261122T220000Z-3333333'

const facts = (id: string, more = {}) =>
  JSON.stringify({
    id,
    sha256: id.slice(-7).padEnd(64, '0'),
    by: 'alice@laptop',
    files: 2,
    bytes: 1234,
    ...more,
  })
const line = (release: string, state: string, more = {}) =>
  JSON.stringify({ release, state, at: '2026-11-22T21:00:05Z', by: 'alice@laptop', run: 'r', ...more })
const told = (...pairs: readonly (readonly [string, string])[]) =>
  Buffer.from(pairs.map(([key, value]) => `${key}\0${value}\0`).join(''), 'latin1')
const usual: readonly (readonly [string, string])[] = [
  ['current', live],
  ...[old, live, bad].map(id => ['release', facts(id)] as const),
  ...[old, live].flatMap(id => [
    ['log', line(id, 'live', { how: 'deploy' })] as const,
    ['log', line(id, 'good')] as const,
  ]),
  ['log', line(bad, 'live', { how: 'deploy' })],
  ['log', line(bad, 'bad')],
  ['migrated', line(live, 'migrated', { migrations: 'abc' })],
  ['running', live],
  ['bytes', '1000000'],
  ['inodes', '5000'],
]
const parse = (...more: readonly (readonly [string, string])[]): AppState =>
  parseAppState('web1', settings, told(...usual, ...more))

describe('what a host tells', () => {
  it('is read into its releases, the newest deploy first', () => {
    const found = parse()
    expect(found.releases.map(({ id, state }) => [id, state])).toEqual([
      [bad, 'bad'],
      [live, 'good'],
      [old, 'good'],
    ])
    expect(found).toMatchObject({
      current: live,
      running: [live],
      bytesFree: 1_000_000,
      frozen: undefined,
      base: undefined,
    })
    expect(found.migrated).toEqual({ digest: 'abc', release: live })
  })

  const manifest = `d\tpublic\nf\t644\t${'a'.repeat(64)}\t3\tpublic/\xff\xfe\n`
  const sha256 = digest(parseManifest(manifest))
  const withManifest = (text: string) =>
    parseAppState(
      'web1',
      settings,
      Buffer.concat([
        told(
          ...usual.map(pair =>
            pair[1] === facts(live) ? (['release', facts(live, { sha256 })] as const) : pair,
          ),
          ...[
            ['base', live] as const,
            ['have', 'b'.repeat(64)] as const,
            ['manifest', String(text.length)] as const,
          ],
        ),
        Buffer.from(text, 'latin1'),
      ]),
    )

  it('may end with a manifest, which holds any bytes', () => {
    const { base, doubts } = withManifest(manifest)
    expect(base?.manifest.map(({ path }) => path)).toEqual(['public', 'public/\xff\xfe'])
    expect(base?.more).toEqual(new Set(['b'.repeat(64)]))
    expect(doubts).toEqual([])
  })

  it.each([
    ['is cut off', manifest.slice(0, 30)],
    ['is garbled', `${manifest}\0\x01 garbage\n`],
    ['is another', manifest.replace('public/', 'secret/')],
  ])('builds on nothing where the manifest %s, and says so', (_how, text) => {
    const { base, doubts, releases } = withManifest(text)
    expect(base).toBeUndefined()
    expect(doubts).toEqual([`releases/${live}/.capstan/manifest is garbled: all files are sent`])
    expect(releases).toHaveLength(3)
  })

  it('has the state that a release has written beside its files where the log does not tell it', () => {
    const found = parseAppState(
      'web1',
      settings,
      told(
        ['current', live],
        ['release', facts(old)],
        ['release', facts(live)],
        ['state', `${old} good`],
        ['log', line(live, 'live', { how: 'deploy' })],
        ['log', line(live, 'good')],
        ['doubt', '1 line(s) of releases.jsonl can’t be read'],
      ),
    )
    expect(found.releases.map(({ id, state }) => [id, state])).toEqual([
      [live, 'good'],
      [old, 'good'],
    ])
    expect(chooseRelease('web1', found, { steps: 1 })).toMatchObject({ id: old })
    expect(found.doubts).toHaveLength(1)
  })

  it.each([
    [['problem', 'there is no unit foobar@.service'], 'not-set-up', 'site.mjs'],
    [['missing', 'storage'], 'shared-missing', 'Nothing was changed'],
    [['astray', 'is not a link'], 'current-astray', 'move away'],
  ] as const)('stops a deploy where it has %j', (pair, code, hint) => {
    expect(() => parse(pair)).toThrow(expect.objectContaining({ code, hint: expect.stringContaining(hint) }))
  })
})

describe('a rollback', () => {
  it('goes one good release back, past one that is bad', () => {
    expect(chooseRelease('web1', parse(), { steps: 1 })).toMatchObject({ id: old })
  })
  it.each(['1111111', old])('goes to the one that is named %s', to => {
    expect(chooseRelease('web1', parse(), { to })).toMatchObject({ id: old })
  })
  it.each([
    [{ steps: 2 }, 'only 1 good release'],
    [{ to: '3333333' }, 'is bad'],
    [{ to: '9999999' }, 'there is no release'],
  ] as const)('says which there are where %j leads nowhere', (target, why) => {
    expect(chooseRelease('web1', parse(), target)).toMatchObject({
      code: 'no-such-release',
      message: expect.stringContaining(why),
      lines: [old],
    })
  })
})

it('is shown as a table', () => {
  expect(releaseTable(parse(['frozen', 'holidays\n'], ['maintenance', 'on']))).toEqual([
    'deploys are frozen: holidays',
    'visitors get the maintenance page',
    `   ${bad}  bad            1.2 kB  2026-11-22 21:00 UTC  alice@laptop`,
    `→  ${live}  good  running  1.2 kB  2026-11-22 21:00 UTC  alice@laptop`,
    `   ${old}  good           1.2 kB  2026-11-22 21:00 UTC  alice@laptop`,
  ])
})
