import { realpathSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { UsageError } from '../errors.ts'
import { cacheDirectory } from './cache.ts'
import { type Container, containersOf, removeContainer } from './container.ts'
import { type Engine, presentEngine } from './engine.ts'
import type { SandboxOptions } from './host.ts'
import { imageRepository } from './image.ts'
import { writeKnownHosts } from './keys.ts'
import { withLock } from './lock.ts'
import { archivesDirectory, discardArchives, forgetPackages, harvestHost } from './packages.ts'
import { networkName } from './plan.ts'
import { lockFile, readState, removeState, type SandboxState, writeState } from './state.ts'

/**
 * Takes the hosts `names` down, or all of the clone: then no container, network, address or key of it is left.
 * Images and fetched packages, which clones share, stay unless `purge`. Throws UsageError on a name that the
 * clone's sandbox does not have.
 */
export async function sandboxDown(
  options: SandboxOptions & { readonly names?: readonly string[]; readonly purge?: boolean },
): Promise<void> {
  const root = realpathSync(options.root)
  const names = options.names ?? []
  await withLock(lockFile(root), options.say, async () => {
    const recorded = readState(root)
    const engine = await presentEngine(recorded?.engine)
    const found = engine === undefined ? [] : await containersOf(engine, root)
    const known = [...new Set([...found.map(each => each.host), ...Object.keys(recorded?.hosts ?? {})])]
    for (const name of names) refuseUnknown(name, known)
    for (const host of names.length === 0 ? known : names) {
      await takeDown(engine, root, host, found, recorded)
      options.say(`${host} is down`)
    }
    if (names.length > 0) return forget(root, names, recorded)
    if (engine !== undefined) await removeNetwork(engine, root)
    if (options.purge === true) await purge(engine)
    removeState(root)
  })
}

function refuseUnknown(name: string, known: readonly string[]): void {
  if (known.includes(name)) return
  const list = known.length === 0 ? 'it has none' : `it has ${[...known].sort().join(', ')}`
  throw new UsageError('sandbox-host', `sandbox: no host ${name}; ${list}`)
}

async function takeDown(
  engine: Engine | undefined,
  root: string,
  host: string,
  found: readonly Container[],
  recorded: SandboxState | undefined,
): Promise<void> {
  const container = found.find(each => each.host === host)
  const debian = container?.debian ?? recorded?.hosts[host]?.debian
  if (debian !== undefined) harvestHost(root, host, debian)
  if (engine !== undefined && container !== undefined) await removeContainer(engine, root, host)
  if (debian !== undefined) await discardArchives(engine, archivesDirectory(root, host, debian))
}

function forget(root: string, names: readonly string[], recorded: SandboxState | undefined): void {
  if (recorded === undefined) return
  const hosts = Object.fromEntries(Object.entries(recorded.hosts).filter(([host]) => !names.includes(host)))
  writeState(root, { ...recorded, hosts })
  writeKnownHosts(root, hosts)
}

async function removeNetwork(engine: Engine, root: string): Promise<void> {
  const name = networkName(root)
  if ((await engine.try(['network', 'inspect', name])).code === 0) await engine.must(['network', 'rm', name])
}

async function purge(engine: Engine | undefined): Promise<void> {
  const images = await engine?.must(['image', 'ls', '-q', '--filter', `reference=${imageRepository}`])
  // One that another clone's host runs on is refused by the engine, and so stays.
  for (const image of new Set(images?.split('\n').filter(Boolean))) await engine?.try(['rmi', image])
  rmSync(join(cacheDirectory(), 'images'), { recursive: true, force: true })
  forgetPackages()
}
