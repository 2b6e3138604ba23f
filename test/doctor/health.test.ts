import { execFileSync } from 'node:child_process'
import { expect, it } from 'vitest'
import type { Check } from '#engine/doctor/check.ts'
import { healthScript, judge } from '#engine/doctor/health.ts'

const well: Readonly<Record<string, string | readonly string[]>> = {
  time: '1000.5',
  os: 'debian 12',
  name: 'Debian GNU/Linux 12 (bookworm)',
  systemd: '252',
  disk: ['/ 41152736 20000000', '/srv 41152736 19000000', '/var 41152736 20000000'],
  inodes: ['/ 2621440 2400000'],
  perl: '5.36.0',
  openssh: '9.2',
  dpkg: '',
}

/** What a host that is well but for `other` prints. */
function printed(other: Readonly<Record<string, string | readonly string[] | undefined>>): Buffer {
  const pairs = Object.entries({ ...well, ...other }).flatMap(([key, value]) =>
    value === undefined ? [] : [value].flat().map(one => `${key}\0${one}\0`),
  )
  return Buffer.from(pairs.join(''))
}

const judged = (other: Parameters<typeof printed>[0]) => judge(printed(other), 1000, 1001)
const state = (other: Parameters<typeof printed>[0], what: string) =>
  judged(other).find(check => check.what === what)?.state

it('finds nothing to say of a host that is well', () => {
  expect(judged({}).map(check => [check.what, check.state, check.found])).toEqual([
    ['system', 'ok', 'Debian GNU/Linux 12 (bookworm)'],
    ['disk', 'ok', '/srv has 18 GiB free of 39 GiB'],
    ['clock', 'ok', 'as here'],
    ['versions', 'ok', 'openssh 9.2, perl 5.36.0, systemd 252'],
  ])
})

it.each<[string, string, Check['state'], Parameters<typeof printed>[0]]>([
  ['another distribution', 'system', 'failed', { os: 'alpine 3.20' }],
  ['a release that is not supported', 'system', 'failed', { os: 'debian 10' }],
  ['no systemd', 'system', 'failed', { systemd: undefined }],
  ['a disk that is nearly full', 'disk', 'failed', { disk: ['/ 41152736 200000'] }],
  ['a disk that fills up', 'disk', 'warning', { disk: ['/ 41152736 1500000'] }],
  ['a large disk with a twentieth left', 'disk', 'warning', { disk: ['/ 411527360 15000000'] }],
  ['no room for more files', 'disk', 'failed', { inodes: ['/ 2621440 900'] }],
  ['a file system that does not count files', 'disk', 'ok', { inodes: ['/ - -'] }],
  ['no word from df', 'disk', 'failed', { disk: ['/ '] }],
  ['a clock 5 s behind', 'clock', 'warning', { time: '995' }],
  ['a clock an hour ahead', 'clock', 'failed', { time: '4601' }],
  ['a clock that nobody can read', 'clock', 'failed', { time: 'N' }],
  ['no perl', 'versions', 'failed', { perl: '' }],
  [
    'a package half installed',
    'versions',
    'warning',
    { dpkg: 'The following packages are only half configured' },
  ],
])('judges %s: %s %s', (_case, what, expected, other) => {
  expect(state(other, what)).toBe(expected)
  if (expected !== 'ok') expect(judged(other).find(check => check.what === what)?.cure).toBeTruthy()
})

it('reads what the script prints, under dash and bash', () => {
  for (const shell of ['dash', 'bash']) {
    const began = Date.now() / 1000
    const output = execFileSync(shell, ['-c', healthScript])
    const checks = judge(output, began, Date.now() / 1000)
    expect(checks.find(({ what }) => what === 'clock')).toMatchObject({ state: 'ok' })
    expect(checks.find(({ what }) => what === 'disk')?.found).toMatch(/has \d+(\.\d+)? [GM]iB free of/)
  }
})

it('takes Debian unstable, which has no number', () => {
  expect(state({ os: 'debian sid', name: 'Debian GNU/Linux forky/sid' }, 'system')).toBe('ok')
})
