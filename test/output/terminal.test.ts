import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Event } from '#engine/output/events.ts'
import type { Printer } from '#engine/output/printer.ts'
import { choosePrinter, fanOut } from '#engine/output/printers.ts'
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
      // As wide as it is: the terminal wraps it, and the view knows.
      'web1  changed  nginx  template /etc/nginx/nginx.conf    mode 0644 → 0600, conten',
      't   0.04 s',
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
      expect(screen.lines()[1]).toMatch(/…$/)
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

test('Several printers are told the same, in their order, and closed together.', () => {
  const seen: string[] = []
  const named = (name: string): Printer => ({
    on: event => seen.push(`${name} ${event.event}`),
    close: () => seen.push(`${name} closed`),
  })
  const both = fanOut([named('a'), named('b')])
  both.on(run)
  both.close()
  expect(seen).toEqual(['a run', 'b run', 'a closed', 'b closed'])
})
