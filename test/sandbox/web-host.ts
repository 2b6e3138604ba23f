import { dirname } from 'node:path'
import { connectSsh } from '#engine/connection/ssh.ts'
import { convergeHost, type HostResult } from '#engine/converge/host.ts'
import type { Role } from '#engine/converge/role.ts'
import { typicalSite } from '#engine/converge/testing.ts'
import type { Event } from '#engine/output/events.ts'
import { type SandboxHost, sandboxDown, sandboxUp } from '#engine/sandbox/sandbox.ts'
import type { Site } from '#engine/vars.ts'

export interface Run extends HostResult {
  /** Labels of what changed, handlers included, in order. */
  readonly did: readonly string[]
}

export interface WebHost {
  readonly host: SandboxHost
  /** Brings the host to these roles, each with what the inventory would give it. */
  converge(roles: readonly (readonly [Role, unknown])[], site?: Partial<Site>): Promise<Run>
  /** The stdout of shell that runs on the host as root; throws when it fails. */
  sh(script: string): Promise<string>
  remove(): Promise<void>
}

export const site = typicalSite

const root = dirname(dirname(import.meta.dirname))

/** A sandbox host of this name, bare or as `image` was: one that is there already is taken down first. */
export async function webHost(name: string, debian: SandboxHost['debian'], image?: string): Promise<WebHost> {
  const quiet = { root, say: () => {} }
  await sandboxDown({ ...quiet, names: [name] }).catch(() => {})
  const [host] = await sandboxUp([{ name, debian, ...(image && { image }) }], quiet)
  if (host === undefined) throw new Error('no sandbox host')
  const { address, port, user, keyFile, knownHostsFile } = host
  const connect = () => connectSsh({ host: name, address, port, user, keyFile, knownHostsFile, sudo: 'auto' })
  const admin = await connect()
  return {
    host,
    async converge(roles, other = {}) {
      const ours = { ...site, ...other }
      const did: string[] = []
      const emit = (event: { readonly event: string; readonly resource?: string }) => {
        if (event.event === 'changed') did.push(event.resource ?? '')
      }
      const typed = roles.map(([role, given]) => ({ role, vars: [parsed(role, given, ours)] }))
      const result = await convergeHost(
        { identity: { name, groups: [] }, sites: [ours], roles: typed, connection: connect },
        {
          run: { runId: `test-${Date.now()}`, who: 'test@test', url: undefined },
          check: false,
          diff: false,
          emit: event => emit(event as Event),
        },
      )
      return { ...result, did }
    },
    async sh(script) {
      const { stdout, stderr, exitCode } = await admin.run(script, { deadline: 300 })
      if (exitCode !== 0) throw new Error(`ended with ${exitCode}: ${stderr.toString()}`)
      return stdout.toString()
    },
    async remove() {
      await admin.close()
      await sandboxDown({ ...quiet, names: [name] })
    },
  }
}

function parsed(role: Role, given: unknown, ours: Site): unknown {
  const result = role.vars.parse(given, ours)
  if (!result.ok) throw new Error(JSON.stringify(result.problems))
  return result.value
}
