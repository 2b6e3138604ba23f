import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { connectSsh } from '#engine/connection/ssh.ts'
import { converge } from '#engine/converge/converge.ts'
import type { Role } from '#engine/converge/role.ts'
import type { Event, HostRecap } from '#engine/output/events.ts'
import { type SandboxHost, sandboxDown, sandboxUp } from '#engine/sandbox/sandbox.ts'
import dns from '#roles/dns/role.ts'
import nginx from '#roles/nginx/role.ts'
import siteVars from '#roles/site.ts'
import tls from '#roles/tls/role.ts'
import { kept } from '../sandbox/kept.ts'

export interface Run extends HostRecap {
  readonly exitCode: number
  /** Labels of what changed, handlers included, in order. */
  readonly did: readonly string[]
  /** The error's message, lines and hint; empty when there was none. */
  readonly args: string
}

/** What a client on this machine that trusts only `ca` finds on the host's port 443. */
export interface Served {
  readonly trusted: boolean
  readonly serial: string
  readonly issuer: string
}

export interface Options {
  readonly site?: unknown
  readonly before?: readonly Role[]
  /** Vars of those roles, by their names. */
  readonly vars?: Readonly<Record<string, unknown>>
}

export interface TlsHost {
  /** Brings the host to the tls role with these vars; `before` are roles that come first. */
  converge(given?: unknown, options?: Options): Promise<Run>
  /** The stdout of shell that runs on the host as root, trimmed; throws when it fails. */
  sh(script: string): Promise<string>
  /** Starts the test CA, with accounts and orders forgotten. */
  pebble(refusedNonces?: number): Promise<void>
  serves(ca: string, name?: string): Promise<Served>
  remove(): Promise<void>
}

export { dns, nginx }

const root = dirname(dirname(import.meta.dirname))
const pebbleScript = readFileSync(new URL('pebble.sh', import.meta.url), 'utf8')

/** A sandbox host with names, a web server and a certificate made there, bare else: one that is there already is taken down first. */
export async function tlsHost(debian: SandboxHost['debian']): Promise<TlsHost> {
  const name = `tls${debian}`
  const quiet = { root, say: () => {} }
  const down = () => sandboxDown({ ...quiet, names: [name] })
  await down().catch(() => {})
  const [host] = await sandboxUp([{ name, debian, image: await kept('names', debian) }], quiet)
  if (host === undefined) throw new Error('no sandbox host')
  const { address, port, user, keyFile, knownHostsFile } = host
  const connect = () => connectSsh({ host: name, address, port, user, keyFile, knownHostsFile, sudo: 'auto' })
  const admin = await connect()
  const sh = async (script: string) => {
    const { stdout, stderr, exitCode } = await admin.run(script, { deadline: 300 })
    if (exitCode !== 0) throw new Error(`ended with ${exitCode}: ${stderr.toString()}\n${script}`)
    return stdout.toString().trim()
  }

  return {
    sh,
    async converge(given = {}, { site: siteGiven = {}, before = [], vars = {} } = {}) {
      const site = siteVars.parse(siteGiven)
      if (!site.ok) throw new Error(JSON.stringify(site.problems))
      const roles = [...before, tls].map(role => {
        const parsed = role.vars.parse(role === tls ? given : (vars[role.name] ?? {}), site.value)
        if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems))
        return { role, vars: [parsed.value] }
      })
      const events: Event[] = []
      const { hosts, exitCode } = await converge(
        [{ identity: { name, groups: [] }, sites: [site.value], roles, connection: connect }],
        {
          run: { runId: `test-${Date.now()}`, who: 'test@test', url: undefined },
          check: false,
          diff: false,
          forks: 1,
          emit: event => events.push(event),
        },
      )
      const recap = hosts[name]
      if (!recap) throw new Error('no recap')
      return {
        ...recap,
        exitCode,
        did: events.flatMap(event => (event.event === 'changed' ? [event.resource] : [])),
        args: events.flatMap(event => (event.event === 'failed' ? wordsOf(event.error) : [])).join('\n'),
      }
    },
    pebble: async (refusedNonces = 0) => {
      await sh(`set -- ${refusedNonces}\n${pebbleScript}`)
    },
    serves: (ca, servername = 'www.foobar.com') => served(host.ports.https, ca, servername),
    async remove() {
      await admin.close()
      await down()
    },
  }
}

function wordsOf(error: {
  message: string
  lines: readonly string[]
  hint?: string | undefined
}): readonly string[] {
  return [error.message, ...error.lines, error.hint ?? '']
}

function served(port: number, ca: string, servername: string): Promise<Served> {
  return new Promise((settle, reject) => {
    const options = { host: '127.0.0.1', port, servername, ca, rejectUnauthorized: false, timeout: 10_000 }
    const socket = connectTls(options, () => {
      const { serialNumber, issuer } = socket.getPeerCertificate()
      settle({ trusted: socket.authorized, serial: serialNumber, issuer: String(issuer.CN) })
      socket.end()
    })
    socket.once('error', reject)
    socket.once('timeout', () => socket.destroy(new Error('no answer on the TLS port')))
  })
}
