import { describe, expect, it } from 'vitest'
import { isHealthy, parseStatus } from '#engine/app/status.ts'
import { statusLines } from '#engine/app/status-lines.ts'
import { noColours } from '#engine/output/paint.ts'
import { settings as plainSettings } from '../deploy/settings.ts'

const live = '20261122T210000Z-2222222'
const settings = { ...plainSettings, app: 'shop' }
const release = JSON.stringify({
  id: live,
  sha256: '2'.repeat(64),
  ref: 'a16a231 Say hello',
  by: 'alice@laptop',
  files: 2,
  bytes: 1234,
})
const log = JSON.stringify({
  ...{
    release: live,
    state: 'live',
    at: '2026-11-22T21:00:05Z',
    by: 'alice@laptop',
    run: 'r',
    how: 'deploy',
  },
})

const unit = (id: string, more: object) =>
  Object.entries({ Id: id, ActiveState: 'active', SubState: 'running', Result: 'success', ...more })
    .map(([key, value]) => `${key}=${value}`)
    .join('\n')
const server = (more: object = {}) =>
  unit(`shop@${live}.service`, {
    ActiveEnterTimestamp: 'Sun 2026-11-22 21:00:00 UTC',
    NRestarts: 0,
    MemoryCurrent: 88_080_384,
    MemoryMax: 536_870_912,
    TasksCurrent: 12,
    TasksMax: 200,
    ...more,
  })
const now = Date.parse('2026-11-26T23:30:00Z') / 1000
const status = (
  units: readonly string[],
  more: Readonly<Record<string, string>> = { good: '200 in 4 ms' },
) => {
  const pairs = {
    ...{ current: live, release, log, running: live, bytes: '75000000000', inodes: '5000' },
    ...{ now: String(now), units: units.join('\n\n'), ...more },
  }
  const text = Object.entries(pairs).map(([key, value]) => `${key}\0${value}\0`)
  return parseStatus('web1', settings, Buffer.from(text.join('')))
}
const shown = (...given: Parameters<typeof status>) => statusLines(status(...given), noColours)

describe('the status of an app', () => {
  it('says what is live, since when, and what it uses', () => {
    expect(shown([server()])).toEqual([
      'shop on web1  healthy',
      '  release  20261122T210000Z-2222222  a16a231 Say hello',
      '  live     since 2026-11-22 21:00 UTC, by alice@laptop',
      '  answers  200 in 4 ms',
      '  app      running for 4 d 2 h, 84 of 512 MiB, 12 of 200 tasks',
      '  disk     75 GB free',
    ])
  })

  it.each([
    [
      'that failed',
      { ActiveState: 'failed', SubState: 'failed', Result: 'exit-code', ExecMainStatus: 3 },
      'failed, exit code 3',
    ],
    [
      'that was killed',
      { ActiveState: 'failed', SubState: 'failed', Result: 'signal', ExecMainStatus: 9 },
      'failed, signal 9',
    ],
    [
      'that ran out of memory',
      { ActiveState: 'failed', SubState: 'failed', Result: 'oom-kill' },
      'failed, oom-kill',
    ],
    ['that was stopped by hand', { ActiveState: 'inactive', SubState: 'dead' }, 'dead'],
    [
      'that fails and is started again and again',
      {
        ActiveState: 'activating',
        SubState: 'auto-restart',
        Result: 'exit-code',
        ExecMainStatus: 1,
        NRestarts: 17,
      },
      'auto-restart, exit code 1, 17 restarts',
    ],
  ])('is unhealthy with an instance %s', (_what, more, text) => {
    expect(shown([server(more)])).toContain(`  app      ${text}`)
    expect(isHealthy(status([server(more)]))).toBe(false)
  })

  it('says when a scheduled worker runs, and how it ended last', () => {
    const timer = unit(`shop.report@${live}.timer`, {
      SubState: 'waiting',
      NextElapseUSecRealtime: 'Fri 2026-11-27 02:42:00 UTC',
    })
    const job = (more: object) =>
      unit(`shop.report@${live}.service`, { ActiveState: 'inactive', SubState: 'dead', ...more })
    const ended = { ExecMainExitTimestamp: 'Thu 2026-11-26 23:00:00 UTC' }
    const of = (more: object) => shown([server(), timer, job(more)]).find(line => line.startsWith('  report'))
    expect(of({})).toBe('  report   next run in 3 h 12 min')
    expect(of(ended)).toBe('  report   next run in 3 h 12 min, last run ended well 30 min 00 s ago')
    const failed = {
      ...ended,
      ActiveState: 'failed',
      SubState: 'failed',
      Result: 'exit-code',
      ExecMainStatus: 1,
    }
    expect(of(failed)).toBe('  report   next run in 3 h 12 min, last run failed: exit code 1')
    expect(isHealthy(status([server(), timer, job(failed)]))).toBe(false)
    const stopped = timer.replace('ActiveState=active', 'ActiveState=inactive')
    expect(isHealthy(status([server(), stopped, job({})]))).toBe(false)
  })

  it('is unhealthy where a visitor is not answered', () => {
    const bad = { bad: 'GET / of www.foobar.com: answered 500: Oops (asked for 5 s)\n' }
    expect(shown([server()], bad)).toEqual(
      expect.arrayContaining([
        'shop on web1  unhealthy',
        '  answers  GET / of www.foobar.com: answered 500: Oops (asked for 5 s)',
      ]),
    )
  })

  it('shows maintenance and frozen deploys', () => {
    const lines = shown([server()], { maintenance: 'on', frozen: 'the shop is on sale\n' })
    expect(lines).toEqual(
      expect.arrayContaining([
        'shop on web1  maintenance',
        '  answers  visitors get the maintenance page',
        '  deploys  frozen: the shop is on sale',
      ]),
    )
  })

  it('shows that a static site has no process', () => {
    expect(shown([server({ SubState: 'exited' })])).toContain('  app      set up, no process of its own')
  })

  it('is unhealthy where nothing is live', () => {
    const none = parseStatus('web1', settings, Buffer.from('current\0\0bytes\x001000\0inodes\x005\0'))
    expect(statusLines(none, noColours)).toEqual([
      'shop on web1  unhealthy',
      '  release  nothing is live',
      '  disk     1.0 kB free',
    ])
  })

  it('removes control characters from an answer', () => {
    expect(shown([server()], { good: '\x1b[2J200 in 4 ms' }).join('\n')).not.toContain('\x1b')
  })
})
