import { createHash } from 'node:crypto'
import { UsageError } from '../errors.ts'

/** The ports of this machine's 127.0.0.1 that lead to a host's 22, 80, 443 and 53 (tcp and udp). */
export interface HostPorts {
  readonly ssh: number
  readonly http: number
  readonly https: number
  readonly dns: number
}

/** Eight hex digits for a clone, from its absolute path: part of the name of all that belongs to it. */
export function cloneId(root: string): string {
  return createHash('sha256').update(root).digest('hex').slice(0, 8)
}

/** `web1` → `capstan-1f2e3d4c-web1`. */
export function containerName(root: string, host: string): string {
  return `capstan-${cloneId(root)}-${host}`
}

/** `capstan-1f2e3d4c`. */
export function networkName(root: string): string {
  return `capstan-${cloneId(root)}`
}

/** Throws UsageError on a name that cannot be a host's: it becomes its hostname and part of file names. */
export function checkHostName(name: string): void {
  if (/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name)) return
  throw new UsageError(
    'sandbox-name',
    `sandbox host: expected a name like web1, got ${JSON.stringify(name)}`,
    {
      hint: 'Use lowercase letters, digits and inner hyphens, at most 63.',
    },
  )
}

/**
 * The ports that a host would like, best first. They follow from the clone and the name alone, so that a host
 * comes back on the same ones; the next set is for when one is taken. All lie below the ephemeral range.
 */
export function portChoices(root: string, host: string): readonly HostPorts[] {
  const slots = 2400
  const first = number(`${root}\0${host}`) % slots
  return Array.from({ length: 100 }, (_, step) => portsAt(20_000 + ((first + step * 7) % slots) * 5))
}

/** The four ports of a host, counted from its ssh port. */
export function portsAt(ssh: number): HostPorts {
  return { ssh, http: ssh + 1, https: ssh + 2, dns: ssh + 3 }
}

/** The /24 networks that a clone would like, as `10.141.7`, best first. `taken` holds subnets as `10.0.0.0/8`. */
export function subnetChoices(root: string, taken: readonly string[]): readonly string[] {
  const first = number(root)
  return Array.from({ length: 200 }, (_, step) => (first + step * 251) % (100 * 256))
    .map(slot => `10.${100 + Math.floor(slot / 256)}.${slot % 256}`)
    .filter(prefix => !taken.some(subnet => overlaps(`${prefix}.0/24`, subnet)))
}

/** A host's address in the clone's network: by its name, or the next that no other host has. */
export function addressIn(prefix: string, host: string, taken: readonly string[]): string {
  const first = number(host) % 240
  const free = Array.from({ length: 240 }, (_, step) => `${prefix}.${10 + ((first + step) % 240)}`)
  const address = free.find(candidate => !taken.includes(candidate))
  if (address === undefined) throw new UsageError('sandbox-full', 'sandbox: a clone has 240 hosts at most')
  return address
}

/**
 * A host's hardware address, `02:…` (locally administered). It stays, as the address does: a new one behind the
 * same address is not found until the machine's ARP entry has aged, which takes 40 s.
 */
export function hardwareAddress(root: string, host: string): string {
  const bytes = createHash('sha256').update(`mac\0${root}\0${host}`).digest().subarray(0, 5)
  return ['02', ...Array.from(bytes, byte => byte.toString(16).padStart(2, '0'))].join(':')
}

/** Whether two IPv4 subnets, as `10.1.2.0/24`, share an address. */
export function overlaps(one: string, other: string): boolean {
  const [a, b] = [parseSubnet(one), parseSubnet(other)]
  const bits = Math.min(a.bits, b.bits)
  const size = 2 ** (32 - bits)
  return Math.floor(a.base / size) === Math.floor(b.base / size)
}

function parseSubnet(subnet: string): { readonly base: number; readonly bits: number } {
  const [address = '', bits = '32'] = subnet.split('/')
  return { base: address.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0), bits: Number(bits) }
}

function number(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE(0)
}
