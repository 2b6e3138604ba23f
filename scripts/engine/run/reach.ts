import type { Connection } from '#engine/connection/connection.ts'
import { type EnvironmentLogin, environmentLogin } from '#engine/connection/environment-login.ts'
import { connectLocal } from '#engine/connection/local.ts'
import { connectSsh } from '#engine/connection/ssh.ts'
import type { SshTarget } from '#engine/connection/target.ts'
import type { HostConnection } from '#engine/inventory/host.ts'
import type { InventoryHost } from '#engine/inventory/inventory.ts'
import { type SandboxHost, sandboxUp } from '#engine/sandbox/sandbox.ts'
import type { Secret } from '#engine/secret.ts'

export interface ReachOptions {
  readonly root: string
  readonly sudoPassword: Secret | undefined
  /** Brings up sandbox hosts that are down; false leaves the sandbox as it is. */
  readonly say: (line: string) => void
}

/** An inventory host and the way to it. */
export interface ReachableHost {
  readonly host: InventoryHost
  /** Set where it is one of the sandbox's. */
  readonly sandbox: SandboxHost | undefined
  connect(seconds?: number): Promise<Connection>
}

/** Gives each host its connection settings: starts sandbox hosts first, and contacts no other host. */
export async function reach(
  hosts: readonly InventoryHost[],
  options: ReachOptions,
): Promise<readonly ReachableHost[]> {
  const given = hosts.some(({ connection }) => connection.kind === 'ssh')
    ? environmentLogin(process.env)
    : undefined
  const sandboxed = await bringUp(hosts, options)
  return hosts.map(host => ({
    host,
    sandbox: sandboxed.get(host.name),
    connect: seconds => connect(host, sandboxed.get(host.name), options, given, seconds),
  }))
}

async function bringUp(
  hosts: readonly InventoryHost[],
  { root, say }: ReachOptions,
): Promise<ReadonlyMap<string, SandboxHost>> {
  const requests = hosts.flatMap(({ name, connection }) =>
    connection.kind === 'sandbox' ? [{ name, debian: connection.debian }] : [],
  )
  if (requests.length === 0) return new Map()
  const up = await sandboxUp(requests, { root, say })
  return new Map(up.map(host => [host.name, host]))
}

async function connect(
  host: InventoryHost,
  sandbox: SandboxHost | undefined,
  { sudoPassword }: ReachOptions,
  given: EnvironmentLogin | undefined,
  seconds: number | undefined,
): Promise<Connection> {
  const way: HostConnection = host.connection
  if (way.kind === 'local') {
    return connectLocal({ host: host.name, sudo: way.sudo === false ? 'no' : 'auto', sudoPassword })
  }
  return connectSsh({ ...sshTarget(host, sandbox, sudoPassword, given), limit: seconds })
}

/** The ssh settings of a host; throws if the host does not use ssh. */
export function sshTarget(
  host: InventoryHost,
  sandbox: SandboxHost | undefined,
  sudoPassword: Secret | undefined,
  given: EnvironmentLogin | undefined,
): SshTarget {
  const way: HostConnection = host.connection
  if (sandbox)
    return {
      host: host.name,
      address: sandbox.address,
      port: sandbox.port,
      user: sandbox.user,
      keyFile: sandbox.keyFile,
      knownHostsFile: sandbox.knownHostsFile,
      configFile: 'none',
      sudo: 'auto',
    }
  if (way.kind !== 'ssh') throw new Error(`${host.name} is no sandbox host that is up`)
  return {
    host: host.name,
    address: way.address,
    port: way.port,
    user: way.user,
    keyFile: way.key,
    key: given?.key,
    knownHostsFile: way.knownHosts,
    knownHosts: given?.knownHosts,
    hostKeyAlias: way.hostKeyAlias,
    configFile: way.config,
    sudo: way.sudo === false ? 'no' : 'auto',
    sudoPassword,
  }
}
