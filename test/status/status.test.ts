import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { healthSummary } from '#engine/github/health.ts'
import { noColours } from '#engine/output/paint.ts'
import { checkScript, findingsOf } from '#engine/status/checks.ts'
import { type HostStatus, withCommands, worst } from '#engine/status/host-status.ts'
import { screenLines, tableLines } from '#engine/status/lines.ts'
import { metrics, textfileScript } from '#engine/status/metrics.ts'
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

it('counts no part that was killed as good', () => {
  const parts = ["good 'first'; sleep 60", "good 'first'; kill -KILL $$"]
  const script = partsScript(
    parts.map(each => checkScript({ name: 'n', script: each })),
    1,
  )
  const output = execFileSync('sh', ['-c', script.replace('/run/', '/tmp/')], { timeout: 10_000 })
  expect(readParts('web1', output, 2).map(each => findingsOf('n', each))).toMatchObject([
    [{ state: 'bad', text: 'could not be checked: did not finish within 1 s' }],
    [{ state: 'bad', text: 'could not be checked: killed, or did not finish within 1 s' }],
  ])
})

it('gives each command in a cure the inventory and the host', () => {
  const commands = {
    run: 'npx zx scripts/run.mjs -i production web1',
    script: (name: string) => `npx zx scripts/${name}.mjs -i production -l web1`,
  }
  const cureOf = (cure: string) => withCommands(bad('n', 't', cure), commands).cure
  expect(cureOf('npx zx scripts/site.mjs -t tls renews it.')).toBe(
    'npx zx scripts/site.mjs -i production -l web1 -t tls renews it.',
  )
  expect(cureOf('HOST -- systemctl start nginx')).toBe(`${commands.run} -- systemctl start nginx`)
  expect(cureOf('npx zx scripts/site.mjs runs it.')).toBe(
    'npx zx scripts/site.mjs -i production -l web1 runs it.',
  )
  for (const whole of ['npx zx scripts/site.mjs -i staging -t tls', 'npx zx scripts/new.mjs --help'])
    expect(cureOf(whole)).toBe(whole)
})

it('is as bad as its worst finding', () => {
  expect(worst([{ state: 'good' }, { state: 'warning' }])).toBe('warning')
  expect(worst([{ state: 'warning' }, { state: 'bad' }, { state: 'good' }])).toBe('bad')
})

it.each(['', '3\0ab', '3\0abc', '3\0abc\x31\x30\0x', 'x\0'])('refuses what ends early: %j', output => {
  expect(() => readParts('web1', Buffer.from(output), 1)).toThrow('web1: the checks ended early')
})

it('writes the worst state of each check for Prometheus, where node-exporter reads it', () => {
  const status: HostStatus = {
    host: 'web1',
    state: 'bad',
    findings: [good('disk', '/: 27%'), bad('disk', '/srv: 99%', 'rm'), good('a "b" \\', 'x')],
  }
  expect(metrics(status, new Date(1_795_000_000_900))).toBe(
    [
      '# HELP capstan_check_state State of a check: 0 good, 1 warning, 2 failed.',
      '# TYPE capstan_check_state gauge',
      'capstan_check_state{check="disk"} 2',
      'capstan_check_state{check="a \\"b\\" \\\\"} 0',
      '# HELP capstan_check_timestamp_seconds When the host was checked.',
      '# TYPE capstan_check_timestamp_seconds gauge',
      'capstan_check_timestamp_seconds 1795000000',
      '',
    ].join('\n'),
  )
  const folder = mkdtempSync(join(tmpdir(), 'capstan-metrics-'))
  const there = textfileScript("it's\n").replace('/var/lib/prometheus/node-exporter', folder)
  execFileSync('sh', ['-c', there])
  expect(readFileSync(join(folder, 'capstan.prom'), 'utf8')).toBe("it's\n")
  expect(readdirSync(folder)).toEqual(['capstan.prom'])
  rmSync(folder, { recursive: true })
  expect(spawnSync('sh', ['-c', there]).status).toBe(3)
})

it('summarizes the health of hosts as markdown that obeys nothing', () => {
  const odd = bad('disk', '99% | @alice <b>', 'rm `x`')
  expect(healthSummary([healthy, { host: 'web2', state: 'bad', findings: [odd] }])).toBe(
    `| host | state |
| :-- | :-- |
| \`web1\` | healthy |
| \`web2\` | **unhealthy** |

| host | check | state | found | what to do |
| :-- | :-- | :-- | :-- | :-- |
| \`web2\` | \`disk\` | **failed** | 99% \\| @<!-- -->alice \\<b\\> | \`\` rm \`x\` \`\` |
`,
  )
})
