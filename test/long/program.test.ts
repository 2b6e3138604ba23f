import { afterAll, beforeAll, expect, it } from 'vitest'
import { apps } from '../deploy/apps.ts'
import { startLoad } from '../deploy/load.ts'
import { liveRelease, scripts, source } from '../sandbox/deploy-app.ts'
import { kept } from '../sandbox/kept.ts'
import { type Machine, machine } from '../sandbox/machine.ts'
import { runHere } from '../sandbox/site.ts'
import { ask } from '../sandbox/web-request.ts'

// A program that Capstan knows nothing of, first on a socket, then on a port. These tests run in order.

const from = source(apps.program)
let host: Machine
const vars = (listens: 'socket' | 'port') => ({
  site: { runtime: 'program', database: { password: 'of-hosts-that-are-kept' } },
  mysql: { bufferPool: '128m' },
  app: { program: { listens }, release: { health: { path: '/' } } },
})
const page = () => ask({ port: host.host.ports.https, url: 'https://www.foobar.com/' })

beforeAll(async () => {
  host = await machine('program12', 12, await kept('site', 12))
  await host.say("systemctl stop 'foobar@*'; rm -rf /srv/www/foobar/current /srv/www/foobar/releases/*")
})
afterAll(() => {
  from.remove()
  host?.close()
})

it('The example is shipped by the first run; the second finds nothing to do in two trips.', async () => {
  const first = await runHere({ hosts: host, vars: vars('socket') })
  expect(first.exitCode, first.stdout.slice(-3000)).toBe(0)
  expect((await page()).body).toBe(`It is live: release ${await liveRelease(host)} of foobar\n`)
  expect((await runHere({ hosts: host, vars: vars('socket') })).recap()).toMatchObject({
    changed: 0,
    trips: 2,
  })
})

it('No request is lost by deploys, nor by the change from its socket to a port and back.', async () => {
  const run = scripts(host)
  expect((await run.deploy(from, { vars: vars('socket') })).exitCode).toBe(0)
  const target = { address: '127.0.0.1', port: host.host.ports.https, domain: 'www.foobar.com' }
  const loads = [
    startLoad({ ...target, path: '/', connections: 4, keepAlive: true, pause: 10 }),
    startLoad({ ...target, path: '/slow2', connections: 2, keepAlive: true }),
  ]
  for (const listens of ['port', 'socket', 'port'] as const) {
    const changed = await runHere({ hosts: host, vars: vars(listens), args: ['-t', 'nginx,app,mysql'] })
    expect(changed.exitCode, changed.stdout.slice(-3000)).toBe(0)
    expect(changed.changes).toContain('release foobar')
    for (const n of [1, 2]) {
      from.write({ 'n.txt': `${listens} ${n}` })
      const deployed = await run.deploy(from, { vars: vars(listens) })
      expect(deployed.exitCode, deployed.stdout.slice(-3000)).toBe(0)
    }
    expect((await run.rollbackWith({ vars: vars(listens) })).exitCode).toBe(0)
  }
  for (const load of loads) {
    const { requests, failures } = await load.stop()
    expect(failures).toEqual({})
    expect(requests).toBeGreaterThan(10)
  }
})

it('A port that another process has taken is not used: the release gets another one, and its proxy with it.', async () => {
  const release = await liveRelease(host)
  const file = `/srv/www/foobar/releases/${release}/.capstan/port`
  const before = (await host.say(`cat ${file}`)).trim().slice('PORT='.length)
  const taker = `use Socket; socket S, PF_INET, SOCK_STREAM, 0; setsockopt S, SOL_SOCKET, SO_REUSEADDR, 1; bind S, sockaddr_in(${before}, INADDR_LOOPBACK) or die; listen S, 9; sleep 999`
  await host.say(`systemctl kill -s KILL foobar@${release}.service
    until perl -MSocket -e 'socket S, PF_INET, SOCK_STREAM, 0; exit !!connect S, sockaddr_in(${before}, INADDR_LOOPBACK)'; do sleep 0.05; done
    systemd-run -q -u taker perl -e '${taker}'`)
  await expect.poll(async () => (await page()).body, { timeout: 30_000 }).toBe(`ok ${release}\n`)
  expect((await host.say(`cat ${file}`)).trim()).not.toBe(`PORT=${before}`)
  await host.say('systemctl stop taker')
})

it('Releases that start at the same moment have different ports.', async () => {
  const both = await host.say(`cd /srv/www; mkdir -p a/releases/1/.capstan b/releases/1/.capstan
    for turn in $(seq 25); do
      rm -f [ab]/releases/1/.capstan/port
      for each in a b; do perl /etc/capstan/foobar/choose-port.pl /srv/www/$each/releases/1 & done; wait
      cat [ab]/releases/1/.capstan/port | sort -u | wc -l
    done; rm -rf a b`)
  expect(new Set(both.trim().split('\n'))).toEqual(new Set(['2']))
})
