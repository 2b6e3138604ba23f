import { readFileSync } from 'node:fs'
import { isIP, isIPv6 } from 'node:net'
import { quote } from '#engine/quote.ts'
import { here } from '../shell.ts'

export type Protocol = 'tcp' | 'udp'

/** Where something listens. The address is `0.0.0.0` for all of IPv4, `::` for all of IPv6, `any` for both in one socket. */
export interface Socket {
  readonly protocol: Protocol
  readonly address: string
  readonly port: number
}

/** A socket that the kernel has. */
export interface OpenSocket extends Socket {
  /** `nginx`; empty where the process can't be seen. */
  readonly process: string
  /** `nginx.service`, `init.scope` for those of socket units; empty: the process of a user, or one that can't be seen. */
  readonly unit: string
}

/** A unit that opens sockets for a service: `mariadb.socket`. */
export interface SocketUnit {
  readonly name: string
  /** What it starts: `mariadb.service`. */
  readonly triggers: readonly string[]
  readonly isActive: boolean
  /** Something that starts with the host starts it. */
  readonly startsAtBoot: boolean
  readonly sockets: readonly Socket[]
}

/** What a host listens on, now and after its next boot. */
export interface HostSockets {
  readonly open: readonly OpenSocket[]
  readonly units: readonly SocketUnit[]
  /** Addresses of those asked for that the host does not have. */
  readonly absent: readonly string[]
  /** Ports that the kernel gives to clients, first and last. */
  readonly clients: readonly [first: number, last: number]
}

/** Shell that prints what `parseSockets` reads, with those of `addresses` that the host does not have. Two processes. */
export function socketsScript(addresses: readonly string[]): string {
  return here(`perl -e ${quote(reader)}`, addresses.map(hex).join('\0'))
}

/** Throws when the output is not that of `socketsScript`. */
export function parseSockets(output: Buffer): HostSockets {
  const { records, rest } = readRecords(output.toString('utf8').split('\0'))
  const all = (what: string) => records.filter(([first]) => first === what).map(([, ...values]) => values)
  const [[first, last] = []] = all('clients')
  return {
    open: all('socket').map(([protocol, address = '', port, process = '', unit = '']) => ({
      protocol: protocol === 'udp' ? 'udp' : 'tcp',
      address: address === 'any' ? address : fromHex(address),
      port: Number(port),
      process,
      unit,
    })),
    units: readUnits(rest),
    absent: all('absent').map(([address = '']) => fromHex(address)),
    clients: [Number(first), Number(last)],
  }
}

/** The one way in which an address is written here: `2001:DB8:0::1` → `2001:db8::1`. Throws on what is none. */
export function canonical(address: string): string {
  if (isIP(address) === 0) throw new RangeError(`expected an IP address, got ${JSON.stringify(address)}`)
  return isIPv6(address) ? new URL(`http://[${address}]`).hostname.slice(1, -1) : address
}

/** Whether only the host itself reaches it there. */
export function isLoopback(address: string): boolean {
  return address === '::1' || /^(::ffff:)?127\./.test(address) || address.startsWith('::ffff:7f')
}

/** The shell function `listens_only PORT ADDRESS…`, addresses in hex: fails, saying what does, where tcp of this port listens elsewhere. */
export const listensOnly = `listens_only() { perl -e ${quote(`${read('sockets.pl')}${read('only.pl')}`)} -- "$@"; }\n`

/** The bytes of an address, as the kernel has them: `7f000001`. */
export function hex(address: string): string {
  const bytes = isIPv6(address)
    ? groupsOf(address).flatMap(group => [group >> 8, group & 255])
    : address.split('.').map(Number)
  return Buffer.from(bytes).toString('hex')
}

/** Perl's `listening`, which gives the sockets of the host; for a program of one's own. */
export const socketsReader = read('sockets.pl')

const reader = socketsReader + read('listens.pl')

// A record's fields follow their number; an empty number ends the list.
function readRecords(fields: readonly string[]) {
  const records: (readonly string[])[] = []
  for (let at = 0; fields[at] !== ''; ) {
    const count = Number(fields[at])
    if (!(count > 0)) throw new Error(`a list of sockets has ${fields[at]} for a number of fields`)
    records.push(fields.slice(at + 1, at + 1 + count))
    at += count + 1
    if (at >= fields.length) throw new Error('a list of sockets has no end')
  }
  return { records, rest: fields[records.reduce((sum, { length }) => sum + length + 1, 1)] ?? '' }
}

// A unit that was asked for by its name is shown twice. Source: systemctl(1), show; systemd.socket(5).
function readUnits(text: string): readonly SocketUnit[] {
  const blocks = text.split('\n\n').map(block => block.trim().split('\n'))
  const units = blocks.map(lines => {
    const all = (key: string) =>
      lines.flatMap(line => (line.startsWith(`${key}=`) ? [line.slice(key.length + 1)] : []))
    const one = (key: string) => all(key)[0] ?? ''
    return {
      name: one('Id'),
      triggers: one('Triggers').split(' ').filter(Boolean),
      isActive: one('ActiveState') === 'active',
      startsAtBoot: one('UnitFileState') === 'enabled' || one('WantedBy') !== '' || one('RequiredBy') !== '',
      sockets: all('Listen').flatMap(line => listenOf(line, one('BindIPv6Only') === 'ipv6-only')),
    }
  })
  return [...new Map(units.map(unit => [unit.name, unit])).values()].filter(unit => unit.sockets.length > 0)
}

// `[::]:3306 (Stream)`; what is no address of IP is a path, a name, netlink …
function listenOf(line: string, six: boolean): readonly Socket[] {
  const [, inBrackets, plain, port, type] =
    /^(?:\[([0-9a-f:.]+)(?:%[^\]]*)?\]|([\d.]+)):(\d+) \((Stream|Datagram)\)$/.exec(line) ?? []
  const address = inBrackets ?? plain
  if (address === undefined || isIP(address) === 0) return []
  const protocol = type === 'Stream' ? 'tcp' : 'udp'
  const at = canonical(address)
  return [{ protocol, address: at === '::' && !six ? 'any' : at, port: Number(port) }]
}

function fromHex(text: string): string {
  const bytes = [...Buffer.from(text, 'hex')]
  if (bytes.length === 4) return bytes.join('.')
  return canonical(text.replace(/.{4}(?!$)/g, '$&:'))
}

function groupsOf(address: string): readonly number[] {
  const [before = '', after] = canonical(address).split('::')
  const [head, tail] = [before, after ?? ''].map(part =>
    part
      .split(':')
      .filter(Boolean)
      .map(group => Number.parseInt(group, 16)),
  )
  const zeros = Array.from({ length: 8 - (head?.length ?? 0) - (tail?.length ?? 0) }, () => 0)
  return [...(head ?? []), ...zeros, ...(tail ?? [])]
}

function read(name: string): string {
  return readFileSync(new URL(name, import.meta.url), 'utf8')
}
