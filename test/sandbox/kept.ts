import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type SandboxHost, sandboxDown, sandboxKeep } from '#engine/sandbox/sandbox.ts'
import { machine, root } from './machine.ts'
import { runHere, type SiteRun } from './site.ts'

const quiet = { root, say: () => {} }
const roles = (...names: readonly string[]) => ['-t', names.join()]
const all = roles('base', 'dns', 'nginx', 'app', 'mysql', 'tls')
const database = {
  app: { database: { password: 'of-hosts-that-are-kept' } },
  mysql: { password: 'of-hosts-that-are-kept', bufferPool: '128m' },
}

/** The app's password on hosts with a database alone. */
export const oddPassword = 'p&a\'ss\\"w#o$r%d;`x` é😀'

/** A run of site.mjs, or packages that the test itself is in need of. */
type Step =
  | { readonly args: readonly string[]; readonly vars: Readonly<Record<string, unknown>> }
  | { readonly packages: string }

/** What has been done on a host, one after the other. */
const steps = {
  shells: [{ packages: 'sudo zsh fish' }],
  names: [{ args: roles('dns', 'nginx', 'tls'), vars: {} }, { packages: 'pebble curl' }],
  data: [{ args: roles('mysql'), vars: { mysql: { password: oddPassword } } }],
  mysql: [{ args: roles('mysql'), vars: { mysql: { server: 'mysql', password: oddPassword } } }],
  site: [{ args: all, vars: database }],
  runtimes: [
    { args: all, vars: { ...database, site: { runtime: 'python' } } },
    {
      args: all,
      vars: {
        ...database,
        site: { runtime: 'python' },
        app: { ...database.app, python: { server: 'uwsgi' } },
      },
    },
    { args: all, vars: { ...database, site: { runtime: 'node' } } },
  ],
} satisfies Record<string, readonly Step[]>

/** What decides what a converged host holds: the rest of the engine is how it is reached, and what is told of it. */
const makers = [
  'roles',
  ...['resources', 'converge', 'host', 'vars'].map(folder => `scripts/engine/${folder}`),
]

/**
 * The image of a host on which site.mjs has run so: for tests of what comes after, which spend their time on that.
 * It is made by those runs, on a bare host, whenever roles, resources or what applies them are others than when it was made; throws
 * where one fails, or where the same again changes something or takes more than two trips.
 */
export async function kept(name: keyof typeof steps, debian: SandboxHost['debian']): Promise<string> {
  const host = `kept-${name}${debian}`
  const down = () => sandboxDown({ ...quiet, names: [host] }).catch(() => {})
  const isConverged = steps[name].some(step => 'args' in step)
  const recipe = fingerprint(JSON.stringify(steps[name]), ...(isConverged ? makers : []))
  let made = false
  const image = await sandboxKeep({ name, debian, recipe }, quiet, async () => {
    made = true
    await down()
    for (const step of steps[name]) {
      if ('packages' in step) {
        await install(host, debian, step.packages)
        continue
      }
      const { args, vars } = step
      const given = { hosts: { [host]: { connection: 'sandbox', debian } }, args, vars }
      expectDone(host, await runHere(given))
      const again = expectDone(host, await runHere(given)).recap()
      if (again.changed > 0 || again.trips !== 2)
        throw new Error(`${host}: a second run: ${JSON.stringify(again)}`)
    }
    return host
  })
  if (made) await down()
  return image
}

async function install(name: string, debian: SandboxHost['debian'], packages: string): Promise<void> {
  const host = await machine(name, debian)
  const install = `DEBIAN_FRONTEND=noninteractive apt-get -qq --no-install-recommends -y install ${packages} >/dev/null`
  await host.say(`${install} || { apt-get -qq update && ${install}; }`, 300)
  host.close()
}

function expectDone(host: string, run: SiteRun): SiteRun {
  if (run.exitCode === 0) return run
  throw new Error(`${host}: site.mjs gave ${run.exitCode}:\n${run.stdout.slice(-3000)}${run.stderr}`)
}

function fingerprint(first: string, ...folders: readonly string[]): string {
  const hash = createHash('sha256').update(first)
  for (const folder of folders)
    for (const file of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).sort()) {
      const path = join(root, folder, file)
      if (statSync(path).isFile()) hash.update(`\0${file}\0`).update(readFileSync(path))
    }
  return hash.digest('hex').slice(0, 12)
}
