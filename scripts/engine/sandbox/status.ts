import { realpathSync } from 'node:fs'
import { type ContainerState, containersOf } from './container.ts'
import { presentEngine } from './engine.ts'
import { describeHost, type SandboxHost, type SandboxOptions } from './host.ts'
import { type HostState, readState } from './state.ts'

export interface SandboxHostStatus extends SandboxHost {
  /** `absent`: recorded, but its container is gone. */
  readonly state: ContainerState | 'absent'
}

/** The clone's hosts, recorded or found, sorted by name. */
export async function sandboxStatus(options: SandboxOptions): Promise<readonly SandboxHostStatus[]> {
  const root = realpathSync(options.root)
  const recorded = readState(root)
  const engine = await presentEngine(recorded?.engine)
  const found = engine === undefined ? [] : await containersOf(engine, root)
  const hosts: Record<string, HostState> = { ...recorded?.hosts }
  for (const { host, debian, ip, ports } of found) hosts[host] ??= { debian, ip, ports, ready: false }
  const sorted = Object.entries(hosts).sort(([a], [b]) => a.localeCompare(b))
  return sorted.map(([name, host]) => ({
    ...describeHost(root, name, host),
    state: found.find(each => each.host === name)?.state ?? 'absent',
  }))
}
