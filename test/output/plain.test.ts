import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { HostError, UnreachableError } from '#engine/errors.ts'
import type { Event } from '#engine/output/events.ts'
import { plainPrinter } from '#engine/output/plain.ts'
import { Secret } from '#engine/secret.ts'
import { nginxConf, recap, record, run } from './record.ts'

const web1 = { host: 'web1' } as const
const apt = { role: 'nginx', where: 'roles/nginx/role.ts:9', resource: 'apt nginx', differences: [] } as const

interface Case {
  readonly title: string
  readonly events: readonly Event[]
  readonly lines: readonly string[]
  readonly verbosity?: number
  readonly diff?: boolean
}

const cases: readonly Case[] = [
  {
    title: 'A run is announced with its hosts.',
    events: [run],
    lines: ['site: web1, db1'],
  },
  {
    title: 'Many hosts are counted, and a check says that it changes nothing.',
    events: [{ ...run, hosts: Array.from({ length: 100 }, (_, n) => `web${n}`), check: true }],
    lines: ['site: 100 hosts (check: nothing is changed)'],
  },
  {
    title: 'What goes on before the run stands at the left, and a host of it is named.',
    events: [
      { event: 'progress', message: 'building the image' },
      { event: 'progress', ...web1, message: 'booting' },
    ],
    lines: ['building the image', 'web1  booting'],
  },
  {
    title: 'A changed resource is one line with what changed and its seconds.',
    events: [run, { event: 'changed', ...web1, ...nginxConf, seconds: 0.04 }],
    lines: [
      'site: web1, db1',
      'web1  changed  nginx  template /etc/nginx/nginx.conf                    mode 0644 → 0600, content         0.04 s',
    ],
  },
  {
    title: 'Names of hosts are padded to the longest, so that the columns stand.',
    events: [
      { ...run, hosts: ['web1', 'loadbalancer'] },
      {
        event: 'changed',
        ...web1,
        ...apt,
        differences: [{ what: 'version', found: '', wanted: '1.22' }],
        seconds: 6.31,
      },
      {
        event: 'changed',
        host: 'loadbalancer',
        ...apt,
        differences: [{ what: 'hold', found: 'held', wanted: '' }],
        seconds: 71,
      },
    ],
    lines: [
      'site: web1, loadbalancer',
      'web1          changed  nginx  apt nginx                                         version 1.22               6.3 s',
      'loadbalancer  changed  nginx  apt nginx                                         hold held → none      1 min 11 s',
    ],
  },
  {
    title: 'A handler says that it is one.',
    events: [{ event: 'changed', ...web1, ...apt, resource: 'reload nginx', handler: true, seconds: 0.1 }],
    lines: [
      'web1  changed  nginx  reload nginx                                      handler                           0.10 s',
    ],
  },
  {
    title: 'Resources that are as declared, and the skipped, are silent.',
    events: [
      { event: 'ok', ...web1, role: 'nginx', resource: 'apt nginx' },
      { event: 'skipped', ...web1, role: 'tls', resource: 'certificate x', why: 'mode is none' },
      { event: 'connected', ...web1, address: '127.0.0.1:2222', seconds: 0.1 },
      { event: 'output', ...web1, resource: 'apt nginx', text: 'Unpacking nginx' },
    ],
    lines: [''],
  },
  {
    title: 'With -v they are told.',
    verbosity: 1,
    events: [
      { event: 'ok', ...web1, role: 'nginx', resource: 'apt nginx' },
      { event: 'skipped', ...web1, role: 'tls', resource: 'certificate x', why: 'mode is none' },
      { event: 'output', ...web1, resource: 'apt nginx', text: 'Unpacking nginx' },
    ],
    lines: [
      'web1  ok       nginx  apt nginx',
      'web1  skipped  tls    certificate x                                     mode is none',
    ],
  },
  {
    title:
      'With -vv each line that a change printed on its host is told, under the name of the resource once.',
    verbosity: 2,
    events: [
      { event: 'output', ...web1, resource: 'apt nginx', text: 'Unpacking nginx\r\n\tdone\n\n' },
      { event: 'output', ...web1, resource: 'apt nginx', text: '10%\r100%\n' },
    ],
    lines: [
      'web1  output   apt nginx',
      'web1  | Unpacking nginx',
      'web1  | \tdone',
      'web1  | 10%',
      'web1  | 100%',
    ],
  },
  {
    title: 'With -vvv every event is told.',
    verbosity: 3,
    events: [
      { event: 'connected', ...web1, address: 'root@127.0.0.1:2222', seconds: 0.12 },
      { event: 'facts', ...web1, facts: { os: 'debian', cpus: 2, live: [] } },
      { event: 'probed', ...web1, resources: 57, pass: 1 },
      { event: 'changing', ...web1, ...apt },
      { event: 'step', ...web1, step: 'upload', state: 'begun' },
      { event: 'finished', ...web1 },
    ],
    lines: [
      'web1  connected  root@127.0.0.1:2222                                                                      0.12 s',
      'web1  fact       os = "debian"',
      'web1  fact       cpus = 2',
      'web1  fact       live = []',
      'web1  probed     57 resources, pass 1',
      'web1  begun      nginx  apt nginx',
      'web1  begun      upload',
      'web1  end',
    ],
  },
  {
    title: 'A check says what would change, what would run and what cannot be known yet.',
    events: [
      { ...run, check: true },
      { event: 'planned', ...web1, ...nginxConf },
      { event: 'planned', ...web1, ...apt, resource: 'reload nginx', handler: true },
      {
        event: 'planned',
        ...web1,
        ...apt,
        role: 'mysql',
        resource: 'mysql user shop',
        unknown: 'mariadb-server is not installed yet',
      },
    ],
    lines: [
      'site: web1, db1 (check: nothing is changed)',
      'web1  would change  nginx  template /etc/nginx/nginx.conf                    mode 0644 → 0600, content',
      'web1  would run     nginx  reload nginx                                      handler',
      'web1  may change    mysql  mysql user shop                                   unknown yet: mariadb-server is not installed yet',
    ],
  },
  {
    title: 'With --diff a changed text follows as a unified diff.',
    diff: true,
    events: [{ event: 'planned', ...web1, ...nginxConf }],
    lines: [
      'web1  would change  nginx  template /etc/nginx/nginx.conf                    mode 0644 → 0600, content',
      'web1  --- template /etc/nginx/nginx.conf (found)',
      'web1  +++ template /etc/nginx/nginx.conf (wanted)',
      'web1  @@ -1,4 +1,4 @@',
      'web1   user www-data;',
      'web1   http {',
      'web1  -  server_tokens on;',
      'web1  +  server_tokens off;',
      'web1   }',
    ],
  },
  {
    title: 'With --diff secret and binary content is named, not shown.',
    diff: true,
    events: (['secret', 'binary'] as const).map(text => ({
      event: 'changed',
      ...web1,
      ...apt,
      resource: 'file /etc/x',
      differences: [{ what: 'content', found: 'a', wanted: 'b', text }],
      seconds: 0,
    })),
    lines: [
      'web1  changed  nginx  file /etc/x                                       content                           0.00 s',
      'web1  [secret content hidden]',
      'web1  changed  nginx  file /etc/x                                       content                           0.00 s',
      'web1  [binary differs]',
    ],
  },
  {
    title: 'A warning has its hint below it.',
    events: [
      {
        event: 'warning',
        ...web1,
        message: 'memory limits are not enforced here',
        hint: 'On a real host they are.',
      },
      { event: 'warning', message: 'no known_hosts' },
    ],
    lines: [
      'web1  warning  memory limits are not enforced here',
      '               On a real host they are.',
      '      warning  no known_hosts',
    ],
  },
  {
    title: 'A step of a deploy is told when it is done.',
    events: [
      { event: 'step', ...web1, step: 'upload', state: 'begun' },
      { event: 'step', ...web1, step: 'upload', state: 'done', seconds: 1.23, note: '12 files, 40 kB' },
    ],
    lines: [
      'web1  done     upload        12 files, 40 kB                                                               1.2 s',
    ],
  },
  {
    title: 'An error has its place at the right, its lines below the message and the hint at the left.',
    events: [
      run,
      {
        event: 'failed',
        host: 'db1',
        error: new HostError('config-test', 'nginx -t exited with 1', {
          where: 'roles/nginx/role.ts:21',
          lines: ['nginx: [emerg] unknown directive "serverr" in shop.conf:3'],
          hint: 'nginx still runs the old files.',
        }),
      },
      {
        event: 'failed',
        ...web1,
        error: new UnreachableError('refused', '127.0.0.1:2222: connection refused'),
      },
    ],
    lines: [
      'site: web1, db1',
      'db1   failed   nginx -t exited with 1                             roles/nginx/role.ts:21',
      '               nginx: [emerg] unknown directive "serverr" in shop.conf:3',
      'hint  nginx still runs the old files.',
      'web1  unreachable  127.0.0.1:2222: connection refused',
    ],
  },
  {
    title: 'Notes stand apart, together.',
    events: [
      recap,
      { event: 'note', message: 'curl --cacert x https://www.foobar.com' },
      { event: 'note', message: 'ok' },
    ],
    lines: [
      '',
      'web1 : ok=57 changed=0 unreachable=0 failed=0 skipped=2   trips=2  0.41 s',
      '',
      'curl --cacert x https://www.foobar.com',
      'ok',
    ],
  },
  {
    title: 'A name with a newline, a tab or an escape in it stays on its line.',
    events: [{ event: 'changed', ...web1, ...apt, resource: 'file /tmp/a\nb\t\x1b[31mc\x07', seconds: 0 }],
    lines: [
      'web1  changed  nginx  file /tmp/a\\nb\\tc\\x07                                                               0.00 s',
    ],
  },
]

describe('The plain printer', () => {
  for (const { title, events, lines, ...options } of cases)
    test(title, () => expect(record(events, options)).toEqual(lines))

  test('Whatever a host prints, no secret, escape or control character comes through, and its name leads every line.', () => {
    const secret = 'pa55"w\nörd'
    new Secret(secret)
    const nasty = fc.constantFrom(
      '\x1b[2J',
      '\x1b]0;t\x07',
      '\x9b1A',
      '\r',
      '\n',
      '\x00',
      '\u202e',
      '\ud800',
      secret,
    )
    fc.assert(
      fc.property(fc.array(fc.oneof(nasty, fc.string({ unit: 'binary' }))), parts => {
        const lines = record([{ event: 'output', host: 'web1', resource: 'x', text: parts.join('') }], {
          verbosity: 2,
        })
        for (const line of lines) {
          expect(line).toMatch(/^web1 {2}(\||output)/)
          expect(line).not.toMatch(/[\x00-\x08\x0a-\x1f\x7f-\x9f\u202e]/)
        }
        expect(lines.join('\n')).not.toContain(secret)
      }),
    )
  })

  test('An escape in the middle of a secret does not unmask it.', () => {
    new Secret('hunter2-hunter2')
    const lines = record([{ event: 'note', message: 'is hunter2\x1b[0m-hunter2 set' }])
    expect(lines).toEqual(['', 'is *** set'])
  })

  test('Text behind an escape that never ends is not hidden.', () => {
    const lines = record([{ event: 'note', message: 'a\x1b[12;\x1b]8;;b\nc\x07 \x1b]0;title\x07d' }])
    expect(lines).toEqual(['', 'a\\x1b[12;\\x1b]8;;b', 'c\\x07 d'])
  })

  test('Half a character of a host is written as U+FFFD.', () => {
    const [, line] = record([{ event: 'note', message: 'caf\ud800' }])
    expect(Buffer.from(line ?? '').toString()).toBe('caf\ufffd')
  })

  test('A diff shows the escapes and carriage returns that may be all that differs.', () => {
    const text = { before: 'a\n', after: '\x1b[1ma\r\n' }
    const change = { ...apt, differences: [{ what: 'content', found: '', wanted: '', text }] }
    const lines = record([{ event: 'planned', host: 'web1', ...change }], { diff: true })
    expect(lines.slice(-2)).toEqual(['web1  -a', 'web1  +\\x1b[1ma\\x0d'])
  })

  test('Texts that have next to nothing in common are counted, not compared for minutes.', () => {
    const numbers = (from: number) => `${Array.from({ length: 6000 }, (_, n) => from + n).join('\n')}\n`
    const text = { before: numbers(0), after: numbers(10_000) }
    const change = { ...apt, differences: [{ what: 'content', found: '', wanted: '', text }] }
    const lines = record([{ event: 'planned', host: 'web1', ...change }], { diff: true })
    expect(lines.at(-1)).toBe('web1  [6000 lines replaced by 6000: too many differ to show]')
  })

  test('A long file that is new is shown whole, however slow the machine is.', () => {
    let time = 0
    const clock = vi.spyOn(Date, 'now').mockImplementation(() => (time += 600))
    onTestFinished(() => clock.mockRestore())
    const text = { before: '', after: `${Array.from({ length: 5000 }, (_, n) => `line ${n}`).join('\n')}\n` }
    const change = { ...apt, differences: [{ what: 'content', found: '', wanted: '', text }] }
    const lines = record([{ event: 'planned', host: 'web1', ...change }], { diff: true })
    expect(lines.at(-1)).toBe('web1  +line 4999')
  })

  test('Colours come only where they are asked for, and mark the status.', () => {
    const changed: Event = { event: 'changed', host: 'web1', ...apt, seconds: 0 }
    expect(record([changed], { env: { FORCE_COLOR: '1' } })[0]).toContain('\x1b[33mchanged\x1b[39m')
    expect(record([changed], { env: { FORCE_COLOR: '0' } })[0]).not.toContain('\x1b')
  })
})

describe('On GitHub', () => {
  const env = { GITHUB_ACTIONS: 'true' }

  test('No line that comes from a host is a command to the runner.', () => {
    const command = fc.constantFrom(
      '::error::',
      '::add-mask::prod',
      '##[error]',
      '\n',
      '\r',
      ' ',
      '\t',
      '\u200b',
      '\u200d',
      '#',
      '[',
      ':',
    )
    fc.assert(
      fc.property(fc.array(fc.oneof(command, fc.string())), parts => {
        const message = parts.join('')
        const error = new HostError('x', message, { lines: [message], hint: message })
        const lines = record(
          [
            { event: 'output', host: '::', resource: message, text: message },
            { event: 'note', message },
            { event: 'failed', error },
            { event: 'warning', message, hint: message },
          ],
          { verbosity: 2, env },
        )
        // As the runner compares: what is invisible doesn't count.
        for (const line of lines.map(line => line.replace(/\p{DI}/gu, ''))) {
          expect(line.trimStart().startsWith('::')).toBe(false)
          expect(line).not.toContain('##[')
        }
      }),
    )
  })

  test('Elsewhere such lines are printed as they are.', () => {
    expect(record([{ event: 'note', message: '::error:: ##[x]' }])).toEqual(['', '::error:: ##[x]'])
  })
})

describe('A long step in a log', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  function timed(hosts: readonly string[]) {
    const chunks: string[] = []
    const printer = plainPrinter({ stream: { write: text => chunks.push(text) }, env: {} })
    printer.on({ ...run, hosts })
    chunks.length = 0
    return { printer, chunks }
  }

  test('is told after 15, 30 and 60 seconds and then each minute, until it ends.', () => {
    const { printer, chunks } = timed(['web1'])
    printer.on({ event: 'changing', host: 'web1', ...apt })
    vi.advanceTimersByTime(14_900)
    expect(chunks).toEqual([])
    vi.advanceTimersByTime(170_000)
    expect(
      chunks
        .join('')
        .split('\n')
        .map(line => line.split(', for ')[1]),
    ).toEqual(['15 s', '30 s', '1 min 00 s', '2 min 00 s', '3 min 00 s', undefined])
    expect(chunks[0]).toBe('web1  still    nginx  apt nginx, for 15 s\n')
    chunks.length = 0
    printer.on({ event: 'finished', host: 'web1' })
    vi.advanceTimersByTime(600_000)
    expect(chunks).toEqual([])
    printer.close()
    expect(vi.getTimerCount()).toBe(0)
  })

  test('of many hosts is one line.', () => {
    const { printer, chunks } = timed(Array.from({ length: 30 }, (_, n) => `web${n}`))
    vi.advanceTimersByTime(20_000)
    expect(chunks).toEqual(['       still    30 hosts: 30 connecting, the longest for 15 s\n'])
    printer.close()
  })
})

describe('New resources of a role', () => {
  const made = (resource: string, seconds = 0.01): Event => ({
    ...{ event: 'changed', host: 'web1', role: 'nginx', where: 'roles/nginx/role.ts:9', seconds, resource },
    differences: [{ what: 'state', found: 'absent', wanted: 'there' }],
  })
  const several = [
    made('directory /etc/nginx/pages'),
    ...['a', 'b', 'c'].map(name => made(`template /etc/nginx/${name}.conf`, 0.1)),
    made('mysql user shop'),
  ]

  test('are counted by kind, and listed with -v or --diff.', () => {
    const lines = record([...several, recap]).slice(0, -2)
    expect(lines.map(line => line.replace(/ {2,}/g, '  '))).toEqual([
      'web1  changed  nginx  new: 3 templates, 1 directory, 1 mysql user  0.32 s',
    ])
    for (const options of [{ verbosity: 1 }, { diff: true }])
      expect(record(several, options).filter(line => line.startsWith('web1  changed'))).toHaveLength(5)
  })

  test('are listed where they are few, before what comes after them on their host.', () => {
    const other = { ...made('directory /srv'), host: 'web2' } as Event
    const reload: Event = {
      event: 'changed',
      host: 'web1',
      ...apt,
      resource: 'reload',
      seconds: 0,
      handler: true,
    }
    const lines = record([...several.slice(0, 2), other, reload, { event: 'finished', host: 'web1' }])
    expect(lines.map(line => line.split(/ {2,}/).slice(0, 4).join(' '))).toEqual([
      'web1 changed nginx directory /etc/nginx/pages',
      'web1 changed nginx template /etc/nginx/a.conf',
      'web1 changed nginx reload',
      'web2 changed nginx directory /srv',
    ])
  })

  test('are reported before the error of the next one.', () => {
    const error = new HostError('step-failed', 'apt nginx ended with 100')
    const lines = record([...several, { event: 'failed', host: 'web1', error }])
    expect(lines.map(line => line.split(/ {2,}/)[1])).toEqual(['changed', 'failed'])
  })
})

test('A hint that fits many hosts is printed once.', () => {
  const failed = ['web1', 'web2'].map(
    (host): Event => ({
      event: 'failed',
      host,
      error: new UnreachableError('x', `${host}: down`, { hint: 'Is it up?' }),
    }),
  )
  expect(record(failed).filter(line => line.includes('Is it up?'))).toHaveLength(1)
})

describe('A host that waits for others', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  test('names them, and how far apt is on another one.', () => {
    const chunks: string[] = []
    const printer = plainPrinter({ stream: { write: text => chunks.push(text) }, env: {} })
    printer.on({ ...run, hosts: ['web1', 'web2'] })
    printer.on({ event: 'waiting', host: 'web1' })
    printer.on({ event: 'changing', host: 'web2', ...apt })
    printer.on({
      event: 'working',
      host: 'web2',
      resource: 'apt nginx',
      doing: 'Unpacking nginx',
      percent: 42.7,
    })
    vi.advanceTimersByTime(15_500)
    printer.close()
    expect(chunks.slice(1).join('')).toBe(
      'web1  still    waiting for web2 (nginx  apt nginx), for 15 s\nweb2  still    nginx  apt nginx  42%  Unpacking nginx, for 15 s\n',
    )
  })
})
