import {
  chmodSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { join } from 'node:path'
import { type DebianRelease, debianReleases } from '#engine/systems.ts'
import { cacheDirectory } from './cache.ts'
import type { Engine } from './engine.ts'
import { cloneId } from './plan.ts'
import { readState } from './state.ts'
import { isRoot } from './tools.ts'

/** What a host has for /var/cache/apt/archives: a folder of its own, as apt locks it. */
export function archivesDirectory(root: string, host: string, release: DebianRelease): string {
  return join(cacheDirectory(), 'apt', String(release), 'hosts', `${cloneId(root)}-${host}`)
}

/** Gives a host, before its start, links to every package that any host has fetched so far. Only `discardArchives` needs an image. */
export async function seedPackages(
  engine: Engine,
  root: string,
  host: string,
  release: DebianRelease,
  ensureImage: () => Promise<void>,
): Promise<void> {
  const archives = archivesDirectory(root, host, release)
  const owner = statSync(archives, { throwIfNoEntry: false })?.uid
  // That of a host which is gone, where we are not root: `ownPackages` has given it away.
  if (owner !== undefined && owner !== process.getuid?.()) {
    await ensureImage()
    await discardArchives(engine, archives)
  }
  mkdirSync(join(archives, 'partial'), { recursive: true })
  mkdirSync(sharedDirectory(release), { recursive: true })
  chmodSync(archives, 0o755)
  copyNew(sharedDirectory(release), archives)
}

/** Makes the folder root's own on the host, where an ordinary user has made it; a user of that uid may be there too. */
export async function ownPackages(engine: Engine, container: string): Promise<void> {
  if (isRoot()) return
  await engine.must(['exec', container, 'chown', 'root:root', '/var/cache/apt/archives'])
}

/**
 * Takes the packages that the clone's hosts have fetched into the shared cache, while they run or after, so that
 * no host fetches them again. Gives how many were new.
 */
export function harvest(options: { readonly root: string }): number {
  const hosts = Object.entries(readState(options.root)?.hosts ?? {})
  return hosts.reduce((sum, [name, host]) => sum + harvestHost(options.root, name, host.debian), 0)
}

export function harvestHost(root: string, host: string, release: DebianRelease): number {
  const archives = archivesDirectory(root, host, release)
  return existsSync(archives) ? copyNew(archives, sharedDirectory(release)) : 0
}

/**
 * Removes a host's folder. What apt of the host made there belongs to root: an ordinary user has a
 * container of the same image remove it.
 */
export async function discardArchives(engine: Engine | undefined, directory: string): Promise<void> {
  try {
    rmSync(directory, { recursive: true, force: true })
  } catch (error) {
    if (engine === undefined) throw error
    const images = await engine.must(['image', 'ls', '-q', '--filter', 'reference=localhost/capstan-sandbox'])
    const image = images.split('\n')[0] ?? ''
    await engine.try([
      'run',
      '--rm',
      '-v',
      `${directory}:/mnt`,
      image,
      'find',
      '/mnt',
      '-mindepth',
      '1',
      '-delete',
    ])
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Empties the shared cache; the folders of hosts stay, as they are mounted while these run. */
export function forgetPackages(): void {
  for (const release of debianReleases) rmSync(sharedDirectory(release), { recursive: true, force: true })
}

function sharedDirectory(release: DebianRelease): string {
  return join(cacheDirectory(), 'apt', String(release), 'packages')
}

// A package file never changes under its name: apt moves it there from partial/ when its hash is right.
function copyNew(from: string, to: string): number {
  mkdirSync(to, { recursive: true })
  const present = new Set(readdirSync(to))
  const fresh = readdirSync(from).filter(name => name.endsWith('.deb') && !present.has(name))
  return fresh.filter(name => linkOrCopy(join(from, name), join(to, name))).length
}

/** Whether it could: the host's own `apt-get clean` may take the file away meanwhile. */
function linkOrCopy(from: string, to: string): boolean {
  const draft = `${to}.${process.pid}`
  try {
    linkSync(from, draft)
  } catch {
    if (!existsSync(from)) return false
    copyFileSync(from, draft)
  }
  renameSync(draft, to)
  return true
}
