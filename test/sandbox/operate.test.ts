import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startLoad } from '../deploy/load.ts'
import { itInFull } from './cases.ts'
import { scripts, source } from './deploy-app.ts'
import { kept } from './kept.ts'
import { type Machine, machine, root } from './machine.ts'
import { runHere } from './site.ts'
import { ask } from './web-request.ts'

// An operator's day on a host with a live release: scripts/app.mjs, run as a person runs it. These tests run in order.

const folder = mkdtempSync(join(tmpdir(), 'capstan-app-'))
const from = source({
  'public/index.php': `<?php error_log('asked for ' . $_SERVER['REQUEST_URI']); echo getenv('GREETING') ?: 'none', ' ', getenv('RELEASE'), "\\n";`,
})
const vars = {
  site: { database: { password: 'of-hosts-that-are-kept' } },
  mysql: { bufferPool: '128m' },
  app: {
    environment: { GREETING: 'from the inventory' },
    limits: { memory: '512m', tasks: 200 },
    workers: {
      mail: { command: 'tail -f /dev/null' },
      report: { command: ['sh', '-c', 'exit 3'], schedule: '*-*-* 03:00' },
    },
    release: { drain: '2s' },
  },
}
let host: Machine

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

function start(
  program: string,
  args: readonly string[],
  input = '',
): ChildProcess & { ended: Promise<Ended> } {
  const child = spawn(program, args, { cwd: root, stdio: ['pipe', 'pipe', 'pipe'] })
  let [out, err] = ['', '']
  child.stdout.on('data', chunk => {
    out += chunk
  })
  child.stderr.on('data', chunk => {
    err += chunk
  })
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const ended = new Promise<Ended>(resolve => child.on('close', code => resolve({ code, out, err })))
  return Object.assign(child, { ended })
}

const words = (args: readonly string[]) => ['scripts/app.mjs', '-i', join(folder, 'site.yml'), ...args]
const app = (args: readonly string[], input = '') => start(process.execPath, words(args), input)
const done = (args: readonly string[], input = '') => app(args, input).ended

beforeAll(async () => {
  host = await machine('operated12', 12, await kept('site', 12))
  const inventory = { vars, hosts: { [host.name]: { connection: 'sandbox', debian: 12 } } }
  writeFileSync(join(folder, 'site.yml'), JSON.stringify(inventory))
  const run = await runHere({ hosts: host, vars, args: ['-t', 'nginx,app,mysql'] })
  expect(run.exitCode, run.stdout.slice(-3000)).toBe(0)
  expect((await scripts(host).deploy(from, { vars })).exitCode).toBe(0)
})
afterAll(() => {
  rmSync(folder, { recursive: true })
  from.remove()
  host?.close()
})

it('exec runs a command as the app runs, with its streams, and exits as it does', async () => {
  const odd = ['a b', '$HOME', '"q"', "it's", '%i', '*', 'é']
  const told = await done(['exec', '--', 'printf', '%s|', ...odd])
  expect(told).toEqual({ code: 0, out: `${odd.join('|')}|`, err: '' })
  const shell =
    'id -un; pwd; echo "$APP $GREETING"; [ -n "$DB_PASSWORD" ] && echo secret; cat; echo bad >&2; exit 7'
  const { code, out, err } = await done(['exec', '--', shell], 'from stdin\n')
  const [user, place, ...rest] = out.split('\n')
  expect({ user, rest, code, err }).toEqual({
    user: 'foobar',
    rest: ['foobar from the inventory', 'secret', 'from stdin', ''],
    code: 7,
    err: 'bad\n',
  })
  expect(place).toMatch(/^\/srv\/www\/foobar\/releases\/\d+T\d+Z-/)
})

it('exec is confined as the app is', async () => {
  const shell =
    'ls /srv/www; touch ../new /etc/new 2>/dev/null; ls -A /tmp /root 2>/dev/null; grep -E "^(NoNewPrivs|CapBnd)" /proc/self/status'
  expect((await done(['exec', '--', shell])).out.split('\n')).toEqual([
    'foobar',
    '/tmp:',
    'CapBnd:\t0000000000000000',
    'NoNewPrivs:\t1',
    '',
  ])
})

it('exec exits by a signal as the command does, and hands ^C on to it', async () => {
  expect((await done(['exec', '--', 'kill -KILL $$'])).code).toBe(137)
  expect((await done(['exec', '--', 'kill -TERM $$'])).code).toBe(143)
  const running = app(['exec', '--', 'exec sleep 60'])
  await host.until('pgrep -u foobar -x sleep')
  running.kill('SIGINT')
  expect((await running.ended).code).toBe(130)
  // One that finishes what it is at is waited for, and says itself how it ended.
  const patient = app([
    'exec',
    '--',
    'trap "sleep 1; echo finished; exit 5" INT; echo begun; sleep 60 & wait',
  ])
  await new Promise(resolve => patient.stdout?.once('data', resolve))
  patient.kill('SIGINT')
  expect(await patient.ended).toMatchObject({ code: 5, out: 'begun\nfinished\n' })
  expect((await host.run('pgrep -u foobar -x sleep')).exitCode).toBe(1)
})

const inConsole = (line: string) =>
  start('script', [
    '-qefc',
    `${[process.execPath, ...words(['console', '--'])].join(' ')} '${line}'`,
    '/dev/null',
  ]).ended

it('console has a terminal', async () => {
  const { code, out } = await inConsole('test -t 0 && test -t 1 && echo "in a $TERM"; exit 4')
  expect({ code, out: out.trim() }).toEqual({ code: 4, out: expect.stringMatching(/in a \S+$/) })
})

itInFull('console loses no output of a command that ends at once', async () => {
  for (let n = 0; n < 40; n++) expect((await inConsole('echo 42; exit 4')).out.trim(), `${n}`).toMatch(/42$/)
})

itInFull(
  'env sets variables over the inventory, hides them, and restarts without losing a request',
  async () => {
    const target = { address: '127.0.0.1', port: host.host.ports.https, domain: 'www.foobar.com', path: '/' }
    const load = startLoad({ ...target, connections: 2, keepAlive: true, pause: 20 })
    const odd = 'it\'s "$HOME" `x` \\ é'
    expect((await done(['env', 'set', `GREETING=${odd}`])).code).toBe(0)
    expect((await done(['env', 'set', 'TOKEN'], 'hidden-1234\n')).code).toBe(0)
    const answer = () => ask({ port: host.host.ports.https, url: 'https://www.foobar.com/' })
    expect((await answer()).body).toContain(odd)
    const { out } = await done(['env', 'list'])
    expect(out).toMatch(/^GREETING +host +\*\*\*$/m)
    expect(out).toMatch(/^DB_PASSWORD +inventory +\*\*\*$/m)
    expect((await done(['env', 'list', '--show'])).out).toMatch(/^TOKEN +host +hidden-1234$/m)
    expect(await host.say('stat -c "%a %U %G" /etc/capstan/foobar/set.env')).toBe('640 root foobar\n')
    // The next run of site.mjs leaves them.
    expect((await runHere({ hosts: host, vars, args: ['-t', 'app'] })).recap()).toMatchObject({ changed: 0 })
    expect((await done(['env', 'unset', 'GREETING', 'TOKEN'])).code).toBe(0)
    expect((await answer()).body).toContain('from the inventory')
    expect((await load.stop()).failures).toEqual({})
  },
)

itInFull('env refuses what a variable can’t be', async () => {
  for (const [word, why] of [
    ['PATH=/x', 'which programs run'],
    ['1X=y', 'a variable’s name'],
    ['X=a\nb', 'of one line'],
  ] as const) {
    const { code, err } = await done(['env', 'set', word])
    expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining(why) })
  }
})

it('logs prints what the app wrote, and follows it until ^C', async () => {
  const asked = (path: string) => ask({ port: host.host.ports.https, url: `https://www.foobar.com${path}` })
  await asked('/before')
  await host.until("journalctl -q -u 'foobar@*' | grep -q 'asked for /before'")
  const { out } = await done(['logs', '--since', '5 minutes ago'])
  expect(out).toMatch(
    /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} {2}\d+T\d+Z-[0-9a-f]{7} {2}.*asked for \/before/m,
  )
  const times = out
    .split('\n')
    .filter(Boolean)
    .map(line => line.slice(0, 23))
  expect(times).toEqual([...times].sort())
  const { code, err } = await done(['logs', '--since', 'someday'])
  expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining('journalctl ended with 1') })
  const following = app(['logs', '-f', '-n', '1'])
  let followed = ''
  const seen = (path: string) =>
    expect.poll(() => followed, { timeout: 20_000 }).toContain(`asked for ${path}`)
  following.stdout?.on('data', chunk => {
    followed += chunk
  })
  // From the last line on, it follows.
  await seen('/before')
  await asked('/during')
  await seen('/during')
  following.kill('SIGINT')
  expect((await following.ended).code).toBe(0)
})

it('status shows what is live, and exits with 1 if something is wrong', async () => {
  const { code, out, err } = await done(['status'])
  expect({ code, err }, out).toEqual({ code: 0, err: '' })
  for (const line of [
    /^foobar on operated12 {2}healthy$/m,
    /^ {2}release {2}\d{8}T\d{6}Z-[0-9a-f]{7}( |$)/m,
    /^ {2}live {5}since \d{4}-\d\d-\d\d \d\d:\d\d UTC, by \S+@\S+$/m,
    /^ {2}answers {2}200 in \d+ ms$/m,
    /^ {2}app {6}running for .*\d s(, \d+ of 512 MiB, \d+ of 200 tasks)?$/m,
    /^ {2}mail {5}running for .*\d s(, \d+ of 512 MiB, 1 of 200 tasks)?$/m,
    /^ {2}report {3}next run in \d+ (h|min) /m,
    /^ {2}disk {5}\d+ GB free$/m,
  ])
    expect(out).toMatch(line)
  const unit = (name: string) => `${name}@$(basename "$(readlink /srv/www/foobar/current)").service`
  await host.run(`systemctl start ${unit('foobar.report')}; systemctl stop ${unit('foobar.mail')}`)
  const worse = await done(['status'])
  expect(worse.code, worse.out).toBe(1)
  expect(worse.out).toMatch(/^foobar on operated12 {2}unhealthy$/m)
  expect(worse.out).toMatch(/^ {2}report {3}next run in .*, last run failed: exit code 3$/m)
  expect(worse.out).toMatch(/^ {2}mail {5}dead$/m)
  expect(worse.out).toMatch(/mail and report of foobar have failed/)
  const json = await done(['status', '--json'])
  expect(json.code).toBe(1)
  expect(JSON.parse(json.out)).toMatchObject({ site: 'foobar', healthy: false, answer: { good: true } })
  await host.run(`systemctl reset-failed ${unit('foobar.report')}; systemctl start ${unit('foobar.mail')}`)
  expect((await done(['status'])).code).toBe(0)
})

itInFull('status tells how visitors are answered, and of maintenance', async () => {
  await host.run(`systemctl stop "foobar@$(basename "$(readlink /srv/www/foobar/current)").service"`)
  const down = await done(['status'])
  expect(down.code, down.out).toBe(1)
  expect(down.out).toMatch(
    /^ {2}answers {2}GET \/health of www\.foobar\.com: answered 502: Back in a moment/m,
  )
  expect(down.out).toMatch(/^ {2}app {6}dead$/m)
  expect(down.out).toMatch(/app\.mjs .*logs shows why/)
  await host.run('systemctl stop nginx')
  expect((await done(['status'])).out).toMatch(
    /^ {2}answers {2}GET \/health of www\.foobar\.com: the connection was closed without an answer/m,
  )
  await host.run('systemctl start nginx')
  await host.run(`systemctl start "foobar@$(basename "$(readlink /srv/www/foobar/current)").service"`)
  await host.run('touch /srv/www/foobar/shared/maintenance')
  const maintained = await done(['status'])
  expect(maintained.code, maintained.out).toBe(0)
  expect(maintained.out).toMatch(/^foobar on operated12 {2}maintenance$/m)
  await host.run('rm /srv/www/foobar/shared/maintenance')
  await host.run(`mv /srv/www/foobar/current /srv/www/foobar/away`)
  const none = await done(['status'])
  expect(none.code).toBe(1)
  expect(none.out).toMatch(/nothing of foobar is live/)
  await host.run('mv /srv/www/foobar/away /srv/www/foobar/current')
  expect((await done(['status'])).code).toBe(0)
})

itInFull('ps lists the processes of the app', async () => {
  const { out } = await done(['ps'])
  expect(out).toMatch(/^host +unit +pid +age +cpu +memory +command$/m)
  expect(out).toMatch(/^operated12 +foobar@\S+ +\d+ +.*php-fpm/m)
})

itInFull('db opens a client on the database, dumps it and loads it again', async () => {
  const sql =
    "CREATE TABLE guests (id INT, note VARCHAR(90)); INSERT INTO guests VALUES (1, 'it''s é 😀'), (2, 'b')"
  expect(await done(['db'], sql)).toMatchObject({ code: 0, err: '' })
  const dump = await done(['db', 'dump'])
  expect(dump.out).toContain('CREATE TABLE `guests`')
  expect((await done(['db'], 'DROP TABLE guests')).code).toBe(0)
  expect((await done(['db', 'load'], dump.out)).code).toBe(0)
  expect((await done(['db'], 'SELECT note FROM guests ORDER BY id')).out).toBe("note\nit's é 😀\nb\n")
})

itInFull('a dump of one host is loaded into another by a pipe', async () => {
  const other = await machine('operated12b', 12, await kept('site', 12))
  try {
    for (const each of [host, other]) expect((await scripts(each).deploy(from, { vars })).exitCode).toBe(0)
    const of = (name: string, each: Machine) => {
      const file = join(folder, `${name}.yml`)
      const hosts = { [each.name]: { connection: 'sandbox', debian: 12 } }
      writeFileSync(file, JSON.stringify({ vars, hosts }))
      return [process.execPath, 'scripts/app.mjs', '-i', file, 'db'].join(' ')
    }
    const [old, fresh] = [of('old', host), of('fresh', other)]
    await done(['db'], "CREATE TABLE moved (note VARCHAR(90)); INSERT INTO moved VALUES ('it is é 😀')")
    const moved = await start('sh', [
      '-c',
      `${old} dump | ${fresh} load && echo 'SELECT note FROM moved' | ${fresh}`,
    ]).ended
    expect(moved, moved.err).toMatchObject({ code: 0, out: 'note\nit is é 😀\n' })
  } finally {
    other.close()
  }
})

itInFull('Wrong usage is refused before a host is contacted', async () => {
  for (const [args, why] of [
    [['exce'], 'did you mean exec?'],
    [['exec'], 'expected -- and a command'],
    [['exec', 'ls'], 'stands behind --'],
    [['db', 'drop'], 'expected db, db dump or db load'],
    [['env', 'set'], 'env set NAME=VALUE'],
  ] as const) {
    const { code, err } = await done(args)
    expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining(why) })
  }
})
