import { existsSync, readFileSync } from 'node:fs'
import type { Finished } from '#engine/program.ts'
import { releaseNamed } from '#engine/systems.ts'
import type { Engine } from './engine.ts'
import { archivesDirectory } from './packages.ts'
import { containerName, hardwareAddress, networkName, portsAt } from './plan.ts'
import type { HostState } from './state.ts'
import { needsRunc } from './tools.ts'

/** `lost`: the engine takes it for running, and its processes are gone with the machine's; nothing starts it again. */
export type ContainerState = 'running' | 'stopped' | 'lost'

/** A container of this clone, as its labels tell it: they outlive the state file. */
export interface Container extends Omit<HostState, 'ready'> {
  readonly host: string
  readonly state: ContainerState
  /** The mark of its first process; absent where that can't be told. */
  readonly init: string | undefined
}

/** The clone's containers; those of other clones are never seen. */
export async function containersOf(engine: Engine, root: string): Promise<readonly Container[]> {
  // Podman before 4.4 has no .Label, and docker's .Labels is one string.
  const label = engine.name === 'podman' ? 'index .Labels' : '.Label'
  const labels = ['host', 'debian', 'ip', 'port'].map(key => `{{${label} "capstan.${key}"}}`)
  const pid = engine.name === 'podman' ? '{{.Pid}}' : ''
  const format = ['{{.State}}', ...labels, pid].join('|')
  const listed = await engine.must([
    'ps',
    '-a',
    '--filter',
    `label=capstan.clone=${root}`,
    '--format',
    format,
  ])
  return listed.split('\n').flatMap(line => {
    const [state = '', host = '', debian, ip = '', port, init = ''] = line.split('|')
    if (host === '') return []
    const release = releaseNamed(debian ?? '') ?? 12
    const ports = portsAt(Number(port))
    const mark = processMark(init)
    return [{ host, state: stateOf(state, init), debian: release, ip, ports, init: mark }]
  })
}

/**
 * What tells a process of this machine from every other since its boot: pid and start. Absent where it is gone, or
 * where there is no /proc. Source: proc(5), /proc/pid/stat, field 22.
 */
export function processMark(pid: string): string | undefined {
  try {
    const behindName = readFileSync(`/proc/${Number(pid)}/stat`, 'utf8').replace(/^.*\) /s, '')
    return `${pid} ${behindName.split(' ')[19]}`
  } catch {
    return undefined
  }
}

/** `init` is empty where the engine doesn't tell it; a container that is on its way down has it until then. */
function stateOf(told: string, init: string): ContainerState {
  if (!/^(running|up|stopping)/i.test(told)) return 'stopped'
  return init !== '' && process.platform === 'linux' && !existsSync(`/proc/${init}/exe`) ? 'lost' : 'running'
}

/**
 * Makes the container of a host, without starting it; `lock` is held until the engine is done with it. The image
 * is not looked for before: where the engine refuses, `ensureImage` is called, and it is tried once more.
 */
export async function createContainer(
  engine: Engine,
  root: string,
  host: string,
  wanted: HostState,
  image: string,
  ensureImage: () => Promise<void>,
  lock: number,
): Promise<void> {
  const name = containerName(root, host)
  const args = ['create', '--pull=never', ...createOptions(engine, root, host, wanted), image]
  const made = await engine.try(args, { hold: lock })
  if (made.code === 0) return
  await ensureImage()
  // What an engine that was killed half-way left: a file system under our name that is no container yet.
  if (engine.name === 'podman') await engine.try(['rm', '-f', '--storage', name])
  await engine.must(args, { hold: lock })
}

/** The words that make a container a machine of the clone; pure but for the limits of this machine. */
function createOptions(engine: Engine, root: string, host: string, wanted: HostState): readonly string[] {
  const { ports } = wanted
  const published = [
    [ports.ssh, '22/tcp'],
    [ports.http, '80/tcp'],
    [ports.https, '443/tcp'],
    [ports.dns, '53/tcp'],
    [ports.dns, '53/udp'],
  ]
  const labels = { clone: root, host, debian: wanted.debian, ip: wanted.ip, port: ports.ssh }
  return [
    ...['--name', containerName(root, host), '--hostname', host],
    ...['--network', networkName(root), '--network-alias', host, '--ip', wanted.ip],
    ...published.flatMap(([port, inside]) => ['--publish', `127.0.0.1:${port}:${inside}`]),
    ...Object.entries(labels).flatMap(([key, value]) => ['--label', `capstan.${key}=${value}`]),
    ...['--volume', `${archivesDirectory(root, host, wanted.debian)}:/var/cache/apt/archives`],
    // Without SYS_ADMIN systemd silently drops the sandboxing of units; NET_ADMIN is for nftables.
    ...['--cap-add', 'SYS_ADMIN', '--cap-add', 'NET_ADMIN', '--pids-limit', '-1'],
    ...loopback(engine),
    ...confinement(),
    ...bootOptions(engine, root, host),
  ]
}

/** A machine has ::1, where its kernel has IPv6; Docker takes it away from networks that have no other IPv6 address. */
function loopback({ name }: Engine): readonly string[] {
  const isWanted = name === 'docker' && existsSync('/proc/sys/net/ipv6')
  return isWanted ? ['--sysctl', 'net.ipv6.conf.all.disable_ipv6=0'] : []
}

/** Starts the container of a host; one that an engine killed half-way left in its way is cleaned up first. */
export async function startContainer(
  engine: Engine,
  root: string,
  host: string,
  lock: number,
): Promise<Finished> {
  const name = containerName(root, host)
  const started = await engine.try(['start', name], { hold: lock })
  if (started.code === 0 || engine.name !== 'podman') return started
  await engine.try(['container', 'cleanup', name])
  return engine.try(['start', name], { hold: lock })
}

/** Removes the containers of these hosts, at least one; the engine takes them down side by side. */
export async function removeContainers(
  engine: Engine,
  root: string,
  hosts: readonly string[],
): Promise<void> {
  const now = engine.name === 'podman' ? ['--time', '0'] : []
  const args = ['rm', '--force', '--volumes', ...now, ...hosts.map(host => containerName(root, host))]
  // Podman gives a container that is `lost` up at the first try, and removes it at the second.
  if ((await engine.try(args)).code !== 0) await engine.must(args)
}

/** What a container needs to boot systemd. */
export function bootOptions(engine: Engine, root: string, host: string): readonly string[] {
  return engine.name === 'podman' ? podmanOptions(root, host) : dockerOptions
}

function podmanOptions(root: string, host: string): readonly string[] {
  const base = ['--systemd=always', '--no-hosts', '--mac-address', hardwareAddress(root, host)]
  if (!needsRunc()) return base
  const limit = (name: string, most: number) => Math.min(most, hardLimit(name) ?? most)
  const processes = limit('Max processes', 10_000)
  return [
    ...base,
    ...['--ulimit', `nofile=1024:${limit('Max open files', 20_000)}`],
    ...['--ulimit', `nproc=${processes}:${processes}`],
  ]
}

const dockerOptions = [
  '--cgroupns',
  'private',
  '--stop-signal',
  'SIGRTMIN+3',
  ...['/run', '/run/lock', '/tmp'].flatMap(path => ['--tmpfs', `${path}:exec`]),
]

function confinement(): readonly string[] {
  const apparmor = existsSync('/sys/module/apparmor/parameters/enabled')
  const selinux = existsSync('/sys/fs/selinux/enforce')
  return [
    ...(apparmor ? ['--security-opt', 'apparmor=unconfined'] : []),
    ...(selinux ? ['--security-opt', 'label=disable'] : []),
  ]
}

/** Absence means unlimited. Source: proc(5), /proc/pid/limits. */
function hardLimit(name: string): number | undefined {
  const found = new RegExp(`^${name} +\\S+ +(\\d+)`, 'm').exec(readFileSync('/proc/self/limits', 'utf8'))
  return found?.[1] === undefined ? undefined : Number(found[1])
}
