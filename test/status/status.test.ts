import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { noColours } from '#engine/output/paint.ts'
import { checkScript, findingsOf } from '#engine/status/checks.ts'
import { type HostStatus, worst } from '#engine/status/host-status.ts'
import { screenLines, tableLines } from '#engine/status/lines.ts'
import { partsScript, readParts } from '#engine/status/parts.ts'

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

it('runs checks at the same time, and keeps their order and their text', () => {
  const folder = mkdtempSync(join(tmpdir(), 'capstan-status-'))
  const go = join(folder, 'go')
  const parts = [
    // This one waits for the next.
    'until [ -e "$GO" ]; do sleep 0.05; done; good "it is é"',
    ": >$GO; bad 'a $x `y` \\\\' 'HOST -- true'; warning two ''",
    'exit 0',
    'no-such-program',
    'printf half',
  ]
  const script = partsScript(parts.map(each => checkScript({ name: 'n', script: each })))
  const outputs = readParts(
    'web1',
    execFileSync('sh', ['-c', script.replace('/run/', '/tmp/')], {
      timeout: 20_000,
      env: { ...process.env, GO: go },
    }),
    parts.length,
  )
  rmSync(folder, { recursive: true })
  const [slow, odd, silent, broken, half] = outputs.map((output, index) => findingsOf(`n${index}`, output))
  expect(slow).toEqual([good('n0', 'it is é')])
  expect(odd).toEqual([
    bad('n1', 'a $x `y` \\\\', 'HOST -- true'),
    { name: 'n1', state: 'warning', text: 'two', cure: undefined },
  ])
  expect(silent).toEqual([])
  expect(broken).toMatchObject([{ state: 'bad', text: expect.stringContaining('no-such-program') }])
  expect(half).toMatchObject([{ state: 'bad', text: expect.stringContaining('could not be checked') }])
})

it('is as bad as its worst finding', () => {
  expect(worst([{ state: 'good' }, { state: 'warning' }])).toBe('warning')
  expect(worst([{ state: 'warning' }, { state: 'bad' }, { state: 'good' }])).toBe('bad')
})

it.each(['', '3\0ab', '3\0abc', '3\0abc\x31\x30\0x', 'x\0'])('refuses what ends early: %j', output => {
  expect(() => readParts('web1', Buffer.from(output), 1)).toThrow('web1: the checks ended early')
})
