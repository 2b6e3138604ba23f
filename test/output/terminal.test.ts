import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { HostError } from '#engine/errors.ts'
import type { Event } from '#engine/output/events.ts'
import type { Printer } from '#engine/output/printer.ts'
import { choosePrinter } from '#engine/output/printers.ts'
import { displayWidth } from '#engine/output/width.ts'
import { nginxConf, recap, record, run } from './record.ts'
import { Screen } from './screen.ts'

const installs = {
  role: 'nginx',
  where: 'roles/nginx/role.ts:9',
  resource: 'apt nginx',
  differences: [],
} as const

let printer: Printer | undefined

function live(screen: Screen, env: Readonly<Record<string, string>> = { FORCE_COLOR: '1' }): Printer {
  printer = choosePrinter({ stream: screen, env })
  return printer
}

beforeEach(() => void vi.useFakeTimers({ now: 0 }))
afterEach(() => {
  printer?.close()
  vi.useRealTimers()
})

describe('The live view', () => {
  test('shows what each host does and for how long, below what is finished.', () => {
    const screen = new Screen(80)
    const printer = live(screen)
    for (const event of [
      run,
      { event: 'connected', host: 'db1', address: '127.0.0.1:2223', seconds: 0.1 },
      { event: 'changed', host: 'web1', ...nginxConf, seconds: 0.04 },
      { event: 'changing', host: 'web1', ...installs },
      {
        event: 'output',
        host: 'web1',
        resource: 'apt nginx',
        text: 'Unpacking\x1b[1m nginx\nSetting up nginx\n',
      },
    ] satisfies Event[])
      printer.on(event)
    vi.advanceTimersByTime(12_300)
    expect(screen.lines()).toEqual([
      'site: web1, db1',
      'web1  changed  nginx  template /etc/ng…/nginx.conf  mode 0644 → 0600,…   0.04 s',
      'web1  ⠸  12 s  nginx  apt nginx  Setting up nginx',
      'db1   ⠸  12 s  reading facts',
    ])
  })

  test('leaves at its end the same lines as the plain printer.', () => {
    const events: readonly Event[] = [
      run,
      { event: 'changing', host: 'web1', ...nginxConf },
      { event: 'changed', host: 'web1', ...nginxConf, seconds: 0.04 },
      { event: 'warning', host: 'db1', message: 'slow' },
      { event: 'finished', host: 'db1' },
      recap,
      { event: 'note', message: 'https://www.foobar.com' },
    ]
    const screen = new Screen(120)
    const printer = live(screen)
    for (const event of events) {
      printer.on(event)
      vi.advanceTimersByTime(250)
    }
    printer.close()
    expect(screen.lines()).toEqual(record(events))
  })

  test('draws at most ten times a second, whatever comes, and loses no line.', () => {
    const screen = new Screen(80)
    const printer = live(screen)
    printer.on(run)
    for (let count = 0; count < 1000; count++) {
      printer.on({ event: 'warning', host: 'web1', message: `number ${count}` })
      vi.advanceTimersByTime(1)
    }
    expect(screen.writes).toBeGreaterThan(5)
    expect(screen.writes).toBeLessThanOrEqual(11)
    printer.close()
    expect(screen.lines().filter(line => line.includes('number'))).toHaveLength(1000)
  })

  test('shows ten lines of many hosts, the last of them a count of what the others do.', () => {
    const screen = new Screen(80)
    const printer = live(screen)
    printer.on({ ...run, hosts: Array.from({ length: 100 }, (_, n) => `web${n}`) })
    for (let n = 50; n < 90; n++) printer.on({ event: 'facts', host: `web${n}`, facts: { live: [] } })
    vi.advanceTimersByTime(3000)
    const lines = screen.lines()
    expect(lines).toHaveLength(11)
    expect(lines[1]).toMatch(/^web0 {2}. {3}3 s {2}connecting$/)
    expect(lines.at(-1)).toBe('91 more: 51 connecting, 40 probing, the longest for 3 s')
  })

  test('fits a low window.', () => {
    const screen = new Screen(80, 6)
    live(screen).on({ ...run, hosts: Array.from({ length: 9 }, (_, n) => `web${n}`) })
    vi.advanceTimersByTime(500)
    expect(screen.lines()).toHaveLength(4)
  })

  test.each([5, 12, 20, 39, 40, 41])(
    'never wraps a live line, in %d columns, wide characters included.',
    columns => {
      const screen = new Screen(columns)
      const printer = live(screen)
      printer.on({ ...run, command: 's', hosts: [] })
      printer.on({
        event: 'progress',
        host: 'wébserver-北京',
        message: '日本語のファイル 🚀 /srv/www/shop/shared',
      })
      vi.advanceTimersByTime(300)
      // Wide characters take one cell of this screen, so the width is judged by the count of lines alone.
      expect(screen.lines()).toHaveLength(2)
      expect(screen.lines()[1]).toContain('…')
    },
  )

  test('clears what wrapped when the window became narrower.', () => {
    const screen = new Screen(60)
    const printer = live(screen)
    printer.on({ ...run, hosts: ['web1'] })
    printer.on({
      event: 'changing',
      host: 'web1',
      ...installs,
      resource: 'apt nginx libnginx-mod-http-brotli',
    })
    vi.advanceTimersByTime(50)
    const narrow = new Screen(30)
    // The window reflows what stands on it.
    narrow.write(screen.lines().join('\n'))
    Object.assign(screen, { columns: 30, write: (text: string) => narrow.write(text) })
    vi.advanceTimersByTime(200)
    expect(narrow.lines().filter(line => line !== '')).toEqual([
      'site: web1',
      'web1  ⠹   0 s  nginx  apt ng…',
    ])
  })

  test('tells what goes on for no host when it is over, with its seconds.', () => {
    const screen = new Screen(80)
    const printer = live(screen)
    printer.on({ event: 'progress', message: 'building the image' })
    vi.advanceTimersByTime(4200)
    expect(screen.lines()).toEqual(['⠹   4 s  building the image'])
    printer.on({ event: 'progress', message: 'starting web1' })
    vi.advanceTimersByTime(1000)
    printer.close()
    expect(screen.lines()).toEqual(['building the image  4.2 s', 'starting web1  1.0 s'])
  })

  test('shows no host as connecting while the sandbox is brought up for it.', () => {
    const screen = new Screen(80)
    const printer = live(screen)
    printer.on({ ...run, hosts: ['web1'] })
    printer.on({ event: 'progress', message: 'building the image' })
    vi.advanceTimersByTime(5000)
    expect(screen.lines()).toEqual(['site: web1', '⠋   5 s  building the image'])
    printer.on({ event: 'connected', host: 'web1', address: '127.0.0.1', seconds: 0.1 })
    vi.advanceTimersByTime(100)
    expect(screen.lines()).toEqual([
      'site: web1',
      '      building the image  5.0 s',
      'web1  ⠙   0 s  reading facts',
    ])
  })

  test('has no braille on the Linux console.', () => {
    const screen = new Screen(80)
    live(screen, { TERM: 'linux' }).on({ event: 'progress', message: 'building' })
    vi.advanceTimersByTime(10)
    expect(screen.lines()).toEqual(['|   0 s  building'])
  })

  test('leaves no timer and no listener behind.', () => {
    const listeners = () =>
      ['exit', 'SIGINT', 'SIGTERM', 'SIGHUP', 'SIGTSTP'].map(name => process.listenerCount(name))
    const at = listeners()
    const screen = new Screen(80)
    const printer = live(screen)
    printer.on(run)
    vi.advanceTimersByTime(200)
    expect(listeners()).toEqual(at.map(count => count + 1))
    printer.close()
    expect(listeners()).toEqual(at)
    expect(vi.getTimerCount()).toBe(0)
    expect(screen.lines()).toEqual(['site: web1, db1'])
  })
})

describe('A line above the live view', () => {
  const path = '/etc/systemd/system/multi-user.target.wants/foobar-worker-mail.service'
  const change = { role: 'app', where: 'roles/app/role.ts:62', resource: `link ${path}` }
  const long =
    'a sentence of many words that goes on for longer than any terminal is wide, and then for some words more, and more'
  const differences = [{ what: 'target', found: `..${path}`, wanted: path }]
  const host = 'web1'
  const events: readonly Event[] = [
    {
      event: 'run',
      command: 'site',
      hosts: Array.from({ length: 8 }, (_, n) => `web${n}.example.com`),
      check: false,
    },
    { event: 'changed', host, ...change, differences, seconds: 75 },
    {
      event: 'changed',
      host: 'web7.a-name-of-some-length.example.com',
      ...change,
      differences,
      seconds: 0.04,
    },
    { event: 'planned', host, ...change, differences, unknown: long },
    { event: 'ok', host, ...change },
    { event: 'output', host, resource: change.resource, text: `${long}\n${'x'.repeat(300)}\n\ttab` },
    { event: 'warning', host, message: long, hint: long },
    {
      event: 'step',
      host,
      step: 'upload',
      state: 'done',
      seconds: 1.2,
      note: '11 files sent, 4.3 kB on the wire; 0 from kept',
    },
    {
      ...{ event: 'failed', host },
      error: new HostError('x', long, {
        where: `roles/app/role.ts:62 (role app)`,
        lines: [long, path],
        hint: long,
      }),
    },
    { event: 'progress', message: long },
    {
      event: 'note',
      message: `${long}\n  curl --cacert .capstan/sandbox/web1.pem --connect-to foobar.com:443:127.0.0.1:20487 https://foobar.com/`,
    },
    {
      event: 'recap',
      hosts: {
        'web7.a-name-of-some-length.example.com': {
          ok: 1,
          changed: 120,
          unreachable: 0,
          failed: 1,
          skipped: 2,
          trips: 14,
          seconds: 103.5,
        },
      },
    },
  ]

  test.each([60, 80, 100, 200])('never wraps at %i columns, and times end in one column.', columns => {
    for (const [verbosity, diff] of [
      [0, false],
      [3, true],
    ] as const) {
      const chunks: string[] = []
      const stream = { write: (text: string) => chunks.push(text), isTTY: true, columns }
      printer = choosePrinter({ stream, verbosity, diff, env: { NO_COLOR: '1' } })
      for (const event of events) printer.on(event)
      printer.close()
      const lines = chunks
        .join('')
        .replaceAll(/\x1b\[\d*[A-K]|\r/g, '')
        .split('\n')
      expect(lines.filter(line => displayWidth(line) >= columns)).toEqual([])
      const timed = lines.filter(line => /^web\S* +(changed|done) .* s$/.test(line))
      expect(new Set(timed.map(line => displayWidth(line))).size).toBe(1)
      // The file's name tells one path from another.
      expect(timed[0]).toMatch(/link .*\.service /)
    }
  })

  test('is a command that can be copied, over several lines.', () => {
    const chunks: string[] = []
    printer = choosePrinter({
      stream: { write: text => chunks.push(text), isTTY: true, columns: 60 },
      env: {},
    })
    printer.on({
      event: 'note',
      message:
        '  curl --cacert .capstan/sandbox/web1.pem --connect-to foobar.com:443:127.0.0.1:20487 https://foobar.com/',
    })
    printer.close()
    expect(chunks.join('').trim().split('\n')).toEqual([
      'curl --cacert .capstan/sandbox/web1.pem --connect-to \\',
      '    foobar.com:443:127.0.0.1:20487 https://foobar.com/',
    ])
  })
})

describe('What a host does', () => {
  test('is how far apt is, with a percentage, not the last line that it printed.', () => {
    const screen = new Screen(80)
    const printer = live(screen)
    printer.on({ ...run, hosts: ['web1'] })
    printer.on({ event: 'changing', host: 'web1', ...installs })
    printer.on({
      event: 'working',
      host: 'web1',
      resource: 'apt nginx',
      doing: 'Unpacking nginx (amd64)',
      percent: 42.9,
    })
    printer.on({ event: 'output', host: 'web1', resource: 'apt nginx', text: 'Selecting nginx\n' })
    vi.advanceTimersByTime(12_300)
    expect(screen.lines()[1]).toMatch(
      /^web1 {2}\S {2}12 s {2}nginx {2}apt nginx {2}42% {2}Unpacking nginx \(amd64\)$/,
    )
  })

  test('at a barrier is to wait for the hosts that are not there yet, by name.', () => {
    const screen = new Screen(80)
    const printer = live(screen)
    printer.on({ ...run, command: 'deploy', hosts: ['web1', 'web2', 'web3', 'web4', 'web5'] })
    const waiting = () => screen.lines()[1]?.split('  ').at(-1)
    const begins = (host: string) => printer.on({ event: 'step', host, step: 'start', state: 'begun' })
    const waits = (host: string) => printer.on({ event: 'waiting', host })
    for (const host of ['web2', 'web3', 'web4', 'web5']) begins(host)
    waits('web1')
    vi.advanceTimersByTime(200)
    expect(waiting()).toBe('waiting for web2, web3 and 2 more')
    for (const host of ['web3', 'web4']) waits(host)
    vi.advanceTimersByTime(200)
    expect(waiting()).toBe('waiting for web2 and web5')
    waits('web5')
    vi.advanceTimersByTime(200)
    expect(waiting()).toBe('waiting for web2 (start)')
    waits('web2')
    vi.advanceTimersByTime(200)
    expect(waiting()).toBe('waiting')
  })
})

describe('The printer that is chosen', () => {
  const chosen = (stream: object, env: Readonly<Record<string, string>>) => {
    const chunks: string[] = []
    const printer = choosePrinter({ stream: { write: text => chunks.push(text), ...stream }, env })
    printer.on(run)
    vi.advanceTimersByTime(100)
    printer.close()
    return chunks.join('').includes('connecting') ? 'live' : 'plain'
  }

  test.each([
    ['live', 'a terminal', { isTTY: true }, {}],
    ['plain', 'a pipe', {}, {}],
    ['plain', 'a terminal that cannot move its cursor', { isTTY: true }, { TERM: 'dumb' }],
    ['plain', 'CI', { isTTY: true }, { CI: 'true' }],
  ])('is the %s one for %s.', (kind, _, stream, env) => expect(chosen(stream, env)).toBe(kind))
})
