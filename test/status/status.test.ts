import { execFileSync } from 'node:child_process'
import { expect, it } from 'vitest'
import { noColours } from '#engine/output/paint.ts'
import { checksScript, parseFindings } from '#engine/status/checks.ts'
import { type HostStatus, worst } from '#engine/status/host-status.ts'
import { screenLines, tableLines } from '#engine/status/lines.ts'

const good = (name: string, text: string) => ({ name, state: 'good', text, cure: undefined }) as const
const bad = (name: string, text: string, cure: string) => ({ name, state: 'bad', text, cure }) as const
const healthy: HostStatus = {
  host: 'web1',
  state: 'good',
  findings: [good('disk', '/: 27%'), good('shop', 'live')],
}
const broken: HostStatus = {
  host: 'web2',
  state: 'bad',
  findings: [good('disk', '/: 27%'), bad('shop', 'answered 500', 'npx zx scripts/app.mjs logs shows why.')],
}

it('shows one host with a line for each finding, and what to do', () => {
  expect(screenLines(broken, noColours, 100)).toEqual([
    'web2  unhealthy',
    '  disk  /: 27%',
    '  shop  answered 500',
    '        cure  npx zx scripts/app.mjs logs shows why.',
  ])
})

it('shows several hosts as a table, and below it what is wrong', () => {
  expect(tableLines([healthy, broken], noColours, 100)).toEqual([
    'host  state      disk  shop',
    'web1  healthy    ok    ok',
    'web2  unhealthy  ok    failed',
    '',
    'web2',
    '  shop  answered 500',
    '        cure  npx zx scripts/app.mjs logs shows why.',
  ])
})

it.each([60, 100, 200])('wraps no line at %i columns', columns => {
  const long = bad('certificate', 'x'.repeat(30) + ' word'.repeat(40), 'npx zx scripts/site.mjs '.repeat(12))
  const status = { host: 'web1', state: 'bad', findings: [long] } as const
  const many = Array.from({ length: 9 }, (_, n) => ({ ...status, host: `a-host-of-a-long-name-${n}` }))
  for (const line of [...screenLines(status, noColours, columns), ...tableLines(many, noColours, columns)])
    expect(line.length).toBeLessThanOrEqual(columns)
})

it('runs checks beside one another, and keeps their order and what they say byte for byte', () => {
  const script = checksScript([
    { name: 'slow', script: "sleep 0.3; good 'it is é'" },
    { name: 'odd', script: "bad 'a $x `y` \\\\' 'HOST -- true'; warning two ''" },
    { name: 'silent', script: 'exit 0' },
    { name: 'broken', script: 'no-such-program' },
  ])
  const output = execFileSync('sh', ['-c', script.replace('/run/capstan-status', '/tmp/capstan-status')])
  expect(parseFindings('web1', output, 'npx zx scripts/run.mjs web1')).toEqual([
    good('slow', 'it is é'),
    bad('odd', 'a $x `y` \\\\', 'npx zx scripts/run.mjs web1 -- true'),
    { name: 'odd', state: 'warning', text: 'two', cure: undefined },
    { name: 'broken', state: 'bad', text: expect.stringContaining('could not be checked'), cure: undefined },
  ])
})

it('is as bad as its worst finding', () => {
  expect(worst([{ state: 'good' }, { state: 'warning' }])).toBe('warning')
  expect(worst([{ state: 'warning' }, { state: 'bad' }, { state: 'good' }])).toBe('bad')
})

it('refuses what ends early', () => {
  expect(() => parseFindings('web1', Buffer.from('disk\0good\0x'), '')).toThrow('the checks ended early')
})
