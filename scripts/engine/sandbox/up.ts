import { existsSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CapstanError, UsageError } from '../errors.ts'
import { allocate } from './allocate.ts'
import {
  type Container,
  containersOf,
  createContainer,
  processMark,
  removeContainers,
  startContainer,
} from './container.ts'
import { type Engine, engineError, engine as engineNamed, findEngine } from './engine.ts'
import { describeHost, type SandboxHost, type SandboxOptions, type SandboxRequest } from './host.ts'
import { injectIdentity } from './identity.ts'
import { bareImage, ensureImage } from './image.ts'
import { ensureKey, knownHostsFile, loginKey, writeKnownHosts } from './keys.ts'
import { raiseLimits } from './limits.ts'
import { withLock } from './lock.ts'
import { ensureNetwork } from './network.ts'
import { harvest, ownPackages, seedPackages } from './packages.ts'
import { addressIn, checkHostName, containerName } from './plan.ts'
import { answersSsh, waitUntilReady } from './ready.ts'
import {
  type HostState,
  lockFile,
  readState,
  type SandboxState,
  stateDirectory,
  writeState,
} from './state.ts'

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
  const memo = readState(root)
  const ready = memo !== undefined && (await allAnswer(requests, memo, root))
  const hosts = ready
    ? memo.hosts
    : await withLock(lockFile(root), options.say, lock => upAll(requests, root, options, lock))
  return requests.map(({ name }) => describeHost(root, name, hostOf(hosts, name)))
}

async function allAnswer(
  requests: readonly SandboxRequest[],
  memo: SandboxState,
  root: string,
): Promise<boolean> {
  const known = requests.map(request => ({ request, host: memo.hosts[request.name] }))
  if (!known.every(({ request, host }) => host?.debian === request.debian && host.ready)) return false
  if (!existsSync(knownHostsFile(root))) return false
  const greeted = await Promise.all(known.map(({ host }) => answersSsh(host?.ports.ssh ?? 0, 1000)))
  if (!greeted.every(Boolean)) return false
  // A greeting alone could come from another clone's host on the same port.
  if (requests.every(({ name }) => isInit(root, name))) return true
  const found = await containersOf(engineNamed(memo.engine), root).catch(() => [])
  const running = found.filter(each => each.state === 'running')
  if (!requests.every(request => running.some(each => each.host === request.name))) return false
  // The engine takes a twentieth of a second to ask: next time a look at the host's first process will do.
  for (const { host, init } of running) if (init !== undefined) writeFileSync(initFile(root, host), init)
  return true
}

function isInit(root: string, host: string): boolean {
  try {
    const mark = readFileSync(initFile(root, host), 'utf8')
    return processMark(mark.split(' ')[0] ?? '') === mark
  } catch {
    return false
  }
}

function initFile(root: string, host: string): string {
  return join(stateDirectory(root), `${host}.init`)
}

async function upAll(
  requests: readonly SandboxRequest[],
  root: string,
  { say }: SandboxOptions,
  lock: number,
): Promise<SandboxState['hosts']> {
  const recorded = readState(root)
  const engine = await findEngine(recorded?.engine, say)
  await raiseLimits(engine, requests[0]?.debian ?? 12, say)
  const found = await containersOf(engine, root)
  for (const request of requests) refuseOtherRelease(request, found)
  await ensureKey(loginKey(root), 'capstan-sandbox')
  const network = networkInUse(recorded, found) ?? (await ensureNetwork(engine, root, recorded?.network))
  const hosts = await allocate(root, network, requests, recorded?.hosts ?? {}, found, say)
  const record = () => {
    writeState(root, { version: 1, engine: engine.name, network, hosts })
    writeKnownHosts(root, hosts)
  }
  record()
  // What the running hosts have fetched since is there for the new ones.
  harvest({ root })
  const outcomes = await Promise.allSettled(
    requests.map(async request => {
      const { name } = request
      await bringUp({ engine, root, network, hosts, say, lock }, request, found)
      hosts[name] = { ...hostOf(hosts, name), ready: true }
    }),
  )
  record()
  throwFailures(outcomes)
  return hosts
}

/** The recorded network, where a host runs in it: then no engine removes it, and need not be asked. */
function networkInUse(recorded: SandboxState | undefined, found: readonly Container[]): string | undefined {
  const network = recorded?.network
  return found.some(({ state, ip }) => state === 'running' && ip.startsWith(`${network}.`))
    ? network
    : undefined
}

function refuseOtherRelease({ name, debian }: SandboxRequest, found: readonly Container[]): void {
  const container = found.find(each => each.host === name)
  if (container === undefined || container.debian === debian) return
  throw new UsageError(
    'sandbox-release',
    `sandbox ${name}: expected Debian ${debian}, got Debian ${container.debian}`,
    {
      hint: `\`npx zx scripts/sandbox.mjs down ${name}\` removes it with all its data; then run again.`,
    },
  )
}

interface Work {
  readonly engine: Engine
  readonly root: string
  readonly network: string
  /** Corrected as the engine refuses an address. */
  readonly hosts: SandboxState['hosts']
  readonly say: (line: string) => void
  readonly lock: number
}

async function bringUp(work: Work, request: SandboxRequest, found: readonly Container[]): Promise<void> {
  const { engine, root, hosts, say } = work
  const { name } = request
  const { debian, ready } = hostOf(hosts, name)
  const container = found.find(each => each.host === name)
  const start = async () => {
    const started = await startContainer(engine, root, name, work.lock)
    if (started.code !== 0) throw engineError(engine.name, ['start', name], started)
  }
  if (container?.state === 'running') {
    if (!ready) await takeOver(work, name)
  } else if (container?.state === 'stopped' && ready) {
    await start()
  } else {
    if (container?.state === 'lost') say(`${name} went down with this machine and is created again`)
    await seedPackages(engine, root, name, debian, () => ensureImage(engine, debian, say))
    await make(work, request, container !== undefined)
    await ownPackages(engine, containerName(root, name))
  }
  const { ports, ip } = hostOf(hosts, name)
  await waitUntilReady(engine, root, name, ports.ssh, container?.state === 'running' ? start : undefined)
  say(`${name} is up: Debian ${debian}, ssh on 127.0.0.1:${ports.ssh}, ${ip} in its network`)
}

/** A container that runs and has no key of ours, or another: its `up` was killed, or the sandbox folder is gone. */
async function takeOver({ engine, root }: Work, name: string): Promise<void> {
  // Its /etc/hosts is in place since its start: Docker has mounted its own there, which can't be replaced.
  await injectIdentity(engine, root, name, undefined)
  const restart = ['exec', containerName(root, name), 'systemctl', 'try-restart', 'ssh']
  await engine.try(restart, { deadline: 30 })
}

/**
 * Makes and starts a host's container; `leftover` is one that was never ready, so there is nothing on it. An
 * engine that was killed while it started one holds the address as taken until the network goes: the next is used.
 */
async function make(work: Work, request: SandboxRequest, leftover: boolean): Promise<void> {
  const { engine, root, network, hosts, say, lock } = work
  const { name, debian } = request
  const image = request.image ?? (await bareImage(engine, debian))
  const ensure = async () => (request.image === undefined ? ensureImage(engine, debian, say) : undefined)
  const refused: string[] = []
  if (leftover) await removeContainers(engine, root, [name])
  for (;;) {
    const host = hostOf(hosts, name)
    await createContainer(engine, root, name, host, image, ensure, lock)
    await injectIdentity(engine, root, name, host.ip)
    const started = await startContainer(engine, root, name, work.lock)
    if (started.code === 0) return
    await removeContainers(engine, root, [name])
    refused.push(host.ip)
    if (!/already allocated|address already in use/i.test(started.stderr) || refused.length > 5)
      throw engineError(engine.name, ['start', name], started)
    const others = Object.values(hosts).map(each => each.ip)
    hosts[name] = { ...host, ip: addressIn(network, name, [...others, ...refused]) }
  }
}

/** One failure as it is; several as one error that tells them all. */
function throwFailures(outcomes: readonly PromiseSettledResult<void>[]): void {
  const reasons = outcomes.flatMap(each => (each.status === 'rejected' ? [each.reason as unknown] : []))
  const [first, ...others] = reasons
  if (first === undefined) return
  if (others.length === 0 || !(first instanceof CapstanError)) throw first
  const more = others.flatMap(each =>
    each instanceof CapstanError ? [each.message, ...each.lines] : [String(each)],
  )
  const hint = first.hint === undefined ? {} : { hint: first.hint }
  throw new CapstanError(first.code, first.message, { lines: [...first.lines, ...more], ...hint })
}

function hostOf(hosts: SandboxState['hosts'], name: string): HostState {
  const host = hosts[name]
  if (host === undefined) throw new TypeError(`sandbox ${name}: no address was allotted`)
  return host
}
