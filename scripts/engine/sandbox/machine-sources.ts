import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { run } from '#engine/program.ts'
import type { DebianRelease } from '#engine/systems.ts'
import { cacheDirectory } from './cache.ts'
import { withLock } from './lock.ts'
import { debianSources, indexTargetFormat, withOrigins } from './sources.ts'
import { isRoot, osRelease } from './tools.ts'

/**
 * The machine's apt sources, for another Debian. They follow from what is configured, not from the lists that have
 * been fetched so far: images are named after them. To ask apt takes a second: done when its files have changed.
 */
export async function machineSources(release: DebianRelease): Promise<readonly string[]> {
  const codename = osRelease()['VERSION_CODENAME'] ?? ''
  return debianSources(await machineTargets(), codename, release, release === 'sid' && (await readsExpired()))
}

/** Whether apt of this machine takes lists whose time is over. Source: apt.conf(5), Acquire::Check-Valid-Until. */
async function readsExpired(): Promise<boolean> {
  const { stdout } = await run('apt-config', ['shell', 'CHECK', 'Acquire::Check-Valid-Until/b'])
  return stdout.trim() === "CHECK='false'"
}

async function machineTargets(): Promise<string> {
  const file = join(cacheDirectory(), 'images', 'apt-targets.json')
  const stamp = stampOf('/etc/apt/sources.list', '/etc/apt/sources.list.d')
  const known = readTargets(file)
  if (known?.stamp === stamp) return known.targets
  // Others that begin at the same time wait, and find the answer.
  return withLock(
    `${file}.lock`,
    () => {},
    async () => {
      const meanwhile = readTargets(file)
      if (meanwhile?.stamp === stamp) return meanwhile.targets
      const targets = await askTargets()
      if (targets !== '') writeTargets(file, { stamp, targets })
      return targets
    },
  )
}

interface Targets {
  readonly stamp: string
  /** Lines in `indexTargetFormat`. */
  readonly targets: string
}

/** Changes when one of these files does, or a file of one of these directories. */
function stampOf(...paths: readonly string[]): string {
  return paths
    .map(path => {
      const found = statSync(path, { throwIfNoEntry: false })
      const inner = found?.isDirectory()
        ? readdirSync(path)
            .sort()
            .map(name => join(path, name))
        : []
      return `${path} ${found?.mtimeMs} ${stampOf(...inner)}`
    })
    .join()
}

function readTargets(file: string): Targets | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}

function writeTargets(file: string, targets: Targets): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(`${file}.${process.pid}`, JSON.stringify(targets))
  renameSync(`${file}.${process.pid}`, file)
}

/** By default, apt prints only lists that it has fetched: some of them, while another process fetches them. */
async function askTargets(): Promise<string> {
  const ask = async (...flags: readonly string[]) => {
    const args = ['indextargets', ...flags, '--format', indexTargetFormat, 'Created-By: Packages']
    return (await run('apt-get', args)).stdout
  }
  const configured = await ask('--no-release-info')
  let fetched = await ask()
  if (fetched === '' && configured !== '' && isRoot()) {
    await run('apt-get', ['update'], { deadline: 600 })
    fetched = await ask()
  }
  return withOrigins(configured, fetched)
}
