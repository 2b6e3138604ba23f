import { afterAll, beforeAll, expect, it } from 'vitest'
import { apps } from '../deploy/apps.ts'
import { startLoad } from '../deploy/load.ts'
import { liveRelease, scripts, source } from '../sandbox/deploy-app.ts'
import { kept } from '../sandbox/kept.ts'
import { type Machine, machine } from '../sandbox/machine.ts'
import { runHere } from '../sandbox/site.ts'

// A live site is rewritten in another language.
const php = source(apps.php)
const node = source(apps.node)
const vars = (runtime: 'php' | 'node') => ({
  site: { runtime, database: { password: 'of-hosts-that-are-kept' } },
  mysql: { bufferPool: '128m' },
  app: { release: { health: { path: '/' }, drain: '2s' } },
})
let host: Machine
beforeAll(async () => {
  host = await machine('rewritten12', 12, await kept('site', 12))
  const ready = await runHere({ hosts: host, vars: vars('php'), args: ['-t', 'nginx,app'] })
  expect(ready.exitCode, ready.stdout.slice(-3000)).toBe(0)
  expect((await scripts(host).deploy(php, { vars: vars('php') })).exitCode).toBe(0)
})
afterAll(() => {
  php.remove()
  node.remove()
  host?.close()
})

it('It goes from PHP to Node, back and there again, and no request is lost.', async () => {
  const target = { address: '127.0.0.1', port: host.host.ports.https, domain: 'www.foobar.com', path: '/' }
  const loads = [true, false].map(keepAlive => startLoad({ ...target, keepAlive, connections: 3, pause: 5 }))
  const before = await liveRelease(host)
  const set = await runHere({ hosts: host, vars: vars('node'), args: ['-t', 'nginx,app'] })
  expect(set.exitCode, set.stdout.slice(-3000)).toBe(0)
  // The live release has no server.js: it goes on as it is.
  expect(set.lines.find(({ event }) => event === 'warning')?.message).toContain(`${before} runs on php`)
  expect(await liveRelease(host)).toBe(before)
  const of = { vars: vars('node') }
  const deployed = await scripts(host).deploy(node, of)
  expect(deployed.exitCode, deployed.stdout.slice(-3000)).toBe(0)
  const live = await liveRelease(host)
  expect(await host.say(`systemctl show -p ExecStart --value foobar@${live}`)).toContain('/usr/bin/node')
  expect((await scripts(host).rollbackWith(of)).exitCode).toBe(0)
  expect(await liveRelease(host)).toBe(before)
  expect((await scripts(host).deploy(node, of)).exitCode).toBe(0)
  const met = await Promise.all(loads.map(load => load.stop()))
  console.log(`PHP to Node and back: ${met.reduce((sum, { requests }) => sum + requests, 0)} requests`)
  for (const { failures, releases } of met) {
    expect(failures).toEqual({})
    expect(Object.keys(releases).toSorted()).toEqual([before, live].toSorted())
  }
  expect((await runHere({ hosts: host, ...of, args: ['-t', 'nginx,app'] })).recap()).toMatchObject({
    ...{ changed: 0, failed: 0, trips: 2 },
  })
})
