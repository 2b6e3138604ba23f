import { Resolver } from 'node:dns/promises'
import { dirname } from 'node:path'
import type { Connection } from '#engine/connection/connection.ts'
import { connectSsh } from '#engine/connection/ssh.ts'
import { convergeHost, type HostResult } from '#engine/converge/host.ts'
import { typicalSite } from '#engine/converge/testing.ts'
import type { Event } from '#engine/output/events.ts'
import { type SandboxHost, sandboxDown, sandboxUp } from '#engine/sandbox/sandbox.ts'
import type { Site } from '#engine/vars.ts'
import dns from '#roles/dns/role.ts'
import vars from '#roles/dns/vars.ts'

export interface Run extends HostResult {
  /** Labels of what changed, handlers included, in order. */
  readonly did: readonly string[]
}

export interface DnsHost {
  readonly host: SandboxHost
  /** Brings the host to the dns role with these vars. */
  converge(given?: unknown, site?: Partial<Site>): Promise<Run>
  /** The stdout of shell that runs on the host as root; throws when it fails. */
  sh(script: string): Promise<string>
  /** The zone's file. */
  file(): Promise<string>
  /** The serial that the server answers over the published port. */
  serial(): Promise<number>
  readonly resolver: Resolver
  remove(): Promise<void>
}

const root = dirname(dirname(import.meta.dirname))
/** A bare sandbox host: one that is there already is taken down first. */
export async function dnsHost(debian: SandboxHost['debian']): Promise<DnsHost> {
  const name = `dns${debian}`
  const quiet = { root, say: () => {} }
  await sandboxDown({ ...quiet, names: [name] }).catch(() => {})
  const [host] = await sandboxUp([{ name, debian }], quiet)
  if (host === undefined) throw new Error('no sandbox host')
  const { address, port, user, keyFile, knownHostsFile } = host
  const connect = () => connectSsh({ host: name, address, port, user, keyFile, knownHostsFile, sudo: 'auto' })
  const admin = await connect()
  const resolver = new Resolver({ timeout: 2000, tries: 2 })
  resolver.setServers([`127.0.0.1:${host.ports.dns}`])
  const sh = (script: string) => output(admin, script)
  return {
    host,
    resolver,
    sh,
    converge: (given = {}, site = {}) => converge(name, connect, given, { ...typicalSite, ...site }),
    file: () => sh('cat /etc/powerdns/zones/foobar.com.zone'),
    serial: async () => (await resolver.resolveSoa('foobar.com')).serial,
    async remove() {
      await admin.close()
      await sandboxDown({ ...quiet, names: [name] })
    },
  }
}

async function converge(
  name: string,
  connect: () => Promise<Connection>,
  given: unknown,
  site: Site,
): Promise<Run> {
  const parsed = vars.parse(given, site)
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems))
  const did: string[] = []
  const emit = (event: Event) => {
    if (event.event === 'changed') did.push(event.resource)
  }
  const result = await convergeHost(
    {
      identity: { name, groups: [] },
      sites: [site],
      roles: [{ role: dns, vars: [parsed.value] }],
      connection: connect,
    },
    {
      run: { runId: `test-${Date.now()}`, who: 'test@test', url: undefined },
      check: false,
      diff: false,
      emit: event => emit(event as Event),
    },
  )
  return { ...result, did }
}

async function output(connection: Connection, script: string): Promise<string> {
  const { stdout, stderr, exitCode } = await connection.run(script, { deadline: 60 })
  if (exitCode !== 0) throw new Error(`ended with ${exitCode}: ${stderr.toString()}`)
  return stdout.toString()
}
