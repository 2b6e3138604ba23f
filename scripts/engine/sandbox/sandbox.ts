import { existsSync, mkdirSync, realpathSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { CapstanError, UsageError } from '../errors.ts'
import { allocate } from './allocate.ts'
import { cacheDirectory } from './cache.ts'
import {
  type Container,
  containersOf,
  createContainer,
  injectIdentity,
  removeContainer,
  runtime,
} from './container.ts'
import { type Engine, engine as engineNamed, findEngine } from './engine.ts'
import { ensureImage, imageRepository } from './image.ts'
import { ensureKey, knownHostsFile, loginKey, writeKnownHosts } from './keys.ts'
import { withLock } from './lock.ts'
import { ensureNetwork } from './network.ts'
import { archivesDirectory, discardArchives, harvestHost, seedPackages } from './packages.ts'
import { checkHostName, containerName, type DebianRelease, networkName } from './plan.ts'
import { answersSsh, waitUntilReady } from './ready.ts'
import { type HostState, readState, type SandboxState, stateDirectory, writeState } from './state.ts'

export interface SandboxRequest {
  readonly name: string
  readonly debian: DebianRelease
}

/** A host of the sandbox and how it is reached: ssh to `address`:`port` as `user`, its other ports beside it. */
export interface SandboxHost extends SandboxRequest {
  readonly address: '127.0.0.1'
  readonly port: number
  readonly user: 'root'
  readonly keyFile: string
  readonly knownHostsFile: string
  /** Its address in the clone's own network. */
  readonly ip: string
  readonly ports: { readonly http: number; readonly https: number; readonly dns: number }
}

export interface SandboxOptions {
  /** The repository, whose sandbox it is. */
  readonly root: string
  readonly say: (line: string) => void
}

/**
 * Brings up a Debian machine for each request, and gives them once their sshd greets. What runs already is left
 * alone, in a few milliseconds; what an earlier, interrupted `up` left is taken further. Throws UsageError where
 * a host runs another Debian than the one asked for, or where no engine can be had.
 */
export async function sandboxUp(
  requests: readonly SandboxRequest[],
  options: SandboxOptions,
): Promise<readonly SandboxHost[]> {
  for (const request of requests) checkHostName(request.name)
  const root = realpathSync(options.root)
  const { say } = options
  const memo = readState(root)
  if (memo !== undefined && (await allAnswer(requests, memo, root)))
    return describe(root, requests, memo.hosts)
  return withLock(lockFile(root), say, async lock => {
    const recorded = readState(root)
    const engine = await findEngine(recorded?.engine, say)
    const found = await containersOf(engine, root)
    for (const request of requests) refuseOtherRelease(request, found)
    await ensureKey(loginKey(root), 'capstan-sandbox')
    const network = await ensureNetwork(engine, root, recorded?.network)
    const hosts = await allocate(root, network, requests, recorded?.hosts ?? {}, found, say)
    writeState(root, { version: 1, engine: engine.name, network, hosts })
    await Promise.all(requests.map(request => bringUp(engine, root, request, hosts, found, lock, say)))
    writeKnownHosts(root, hosts)
    return describe(root, requests, hosts)
  })
}

/**
 * Takes the hosts `names` down, or all of the clone: then no container, network, address or key of it is left.
 * Images and fetched packages, which clones share, stay unless `purge`.
 */
export async function sandboxDown(
  options: SandboxOptions & { readonly names?: readonly string[]; readonly purge?: boolean },
): Promise<void> {
  const root = realpathSync(options.root)
  const { say, names } = options
  const everything = names === undefined || names.length === 0
  await withLock(lockFile(root), say, async () => {
    const recorded = readState(root)
    const engine = await findEngine(recorded?.engine, say)
    const found = await containersOf(engine, root)
    const known = new Set([...found.map(each => each.host), ...Object.keys(recorded?.hosts ?? {})])
    for (const name of names ?? []) refuseUnknown(name, known)
    const hosts = everything ? [...known] : (names ?? [])
    for (const host of hosts) await takeDown(engine, root, host, found, recorded, say)
    if (everything) await removeShared(engine, root, options.purge === true)
    else if (recorded !== undefined) {
      const kept = Object.entries(recorded.hosts).filter(([host]) => !hosts.includes(host))
      writeState(root, { ...recorded, hosts: Object.fromEntries(kept) })
      writeKnownHosts(root, Object.fromEntries(kept))
    }
  })
  if (everything) rmSync(stateDirectory(root), { recursive: true, force: true })
}

/** The clone's hosts, recorded or found, sorted by name; `absent` where the container is gone. */
export async function sandboxStatus(
  options: SandboxOptions,
): Promise<readonly (SandboxHost & { readonly state: 'running' | 'stopped' | 'absent' })[]> {
  const root = realpathSync(options.root)
  const recorded = readState(root)
  if (recorded === undefined && !existsSync(stateDirectory(root))) return []
  const found = await containersOf(await findEngine(recorded?.engine, options.say), root)
  const hosts: Record<string, HostState> = { ...recorded?.hosts }
  for (const { host, debian, ip, ports } of found) hosts[host] = { debian, ip, ports }
  const requests = Object.entries(hosts).map(([name, host]) => ({ name, debian: host.debian }))
  const sorted = requests.sort((a, b) => a.name.localeCompare(b.name))
  return describe(root, sorted, hosts).map(host => ({
    ...host,
    state: found.find(each => each.host === host.name)?.state ?? 'absent',
  }))
}

async function allAnswer(
  requests: readonly SandboxRequest[],
  memo: SandboxState,
  root: string,
): Promise<boolean> {
  const known = requests.map(request => ({ request, host: memo.hosts[request.name] }))
  if (!known.every(({ request, host }) => host?.debian === request.debian)) return false
  if (!existsSync(knownHostsFile(root))) return false
  // A greeting alone could come from another clone's host on the same port: the engine has to know ours, too.
  const [found, ...greeted] = await Promise.all([
    containersOf(engineNamed(memo.engine), root).catch(() => []),
    ...known.map(({ host }) => answersSsh(host?.ports.ssh ?? 0, 1000)),
  ])
  const isRunning = (name: string) => found.some(each => each.host === name && each.state === 'running')
  return greeted.every(Boolean) && requests.every(request => isRunning(request.name))
}

function refuseOtherRelease(request: SandboxRequest, found: readonly Container[]): void {
  const running = found.find(each => each.host === request.name)
  if (running === undefined || running.debian === request.debian) return
  throw new UsageError(
    'sandbox-release',
    `sandbox ${request.name}: wanted Debian ${request.debian}, it is Debian ${running.debian}`,
    {
      hint: `\`npx zx scripts/sandbox.mjs down ${request.name}\` removes it with all that is on it; then run this again.`,
    },
  )
}

async function bringUp(
  engine: Engine,
  root: string,
  request: SandboxRequest,
  hosts: SandboxState['hosts'],
  found: readonly Container[],
  lock: number,
  say: (line: string) => void,
): Promise<void> {
  const host = hosts[request.name]
  if (host === undefined)
    throw new CapstanError('sandbox-bug', `sandbox ${request.name}: no address was allotted`)
  const container = found.find(each => each.host === request.name)
  if (container === undefined) {
    const image = await ensureImage(engine, request.debian, say)
    seedPackages(root, request.name, request.debian)
    await createContainer(engine, root, request.name, host, image, lock)
  }
  await injectIdentity(engine, root, request.name, host.ip)
  if (container?.state !== 'running') {
    mkdirSync(archivesDirectory(root, request.name, request.debian), { recursive: true })
    await engine.must([...runtime(engine), 'start', containerName(root, request.name)])
  }
  await waitUntilReady(engine, root, request.name, host.ports.ssh)
  harvestHost(root, request.name, request.debian)
  say(
    `${request.name} is up: Debian ${request.debian}, ssh on 127.0.0.1:${host.ports.ssh}, ${host.ip} in its network`,
  )
}

async function takeDown(
  engine: Engine,
  root: string,
  host: string,
  found: readonly Container[],
  recorded: SandboxState | undefined,
  say: (line: string) => void,
): Promise<void> {
  const container = found.find(each => each.host === host)
  const debian = container?.debian ?? recorded?.hosts[host]?.debian
  if (debian !== undefined) harvestHost(root, host, debian)
  if (container !== undefined) await removeContainer(engine, root, host)
  if (debian !== undefined) await discardArchives(engine, archivesDirectory(root, host, debian))
  say(`${host} is down`)
}

async function removeShared(engine: Engine, root: string, purge: boolean): Promise<void> {
  const name = networkName(root)
  if ((await engine.try(['network', 'inspect', name])).code === 0) await engine.must(['network', 'rm', name])
  if (!purge) return
  const images = await engine.must(['image', 'ls', '-q', '--filter', `reference=${imageRepository}`])
  // One that another clone's host runs on is refused by the engine, and so stays.
  for (const image of new Set(images.split('\n').filter(Boolean))) await engine.try(['rmi', image])
  rmSync(join(cacheDirectory(), 'images'), { recursive: true, force: true })
  rmSync(join(cacheDirectory(), 'apt'), { recursive: true, force: true })
}

function refuseUnknown(name: string, known: ReadonlySet<string>): void {
  if (known.has(name)) return
  const list = known.size === 0 ? 'it has none' : `it has ${[...known].sort().join(', ')}`
  throw new UsageError('sandbox-host', `sandbox: no host ${name}; ${list}`)
}

function describe(
  root: string,
  requests: readonly SandboxRequest[],
  hosts: SandboxState['hosts'],
): readonly SandboxHost[] {
  return requests.flatMap(({ name }) => {
    const host = hosts[name]
    if (host === undefined) return []
    const { ssh, ...ports } = host.ports
    const files = { keyFile: loginKey(root), knownHostsFile: knownHostsFile(root) }
    return [
      {
        name,
        debian: host.debian,
        address: '127.0.0.1',
        port: ssh,
        user: 'root',
        ...files,
        ip: host.ip,
        ports,
      },
    ]
  })
}

function lockFile(root: string): string {
  return join(root, '.capstan', 'sandbox.lock')
}
