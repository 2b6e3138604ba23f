import { afterAll, beforeAll, expect, it } from 'vitest'
import { apps } from '../deploy/apps.ts'
import { startLoad } from '../deploy/load.ts'
import { liveRelease, scripts, source } from '../sandbox/deploy-app.ts'
import { kept } from '../sandbox/kept.ts'
import { type Machine, machine } from '../sandbox/machine.ts'
import { runHere } from '../sandbox/site.ts'

// All that a live release is started with, changed many times under load, on every runtime: no request is lost.
const times = Number(process.env['RENEWALS'] ?? 20)
const home = '/srv/www/foobar'
const password = 'of-hosts-that-are-kept'
const from = source({ ...apps.python, ...apps.node, ...apps.php })
let host: Machine
let count = 0

interface Settings {
  readonly site: { readonly runtime: string }
  readonly app: object
}

/** What each runtime has: its own settings, which differ with `n`, and a package beside its own for odd `n`. */
const runtimes: Readonly<Record<string, (setting: number, extension: number) => Settings>> = {
  php: (setting, extension) => ({
    site: { runtime: 'php' },
    app: {
      php: {
        upload: `${8 + (setting % 2)}m`,
        extensions: ['curl', 'mbstring', 'mysql', 'xml', ...(extension % 2 ? ['gd'] : [])],
      },
    },
  }),
  gunicorn: (setting, extension) => ({
    site: { runtime: 'python' },
    app: { python: { workers: 2 + (setting % 2), modules: ['pymysql', ...(extension % 2 ? ['yaml'] : [])] } },
  }),
  uwsgi: (setting, extension) => ({
    site: { runtime: 'python' },
    app: {
      python: {
        server: 'uwsgi',
        workers: 2 + (setting % 2),
        modules: ['pymysql', ...(extension % 2 ? ['yaml'] : [])],
      },
    },
  }),
  node: (_setting, extension) => ({
    site: { runtime: 'node' },
    app: { node: { modules: ['mysql', ...(extension % 2 ? ['ms'] : [])] } },
  }),
}
const names = Object.keys(runtimes)

const given = (runtime: string, { mode = 0, setting = 0, extension = 0 } = {}) => {
  const { site, app } = runtimes[runtime]?.(setting, extension) ?? { site: {}, app: {} }
  const release = { health: { timeout: '10s' } }
  return {
    site,
    app: { database: { password }, release, environment: { MODE: `${mode}` }, ...app },
    mysql: { password, bufferPool: '128m' },
  }
}
const converge = (vars: ReturnType<typeof given>) => runHere({ hosts: host, args: ['-t', 'nginx,app'], vars })
const live = () => liveRelease(host)

beforeAll(async () => {
  host = await machine('renewals12', 12, await kept('runtimes', 12))
  await host.say(
    `systemctl stop 'foobar@*'; rm -rf ${home}/current ${home}/releases/* ${home}/releases.jsonl`,
  )
  for (const name of [...names, 'php']) {
    const set = await converge(given(name, { extension: 1 }))
    expect(set.exitCode, set.stdout.slice(-3000)).toBe(0)
  }
  const deployed = await scripts(host).deploy(from, { vars: given('php') })
  expect(deployed.exitCode, deployed.stdout.slice(-3000)).toBe(0)
}, 1_800_000)
afterAll(() => {
  host?.close()
  from.remove()
})

/** Runs `work` under load; gives how many requests visitors made, none of which may fail. */
async function underLoad(work: () => Promise<void>): Promise<number> {
  const target = { address: '127.0.0.1', port: host.host.ports.https, domain: 'www.foobar.com', path: '/' }
  const visitors = [
    startLoad({ ...target, connections: 3, keepAlive: true, pause: 10 }),
    startLoad({ ...target, connections: 2, keepAlive: false, pause: 10 }),
    startLoad({ ...target, path: '/slow1', connections: 1, keepAlive: true }),
  ]
  try {
    await work()
  } finally {
    const met = await Promise.all(visitors.map(each => each.stop()))
    for (const { failures } of met) expect(failures).toEqual({})
    count = met.reduce((sum, { requests }) => sum + requests, 0)
  }
  return count
}

async function expectRenewed(vars: ReturnType<typeof given>): Promise<void> {
  const before = await live()
  const done = await converge(vars)
  expect(done.exitCode, done.stdout.slice(-3000)).toBe(0)
  expect(await live(), done.stdout.slice(-3000)).not.toBe(before)
}

it(`every runtime, changed to another ${times} times`, { timeout: times * 200_000 }, async () => {
  const requests = await underLoad(async () => {
    for (let n = 1; n <= times * names.length; n++) {
      const name = names[n % names.length] ?? 'php'
      await expectRenewed(given(name))
    }
  })
  console.log(`the runtime, ${times * names.length} times: ${requests} requests, none lost`)
})

it.each(names)(
  `%s: environment, unit, setting and extension, ${times} times each`,
  { timeout: times * 300_000 },
  async name => {
    expect((await converge(given(name))).exitCode).toBe(0)
    const requests = await underLoad(async () => {
      for (let n = 1; n <= times; n++) {
        await expectRenewed(given(name, { mode: n }))
        if (name !== 'node') await expectRenewed(given(name, { mode: n, setting: 1 }))
        await expectRenewed(given(name, { mode: n, extension: 1 }))
        await host.say(
          `sed -i '/^LockPersonality/d' "/etc/systemd/system/foobar@$(basename $(readlink ${home}/current)).service"`,
        )
        await expectRenewed(given(name, { mode: n, extension: 1 }))
      }
    })
    console.log(`${name}: ${requests} requests, none lost`)
  },
)
