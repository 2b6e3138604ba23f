#!/usr/bin/env node
// Deploys and rolls back under load, for each runtime: `npm run bench:deploy [N] [runtime …]`, N of each, 50 unless told.
// Visitors: at full speed on kept connections, with a connection for each request, and with requests of five seconds.
// Ends with 1 where one of them met anything but a 200 of a release that was live.
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import '../../scripts/typescript.mjs'

const require = createRequire(import.meta.url)
const root = dirname(dirname(import.meta.dirname))
const { apps } = require('../deploy/apps.ts')
const { percentile, startLoad } = require('../deploy/load.ts')
const { source } = require('../sandbox/deploy-app.ts')
const { machine } = require('../sandbox/machine.ts')
const contenders = {
  php: { runtime: 'php' },
  gunicorn: { runtime: 'python' },
  uwsgi: { runtime: 'python', app: { python: { server: 'uwsgi' } } },
  node: { runtime: 'node' },
  static: { runtime: 'static' },
}
const [first, ...others] = process.argv.slice(2)
const times = Number(first ?? 50)
const chosen = others.length > 0 ? others : Object.keys(contenders)
const rest = 10_000
const home = '/srv/www/foobar'

let lost = 0
console.log(
  `${times} deploys and ${times} rollbacks each; milliseconds at rest and during them\n` +
    'runtime   visitors      requests  errors  strangers  p50 rest  p99 rest  p50 during  p99 during',
)
for (const name of chosen) await measure(name)
process.exitCode = lost > 0 ? 1 : 0

async function measure(name) {
  const { runtime, app = {} } = contenders[name]
  const of = source(apps[runtime])
  const host = await machine(`bench-${name}`, 12)
  const live = async () => (await host.say(`basename "$(readlink ${home}/current)"`)).trim()
  const scripts = scriptsOf(host.name, runtime, {
    ...app,
    release: { source: of.folder, health: { timeout: '10s' } },
  })
  await host.say(
    `systemctl stop foobar 'foobar@*' 2>/dev/null; rm -rf ${home}/current ${home}/releases/* ${home}/releases.jsonl`,
  )
  scripts.run('site', ['-t', 'nginx,app'])
  scripts.run('deploy')
  const activated = new Set([await live()])
  const target = { address: '127.0.0.1', port: host.host.ports.https, domain: 'www.foobar.com', path: '/' }
  const linger = runtime === 'static' ? { linger: 5000 } : {}
  const visitors = {
    kept: startLoad({ ...target, connections: 4, keepAlive: true }),
    'one each': startLoad({ ...target, connections: 2, keepAlive: false }),
    slow: startLoad({ ...target, path: '/slow5', connections: 2, keepAlive: true, ...linger }),
  }
  await wait(1000)
  const began = performance.now()
  await wait(rest)
  const calm = performance.now()
  const seconds = { deploy: [], rollback: [] }
  for (let i = 0; i < times; i++) {
    of.write({ 'n.txt': `${name} ${i}` })
    for (const script of ['deploy', 'rollback']) {
      const from = performance.now()
      await scripts.start(script)
      seconds[script].push((performance.now() - from) / 1000)
      activated.add(await live())
    }
  }
  const end = performance.now()
  for (const [kind, visitor] of Object.entries(visitors)) {
    const { requests, failures, releases, answers } = await visitor.stop()
    const errors = Object.values(failures).reduce((sum, count) => sum + count, 0)
    const strangers = Object.keys(releases).filter(release => !activated.has(release)).length
    lost += errors + strangers
    const between = (a, b) => answers.filter(({ at }) => at >= a && at < b).map(({ took }) => took)
    const [calmly, busily] = [between(began, calm), between(calm, end)]
    const figures = [
      percentile(calmly, 0.5),
      percentile(calmly, 0.99),
      percentile(busily, 0.5),
      percentile(busily, 0.99),
    ]
    console.log(
      [name.padEnd(9), kind.padEnd(13), column(requests, 8), column(errors, 7), column(strangers, 10)].join(
        ' ',
      ) + figures.map((figure, index) => column(figure.toFixed(1), index < 2 ? 10 : 12)).join(''),
    )
    if (errors > 0) console.log(`          ${JSON.stringify(failures)}`)
  }
  const median = kind => percentile(seconds[kind], 0.5).toFixed(1)
  console.log(
    `          a deploy ${median('deploy')} s, a rollback ${median('rollback')} s, the slow visitors waited for`,
  )
  of.remove()
  host.close()
}

function scriptsOf(host, runtime, app) {
  const inventory = join(mkdtempSync(join(tmpdir(), 'capstan-bench-')), 'bench.yml')
  writeFileSync(
    inventory,
    JSON.stringify({
      vars: { site: { runtime }, app },
      hosts: { [host]: { connection: 'sandbox', debian: 12 } },
    }),
  )
  const args = script => [`scripts/${script}.mjs`, '-i', inventory]
  const run = (script, more = []) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [...args(script), ...more], { cwd: root })
    if (status !== 0) throw new Error(`${script}.mjs ended with ${status}:\n${stdout}${stderr}`)
  }
  return { run, start: script => started(args(script)) }
}

async function started(args) {
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => (said += chunk))
  const code = await new Promise(resolve => child.on('close', resolve))
  if (code !== 0) throw new Error(`${args[0]} ended with ${code}:\n${said}`)
}

function column(value, width) {
  return String(value).padStart(width)
}
