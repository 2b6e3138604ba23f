import { afterAll, beforeAll, expect, it } from 'vitest'
import { startLoad } from '../deploy/load.ts'
import { liveRelease, scripts, source } from '../sandbox/deploy-app.ts'
import { kept } from '../sandbox/kept.ts'
import { type Machine, machine, rebooted } from '../sandbox/machine.ts'
import { runHere } from '../sandbox/site.ts'
import { ask } from '../sandbox/web-request.ts'
import { nodeArchive } from './node-archive.ts'

// An ESM app that listens on a TCP port alone, on a Node that Debian does not have. These tests run in order.

const version = '22.23.3'
const from = source({
  'package.json': '{ "type": "module" }',
  'server.js': `import http from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
const server = http.createServer(async (request, response) => {
  if (request.url === '/slow') await wait(2000)
  response.end(\`\${process.version} \${process.env.PORT} \${process.env.RELEASE}\\n\`)
})
server.listen(Number(process.env.PORT), process.env.HOST)
process.on('SIGTERM', () => {
  server.close()
  server.closeIdleConnections()
})
`,
  'deploy/migrate*': '#!/usr/bin/env node\nconsole.log(`migrated by ${process.version}`)\n',
})
let host: Machine
let vars: Record<string, object>
const page = (path = '/') => ask({ port: host.host.ports.https, url: `https://www.foobar.com${path}` })
const answered = async () => (await page()).body.trim().split(' ')
const site = (args: readonly string[] = []) => runHere({ hosts: host, vars, args })

beforeAll(async () => {
  host = await machine('node12', 12, await kept('site', 12))
  vars = {
    site: { runtime: 'node', database: { password: 'of-hosts-that-are-kept' } },
    mysql: { bufferPool: '128m' },
    app: {
      node: {
        listens: 'port',
        ...(await nodeArchive(host, version)),
      },
      release: { source: from.folder, health: { path: '/' } },
    },
  }
})
afterAll(() => {
  from.remove()
  host?.close()
})

it('It is set up, shipped and found again in two trips.', async () => {
  const first = await site()
  expect(first.exitCode, first.stdout.slice(-3000)).toBe(0)
  const deployed = await scripts(host).deploy(from, { vars })
  expect(deployed.exitCode, deployed.stdout.slice(-3000)).toBe(0)
  expect((await site()).recap()).toMatchObject({ changed: 0, failed: 0, trips: 2 })
  const [node, port, release] = await answered()
  expect({ node, release }).toEqual({ node: `v${version}`, release: await liveRelease(host) })
  expect(Number(port)).toBeGreaterThanOrEqual(20_000)
  expect(await host.say(`ss -Hltn 'sport = :${port}' | awk '{ print $4 }'`)).toBe(`127.0.0.1:${port}\n`)
})

it('No request is lost, slow ones among them, while releases on other ports take its place.', async () => {
  const target = { address: '127.0.0.1', port: host.host.ports.https, domain: 'www.foobar.com' }
  const loads = [
    startLoad({ ...target, path: '/', connections: 4, keepAlive: true, pause: 5 }),
    startLoad({ ...target, path: '/', connections: 2, keepAlive: false, pause: 5 }),
    startLoad({ ...target, path: '/slow', connections: 3, keepAlive: true }),
  ]
  const run = scripts(host)
  for (let n = 0; n < 10; n++) {
    from.write({ 'n.txt': String(n) })
    const deployed = await run.deploy(from, { vars })
    expect(deployed.exitCode, deployed.stdout.slice(-3000)).toBe(0)
    if (n % 3 === 2) expect((await run.rollbackWith({ vars })).exitCode).toBe(0)
  }
  for (const load of loads) {
    const { requests, failures, releases } = await load.stop()
    expect(failures).toEqual({})
    expect(requests).toBeGreaterThan(15)
    expect(Object.keys(releases).length).toBeGreaterThan(5)
  }
})

it('It is there again after a crash and after a reboot.', async () => {
  const before = await answered()
  await host.say('pkill -KILL -u foobar -f server.js')
  await expect.poll(async () => (await page()).body.trim().split(' '), { timeout: 20_000 }).toEqual(before)
  host = await rebooted(host)
  expect((await answered()).slice(0, 1)).toEqual(before.slice(0, 1))
  expect((await site(['-t', 'nginx,app,mysql'])).recap()).toMatchObject({ changed: 0, failed: 0 })
})

it('An app that listens on another port is not made live, and its log says why.', async () => {
  const wrong = source({ 'package.json': '{}', 'server.js': "require('http').createServer().listen(3000)" })
  const deployed = await scripts(host).deploy(wrong, { vars })
  wrong.remove()
  expect(deployed.exitCode).toBe(1)
  expect(deployed.error().lines.join('\n')).toMatch(/server\.js does not listen on 127\.0\.0\.1 port 2\d{4}/)
})
