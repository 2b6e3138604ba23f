import type { DebianRelease } from '#engine/systems.ts'
import { knownHostsFile, loginKey } from './keys.ts'
import type { HostState } from './state.ts'

export interface SandboxRequest {
  readonly name: string
  readonly debian: DebianRelease
  /** What it is made of where it is not there yet: an image that `sandboxKeep` made; absent: bare Debian. */
  readonly image?: string
}

/** A host of the sandbox and how it is reached: ssh to `address`:`port` as `user`, its other ports beside it. */
export interface SandboxHost extends Omit<SandboxRequest, 'image'> {
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

/** What is recorded of a host, as its callers need it. */
export function describeHost(root: string, name: string, host: HostState): SandboxHost {
  const { ssh, ...ports } = host.ports
  return {
    ...{ name, debian: host.debian, address: '127.0.0.1', port: ssh, user: 'root' },
    ...{ keyFile: loginKey(root), knownHostsFile: knownHostsFile(root), ip: host.ip, ports },
  }
}
