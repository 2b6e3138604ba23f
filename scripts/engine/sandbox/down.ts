import { realpathSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { UsageError } from '../errors.ts'
import { cacheDirectory } from './cache.ts'
import { type Container, containersOf, removeContainers } from './container.ts'
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
    const hosts = names.length === 0 ? known : [...new Set(names)]
    await takeDown(engine, root, hosts, found, recorded)
    for (const host of hosts) options.say(`${host} is down`)
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
  hosts: readonly string[],
  found: readonly Container[],
  recorded: SandboxState | undefined,
): Promise<void> {
  const containers = found.filter(each => hosts.includes(each.host))
  const folders = hosts.flatMap(host => {
    const debian = containers.find(each => each.host === host)?.debian ?? recorded?.hosts[host]?.debian
    if (debian === undefined) return []
    harvestHost(root, host, debian)
    return [archivesDirectory(root, host, debian)]
  })
  const names = containers.map(each => each.host)
  if (engine !== undefined && names.length > 0) await removeContainers(engine, root, names)
  for (const folder of folders) await discardArchives(engine, folder)
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
