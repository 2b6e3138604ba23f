import { existsSync, mkdirSync, realpathSync } from 'node:fs'
import { CapstanError, UsageError } from '../errors.ts'
import { allocate } from './allocate.ts'
import { type Container, containersOf, createContainer, injectIdentity, runtime } from './container.ts'
import { type Engine, engine as engineNamed, findEngine } from './engine.ts'
import { describeHost, type SandboxHost, type SandboxOptions, type SandboxRequest } from './host.ts'
import { ensureImage } from './image.ts'
import { ensureKey, knownHostsFile, loginKey, writeKnownHosts } from './keys.ts'
import { withLock } from './lock.ts'
import { ensureNetwork } from './network.ts'
import { archivesDirectory, harvestHost, seedPackages } from './packages.ts'
import { checkHostName, containerName } from './plan.ts'
import { answersSsh, waitUntilReady } from './ready.ts'
import { type HostState, lockFile, readState, type SandboxState, writeState } from './state.ts'

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
  // A greeting alone could come from another clone's host on the same port: the engine has to know ours, too.
  const [found, ...greeted] = await Promise.all([
    containersOf(engineNamed(memo.engine), root).catch(() => []),
    ...known.map(({ host }) => answersSsh(host?.ports.ssh ?? 0, 1000)),
  ])
  const isRunning = (name: string) => found.some(each => each.host === name && each.state === 'running')
  return greeted.every(Boolean) && requests.every(request => isRunning(request.name))
}

async function upAll(
  requests: readonly SandboxRequest[],
  root: string,
  { say }: SandboxOptions,
  lock: number,
): Promise<SandboxState['hosts']> {
  const recorded = readState(root)
  const engine = await findEngine(recorded?.engine, say)
  const found = await containersOf(engine, root)
  for (const request of requests) refuseOtherRelease(request, found)
  await ensureKey(loginKey(root), 'capstan-sandbox')
  const network = await ensureNetwork(engine, root, recorded?.network)
  const hosts = await allocate(root, network, requests, recorded?.hosts ?? {}, found, say)
  const record = () => {
    writeState(root, { version: 1, engine: engine.name, network, hosts })
    writeKnownHosts(root, hosts)
  }
  record()
  const outcomes = await Promise.allSettled(
    requests.map(async ({ name }) => {
      const host = hostOf(hosts, name)
      await bringUp({ engine, root, say, lock }, name, host, found)
      hosts[name] = { ...host, ready: true }
    }),
  )
  record()
  throwFailures(outcomes)
  return hosts
}

function refuseOtherRelease({ name, debian }: SandboxRequest, found: readonly Container[]): void {
  const container = found.find(each => each.host === name)
  if (container === undefined || container.debian === debian) return
  throw new UsageError(
    'sandbox-release',
    `sandbox ${name}: wanted Debian ${debian}, it is Debian ${container.debian}`,
    {
      hint: `\`npx zx scripts/sandbox.mjs down ${name}\` removes it with all that is on it; then run this again.`,
    },
  )
}

interface Work {
  readonly engine: Engine
  readonly root: string
  readonly say: (line: string) => void
  readonly lock: number
}

async function bringUp(
  work: Work,
  name: string,
  host: HostState,
  found: readonly Container[],
): Promise<void> {
  const { engine, root, say } = work
  const container = found.find(each => each.host === name)
  if (container === undefined) {
    const image = await ensureImage(engine, host.debian, say)
    mkdirSync(archivesDirectory(root, name, host.debian), { recursive: true })
    await createContainer(engine, root, name, host, image, work.lock)
  }
  if (!host.ready) await injectIdentity(engine, root, name, host.ip)
  if (container?.state !== 'running') {
    seedPackages(root, name, host.debian)
    await engine.must([...runtime(engine), 'start', containerName(root, name)])
  } else if (!host.ready) {
    const restart = ['exec', containerName(root, name), 'systemctl', 'try-restart', 'ssh']
    await engine.try([...runtime(engine), ...restart], { deadline: 30 })
  }
  await waitUntilReady(engine, root, name, host.ports.ssh)
  harvestHost(root, name, host.debian)
  say(`${name} is up: Debian ${host.debian}, ssh on 127.0.0.1:${host.ports.ssh}, ${host.ip} in its network`)
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
