import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { apps } from '../deploy/apps.ts'
import { startLoad } from '../deploy/load.ts'
import { liveRelease, runningReleases, scripts, source } from '../sandbox/deploy-app.ts'
import { kept } from '../sandbox/kept.ts'
import { type Machine, machine } from '../sandbox/machine.ts'
import { runHere } from '../sandbox/site.ts'
import { ask } from '../sandbox/web-request.ts'

const home = '/srv/www/foobar'
const password = 'of-hosts-that-are-kept'
// One source for all runtimes; with BROKEN in its environment the PHP app is not healthy.
const from = source({
  ...apps.python,
  ...apps.node,
  'public/index.php': `<?php if (getenv('BROKEN')) { http_response_code(500); exit('broken'); }
header('X-Release: ' . getenv('RELEASE')); echo implode(' ', [getenv('MODE'), ini_get('upload_max_filesize'), (int) extension_loaded('gd')]);`,
})

let host: Machine
beforeAll(async () => {
  host = await machine('renewal12', 12, await kept('site', 12))
  const deployed = await scripts(host).deploy(from, { vars: given({}) })
  expect(deployed.exitCode, deployed.stdout.slice(-3000)).toBe(0)
}, 600_000)
afterAll(() => {
  host?.close()
  from.remove()
})

function given(app: object, site: object = {}) {
  const release = { health: { timeout: '10s' } }
  return {
    site,
    app: { database: { password }, release, ...app },
    mysql: { password, bufferPool: '128m' },
  }
}
const converge = (app: object, site: object = {}) =>
  runHere({ hosts: host, args: ['-t', 'nginx,app'], vars: given(app, site) })
const live = () => liveRelease(host)
const running = async () => (await runningReleases(host)).join('\n')
const page = async () => (await ask({ port: host.host.ports.https, url: 'https://www.foobar.com/' })).body

/** What visitors meet while `work` runs. */
async function underLoad<T>(work: () => Promise<T>) {
  const target = { address: '127.0.0.1', port: host.host.ports.https, domain: 'www.foobar.com', path: '/' }
  const visitors = [
    startLoad({ ...target, connections: 3, keepAlive: true, pause: 10 }),
    startLoad({ ...target, connections: 2, keepAlive: false, pause: 10 }),
  ]
  const done = await work()
  const met = await Promise.all(visitors.map(visitor => visitor.stop()))
  const failures = Object.assign({}, ...met.map(each => each.failures))
  return { done, failures, requests: met.reduce((sum, { requests }) => sum + requests, 0) }
}

// These tests run in order: each one begins where the one before it ended.
describe('a live release gets a new instance, and no request is lost, where a run changes', () => {
  it.each<readonly [string, string, object, object]>([
    ['its environment', 'one 16m 0', { environment: { MODE: 'one' } }, {}],
    ['a PHP setting', 'one 8m 0', { environment: { MODE: 'one' }, php: { upload: '8m' } }, {}],
    [
      'an extension',
      'one 16m 1',
      { environment: { MODE: 'one' }, php: { extensions: ['curl', 'mbstring', 'mysql', 'xml', 'gd'] } },
      {},
    ],
    ['its runtime, to Python', '', {}, { runtime: 'python' }],
    ['its runtime, back to PHP', 'two 16m 1', { environment: { MODE: 'two' } }, { runtime: 'php' }],
  ])('%s', async (_what, expected, app, site) => {
    const before = await live()
    const { done, failures, requests } = await underLoad(() => converge(app, site))
    expect(done.exitCode, done.stdout.slice(-3000)).toBe(0)
    expect(failures).toEqual({})
    expect(requests).toBeGreaterThan(20)
    expect(done.changes).toContain('release foobar')
    const now = await live()
    expect(now).not.toBe(before)
    expect(now.slice(-7)).toBe(before.slice(-7))
    expect(await running()).toBe(`foobar@${now}.service`)
    expect(await page()).toBe(expected || `ok ${now}\n`)
    expect((await converge(app, site)).recap()).toMatchObject({ changed: 0, trips: 2 })
  })

  const as = { environment: { MODE: 'two' } }

  it('the unit of the live instance', async () => {
    const before = await live()
    await host.say(`sed -i '/^NoNewPrivileges/d' /etc/systemd/system/foobar@${before}.service`)
    const { done, failures } = await underLoad(() => converge(as))
    expect([done.exitCode, done.changes, failures]).toEqual([0, ['release foobar'], {}])
    const now = await live()
    expect(now).not.toBe(before)
    expect(await host.say(`systemctl show -p NoNewPrivileges --value foobar@${now}`)).toBe('yes\n')
    expect(await host.say(`ls -d ${home}/releases/${before} 2>&1 || :`)).toContain('No such file')
  })

  it('nothing, by releases.mjs restart', async () => {
    const before = await live()
    const restart = () => runHere({ script: 'releases', hosts: host, vars: given(as), args: ['restart'] })
    const { done, failures } = await underLoad(restart)
    expect([done.exitCode, failures]).toEqual([0, {}])
    const now = await live()
    expect(now).not.toBe(before)
    expect(await running()).toBe(`foobar@${now}.service`)
    expect((await converge(as)).recap()).toMatchObject({ changed: 0, trips: 2 })
  })

  it('the mode of its environment file that somebody changed, by that file alone', async () => {
    const before = await live()
    await host.say('chmod 600 /etc/capstan/foobar/app.env')
    const { done, failures } = await underLoad(() => converge(as))
    expect([done.exitCode, done.changes, failures]).toEqual([0, ['template /etc/capstan/foobar/app.env'], {}])
    expect([await live(), await running()]).toEqual([before, `foobar@${before}.service`])
  })

  it('stays as it is where its new environment makes it fail, and the run says so', async () => {
    const before = await live()
    const broken = { environment: { MODE: 'two', BROKEN: '1' } }
    const { done, failures } = await underLoad(() => converge(broken))
    expect(done.exitCode).toBe(1)
    expect(failures).toEqual({})
    expect(done.error().lines.join('\n')).toMatch(/answered 500.*broken[\s\S]*is live and unchanged/)
    expect([await live(), await running()]).toEqual([before, `foobar@${before}.service`])
    expect((await converge(as)).changes).toEqual(['template /etc/capstan/foobar/app.env'])
  })
})

describe('a host is brought to exactly the instances that it should have', () => {
  const as = { environment: { MODE: 'two' } }
  const deploy = () => scripts(host).deploy(from, { vars: given(as) })
  // A second release of other content, so that there is an earlier one to be left running.
  beforeAll(async () => {
    from.write({ 'n.txt': 'another' })
    expect((await deploy()).exitCode).toBe(0)
  })
  const startEarlier = () =>
    host.say(
      `cd ${home}/releases; for r in *; do [ "$r" = "$(basename $(readlink ../current))" ] || systemctl start foobar@$r; done`,
    )

  it.each([
    ['site.mjs', () => converge(as)],
    ['a deploy of what is live', deploy],
  ])('by %s, which ends what a killed drain or a reboot left beside the live one', async (_by, run) => {
    await startEarlier()
    expect((await running()).split('\n').length).toBeGreaterThan(1)
    expect((await run()).exitCode).toBe(0)
    expect(await running()).toBe(`foobar@${await live()}.service`)
  })

  it.each([
    ['site.mjs', () => converge(as)],
    ['a deploy of what is live', deploy],
  ])('by %s, which replaces a live one whose socket is gone', async (_by, run) => {
    await host.say(`rm ${home}/current/run/app.sock`)
    const status = async () =>
      (await ask({ port: host.host.ports.https, url: 'https://www.foobar.com/' })).status
    expect(await status()).toBe(502)
    const repaired = await run()
    expect(repaired.exitCode, repaired.stdout.slice(-3000)).toBe(0)
    expect(await status()).toBe(200)
    expect(await running()).toBe(`foobar@${await live()}.service`)
  })

  it('by site.mjs, which starts a live one that was stopped', async () => {
    await host.say('systemctl stop "foobar@*"')
    const revived = await converge(as)
    expect([revived.exitCode, revived.changes]).toEqual([0, ['release foobar']])
    expect(await page()).toBe('two 16m 1')
  })
})
