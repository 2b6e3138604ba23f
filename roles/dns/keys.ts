import { readFileSync } from 'node:fs'
import type { SiteTasks } from '#engine/converge/role.ts'
import { HostError, UsageError } from '#engine/errors.ts'
import { answeredSerial, raisedSerial } from '#engine/resources/zone-serial.ts'
import type { Host } from '#engine/script/host.ts'
import { signedReader } from './signing.ts'
import type { DnsVars } from './vars.ts'
import { type HostZone, zonesOf } from './zones.ts'

/** A host of a script, and its sites with their vars of the role. */
export interface DnsHost {
  readonly host: Host
  readonly sites: readonly SiteTasks<DnsVars>[]
}

export interface RollOptions {
  /** False: the parent needs no DS record at the start, and the old key goes without a day's wait. Default: true. */
  readonly wait?: boolean
}

/** The names of the zones that a host signs, by the inventory. */
export function signedZones({ sites }: DnsHost): readonly string[] {
  return served(sites).flatMap(({ served: { isSigned, name } }) => (isSigned ? [name] : []))
}

/**
 * The keys of signed zones as text for people: each with its DS record, and the next step of each zone; without `zones`, of
 * all. Also names zones that have keys on the host and are not declared. Throws HostError `dnssec`.
 */
export function showKeys(host: DnsHost, zones = signedZones(host)): Promise<string> {
  return program(host, ['keys', 'yes'], zones)
}

/**
 * Does the next step of a key's replacement, and gives what it did and what comes next. Throws HostError `dnssec` where the
 * parent is not ready for it, and UsageError where the host does not sign the zone.
 */
export function rollKey(host: DnsHost, zone: string, { wait = true }: RollOptions = {}): Promise<string> {
  return program(host, ['roll', wait ? 'yes' : 'no'], [zone])
}

async function program(
  { host, sites }: DnsHost,
  [command, wait]: readonly ['keys' | 'roll', 'yes' | 'no'],
  zones: readonly string[],
): Promise<string> {
  const declared = signedZones({ host, sites })
  const [other] = zones.filter(zone => !declared.includes(zone))
  if (other !== undefined)
    throw new UsageError('usage', `${host.name}: ${other} is not a signed zone of this host`, {
      hint: `It signs: ${declared.join(', ') || 'none'}. docs/dns.md shows how a zone is signed.`,
    })
  const { at = '127.0.0.1', notifies = false } = served(sites)[0]?.served ?? {}
  const args = [command, wait, at, notifies ? 'yes' : '', declared.join(' '), ...zones]
  const run = host.$({ input: source, nothrow: true, readOnly: command === 'keys' })
  const { exitCode, stdout, stderr } = await run`perl - ${args}`
  if (exitCode === 0) return stdout.trimEnd()
  const lines = stderr.replaceAll('HOST', host.name).split('\n').filter(Boolean)
  const hints = lines.flatMap(line => (line.startsWith('next: ') ? [line.slice(6)] : []))
  const [message = `the program for keys exited with ${exitCode}`, ...more] = lines.filter(
    line => !line.startsWith('next: '),
  )
  throw new HostError('dnssec', `${host.name}: ${message}`, {
    lines: [...stdout.split('\n').filter(Boolean), ...more],
    ...(hints.length > 0 && { hint: hints.join('; ') }),
  })
}

// Where the server listens is a var of the host: it always does on loopback, unless `listen` has other addresses.
function served(sites: DnsHost['sites']): readonly HostZone[] {
  const listen = sites[0]?.vars.listen ?? ['127.0.0.1']
  return zonesOf({ sites, listen, address: '' })
}

const source = `${signedReader}${answeredSerial}${raisedSerial}${readFileSync(new URL('keys.pl', import.meta.url), 'utf8')}`
