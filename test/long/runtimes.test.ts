import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { apps } from '../deploy/apps.ts'
import { startLoad } from '../deploy/load.ts'
import { type DeployOptions, liveRelease, runningReleases, scripts, source } from '../sandbox/deploy-app.ts'
import { kept } from '../sandbox/kept.ts'
import { type Machine, machine, root } from '../sandbox/machine.ts'
import { runHere } from '../sandbox/site.ts'
import { ask, openWebSocket } from '../sandbox/web-request.ts'

const home = '/srv/www/foobar'
const greetings = { python: 'Hello from MySQL &amp; Python.', node: 'Hello from MySQL &#38; Node.' }

let host: Machine
beforeAll(async () => {
  host = await machine('runtimes12', 12, await kept('runtimes', 12))
})
afterAll(() => host?.close())

const live = () => liveRelease(host)
const running = () => runningReleases(host)
const page = (path = '/') => ask({ port: host.host.ports.https, url: `https://www.foobar.com${path}` })

// Takes every upgrade, and keeps what it has open until it is killed.
const sockets = `${apps.node['server.js']}server.on('upgrade', (request, socket) => {
  socket.write('HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n\\r\\n')
})
`

// The tests of each run in order, on one host whose releases are removed before.
const kinds = [
  ['node', 'node', {}],
  ['gunicorn', 'python', {}],
  ['static', 'static', {}],
  ['uwsgi', 'python', { python: { server: 'uwsgi' } }],
] as const
describe.each(kinds)('an app on %s', (_name, runtime, given) => {
  const secret = '!generated DB_PASSWORD'
  const vars = {
    site: { runtime },
    app: { ...given, database: { password: secret }, release: { health: { timeout: '5s' } } },
    mysql: { password: secret, bufferPool: '128m' },
  }
  const options: DeployOptions = { vars }
  const one = source(apps[runtime])
  const two = source({ ...apps[runtime], 'n.txt': 'another' })
  afterAll(() => {
    one.remove()
    two.remove()
  })

  it('is set up and shipped by one run, and a second changes nothing in two trips', async () => {
    await host.say(
      `systemctl stop foobar 'foobar@*' 2>/dev/null; rm -rf ${home}/current ${home}/releases/* ${home}/releases.jsonl
       ! command -v mariadb >/dev/null || mariadb -e 'DROP TABLE IF EXISTS foobar.greetings, foobar.migrations' 2>/dev/null || :`,
    )
    const first = await runHere({ hosts: host, vars })
    expect(first.exitCode, first.stdout.slice(-3000)).toBe(0)
    const second = await runHere({ hosts: host, vars })
    expect(second.exitCode).toBe(0)
    expect(second.recap()).toMatchObject({ changed: 0, trips: 2 })
  })

  it('runs its example, each release in a confined instance of its own', async () => {
    const release = await live()
    const first = await page()
    expect(first.status).toBe(200)
    if (runtime === 'static') {
      expect(first.headers['x-release']).toBe(release)
      expect(await page('/nothing')).toMatchObject({
        status: 404,
        body: expect.stringContaining('There is no page at this address.'),
      })
    } else {
      expect(first.body).toContain(greetings[runtime])
      expect(first.body).toContain(release)
      expect(await page('/health')).toMatchObject({ status: 200, body: `ok ${release}\n` })
      expect((await page('/nothing')).status).toBe(404)
      expect(await host.say(`stat -c '%a %U:%G' ${home}/current/run/app.sock`)).toBe('660 foobar:www-data\n')
    }
    const [sheet] = readdirSync(join(root, `roles/app/examples/${runtime}/public/assets`)).filter(file =>
      file.endsWith('.css'),
    )
    expect(first.body).toContain(`/assets/${sheet}`)
    expect(await page(`/assets/${sheet}`)).toMatchObject({
      status: 200,
      headers: { 'cache-control': expect.stringContaining('immutable') },
    })
    expect(await running()).toEqual([`foobar@${release}.service`])
    const score = await host.say(`systemd-analyze security --no-pager foobar@${release} | tail -n 1`)
    expect(Number(/level for .*: ([\d.]+)/.exec(score)?.[1]), score).toBeLessThan(2.1)
  })

  it('loses no request through deploys and rollbacks', async () => {
    const run = scripts(host)
    await run.deploy(one, options)
    const target = { address: '127.0.0.1', port: host.host.ports.https, domain: 'www.foobar.com', path: '/' }
    const slow = runtime === 'static' ? { linger: 1000 } : {}
    const visitors = [
      startLoad({ ...target, connections: 3, keepAlive: true, pause: 25 }),
      startLoad({ ...target, connections: 2, keepAlive: false, pause: 25 }),
      startLoad({ ...target, path: '/slow1', connections: 2, keepAlive: true, ...slow }),
    ]
    const activated = new Set([await live()])
    for (const step of [() => run.deploy(two, options), run.rollback, () => run.deploy(two, options)]) {
      expect((await step()).exitCode).toBe(0)
      activated.add(await live())
    }
    for (const visitor of visitors) {
      const { failures, requests, releases } = await visitor.stop()
      expect(failures).toEqual({})
      expect(requests).toBeGreaterThan(2)
      expect(Object.keys(releases).filter(release => !activated.has(release))).toEqual([])
    }
    expect(await running()).toEqual([`foobar@${await live()}.service`])
  })

  if (runtime === 'node')
    it('waits for the answers it is at, not for web sockets', async () => {
      const [echo, other] = ['one', 'two'].map(n =>
        source({ ...apps.node, 'server.js': sockets, 'n.txt': n }),
      )
      if (!echo || !other) throw new Error('no source')
      const run = scripts(host)
      expect((await run.deploy(echo, options)).exitCode).toBe(0)
      const socket = await openWebSocket(host.host.ports.https, 'www.foobar.com')
      expect(await host.say(`cat ${home}/current/run/websockets.*`)).toBe('1\n')
      const slow = page('/slow3')
      const done = await run.deploy(other, options)
      const drain = done.lines.find(({ step, state }) => step === 'drain' && state === 'done')
      expect(drain?.note).toBe('web sockets: 1, which end with the instance')
      expect(drain?.seconds).toBeLessThan(10)
      expect((await slow).status).toBe(200)
      socket.destroy()
      for (const each of [echo, other]) each.remove()
    })

  if (runtime === 'node')
    it('that listens on a TCP port is not made live, and the error names the socket', async () => {
      const before = await live()
      const astray = source({ 'server.js': "require('node:http').createServer(() => {}).listen(3000)\n" })
      const refused = await scripts(host).deploy(astray, options)
      astray.remove()
      expect(refused.exitCode).toBe(1)
      const hint =
        /server\.js listens on TCP port 3000, and on no socket yet\. .*let it listen on process\.env\.PORT/
      expect(refused.error().lines.join('\n')).toMatch(hint)
      expect(await live()).toBe(before)
    })

  it('is started by the unit that boot starts, alone', async () => {
    await host.say('systemctl stop foobar; systemctl start foobar')
    expect(await running()).toEqual([`foobar@${await live()}.service`])
    expect((await page()).status).toBe(200)
  })

  if (runtime !== 'static')
    it('is not switched to a release that does not start, and says why', async () => {
      const before = await live()
      const file = runtime === 'node' ? 'server.js' : 'wsgi.py'
      const broken = source({ ...apps[runtime], [file]: 'this is no program\n' })
      const refused = await scripts(host).deploy(broken, options)
      broken.remove()
      expect(refused.exitCode).toBe(1)
      expect(refused.error().lines.join('\n')).toMatch(/SyntaxError/)
      expect(await live()).toBe(before)
      expect((await page()).status).toBe(200)
      expect(await running()).toEqual([`foobar@${before}.service`])
    })

  if (runtime !== 'static')
    it('comes back after its server was killed', async () => {
      const unit = `foobar@${await live()}`
      await host.say(`systemctl kill -s KILL --kill-whom=all ${unit}`)
      await host.until(
        `[ "$(systemctl show -p NRestarts --value ${unit})" = 1 ] && systemctl is-active -q ${unit}`,
      )
      expect((await page()).status).toBe(200)
    })
})
