import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startLoad } from '../deploy/load.ts'
import { liveRelease, scripts, source } from '../sandbox/deploy-app.ts'
import { type Machine, machine, rebooted, root, sockets } from '../sandbox/machine.ts'
import { runHere, type SiteRun } from '../sandbox/site.ts'
import { ask } from '../sandbox/web-request.ts'

// The whole site on Debian unstable with MySQL: from a bare host to deploys under load.
const name = 'mysqlsid'
const times = Number(process.env['DEPLOYS'] ?? 6)
const password = 'of-the-site-with-mysql'
const vars = {
  site: { database: { password } },
  mysql: { server: 'mysql', bufferPool: '128m' },
  app: { release: { health: { timeout: '30s' } } },
}
// The example app, each of whose pages reads and writes its database.
const example = join(root, 'roles/app/examples/php')
const files = readdirSync(example, { recursive: true, encoding: 'utf8' }).filter(path =>
  statSync(join(example, path)).isFile(),
)
const named = (path: string) => (statSync(join(example, path)).mode & 0o100 ? `${path}*` : path)
const from = source(
  Object.fromEntries(files.map(path => [named(path), readFileSync(join(example, path), 'utf8')])),
)
let host: Machine

const converge = (args: readonly string[] = []): Promise<SiteRun> => runHere({ hosts: host, vars, args })
const warnings = (run: SiteRun) =>
  run.lines.filter(line => line.event === 'warning').map(line => line.message ?? '')

beforeAll(async () => {
  host = await machine(name, 'sid')
})
afterAll(() => {
  host?.close()
  from.remove()
})

it('converges, and is found in two trips.', { timeout: 1_800_000 }, async () => {
  const first = await converge()
  expect(first.exitCode, first.stdout.slice(-3000) + first.stderr).toBe(0)
  const again = await converge()
  expect(again.changes).toEqual([])
  expect(again.recap()).toMatchObject({ changed: 0, failed: 0, trips: 2 })
})

it(`loses no request of ${times} deploys under load.`, { timeout: times * 120_000 }, async () => {
  const ship = async (n: number) => {
    from.write({ 'public/build.txt': `${n}` })
    const deployed = await scripts(host).deploy(from, { vars })
    expect(deployed.exitCode, deployed.stdout.slice(-3000) + deployed.stderr).toBe(0)
    return liveRelease(host)
  }
  const live = [await ship(0)]
  const target = { address: '127.0.0.1', port: host.host.ports.https, domain: 'www.foobar.com', path: '/' }
  const visitors = [
    startLoad({ ...target, connections: 3, keepAlive: true, pause: 10 }),
    startLoad({ ...target, connections: 2, keepAlive: false, pause: 10 }),
  ]
  try {
    for (let n = 1; n <= times; n++) live.push(await ship(n))
  } finally {
    const met = await Promise.all(visitors.map(each => each.stop()))
    for (const { failures } of met) expect(failures).toEqual({})
    const requests = met.reduce((sum, each) => sum + each.requests, 0)
    console.log(`${times} deploys: ${requests} requests, none lost`)
    expect(requests).toBeGreaterThan(times * 10)
  }
  expect(new Set(live).size).toBe(times + 1)
})

it('reports an account that no role declares in site.mjs and status.mjs.', async () => {
  await host.say(
    `mysql -e "DROP USER IF EXISTS intruder@'%', backup@localhost; CREATE USER intruder@'%' IDENTIFIED BY ''; CREATE USER backup@localhost IDENTIFIED WITH auth_socket"`,
  )
  const run = await converge()
  expect(warnings(run)).toEqual([
    expect.stringContaining('`intruder`@`%` (no password), `backup`@`localhost`'),
  ])
  expect(run.recap()).toMatchObject({ changed: 0, trips: 2 })
  const status = async () => (await runHere({ script: 'status', hosts: host, vars, text: true })).stdout
  const shown = await status()
  expect(shown).toContain("no password is needed for the account 'intruder'@'%', which no role declares")
  expect(shown).toContain("no role declares the account 'backup'@'localhost'")
  const removed = await converge(['-e', 'mysql.removeUndeclared=true'])
  expect(removed.changes).toEqual(['mysql user that no role declares'])
  expect(await status()).not.toContain('no role declares')
  expect(warnings(await converge())).toEqual([])
})

it('is the same after a reboot.', async () => {
  const before = await sockets(host)
  expect(before.match(/.*:3306.*/g)).toEqual(['tcp 127.0.0.1:3306'])
  host = await rebooted(host)
  expect((await host.run('systemctl is-system-running')).stdout).toBe('running\n')
  expect(await sockets(host)).toBe(before)
  const again = await converge()
  expect([again.changes, warnings(again)]).toEqual([[], []])
  expect(again.recap()).toMatchObject({ changed: 0, failed: 0, trips: 2 })
  const { status, body } = await ask({ port: host.host.ports.https, url: 'https://www.foobar.com/' })
  expect([status, body]).toEqual([200, expect.stringContaining('Hello from MySQL')])
})
