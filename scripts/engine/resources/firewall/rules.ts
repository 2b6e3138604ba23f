import { isIP, isIPv6 } from 'node:net'
import { isLoopback, type Socket } from '../listens/sockets.ts'

/** The options of `firewall`, with all defaults. */
export interface Ruling {
  /** Ports of sshd. */
  readonly ssh: readonly number[]
  /** Networks that may reach them; empty: all. */
  readonly from: readonly string[]
  /** New connections to ssh that one source may make in a minute. */
  readonly rate: number
  readonly allow: readonly Allowed[]
  /** Further rules in nft's own language. */
  readonly rules: readonly string[]
}

/** A socket that a role declares. */
export interface OpenedSocket extends Socket {
  /** Networks that may reach it; empty: all. */
  readonly from: readonly string[]
  /** The role; empty in a file of an earlier version, which did not name it. */
  readonly role: string
}

/** Ports that are open beside those of `listens`, to some networks or to all. */
export interface Allowed {
  readonly tcp?: number | readonly number[] | undefined
  readonly udp?: number | readonly number[] | undefined
  readonly from?: readonly string[] | undefined
}

/** The text of /etc/nftables.conf. The table is replaced as a whole: other tables stay. Source: nft(8). */
export function rulesOf(ruling: Ruling, sockets: readonly OpenedSocket[]): string {
  const { ssh, from, rate, allow, rules } = ruling
  return `#!/usr/sbin/nft -f
# Managed by Capstan.
# open: ${recordOf(sockets)}
table inet capstan
delete table inet capstan
table inet capstan {
	set ssh_rate4 { type ipv4_addr; flags dynamic, timeout; size 65535; timeout 2m; }
	set ssh_rate6 { type ipv6_addr; flags dynamic, timeout; size 65535; timeout 2m; }
	set ssh_banned4 { type ipv4_addr; flags dynamic, timeout; size 65535; timeout 1m; }
	set ssh_banned6 { type ipv6_addr; flags dynamic, timeout; size 65535; timeout 1m; }
	chain input {
		type filter hook input priority filter; policy drop;
		iif lo accept
		ct state established,related accept
		ct state invalid drop
		icmp type { destination-unreachable, time-exceeded, parameter-problem } accept
		icmp type echo-request limit rate 50/second burst 100 packets accept
		icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem, nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, mld-listener-query, mld-listener-report } accept
		icmpv6 type echo-request limit rate 50/second burst 100 packets accept
		ip6 saddr fe80::/10 udp sport 547 udp dport 546 accept
		udp sport 67 udp dport 68 accept
${rules.map(rule => `\t\t${rule}\n`).join('')}${sources(from, `tcp dport ${set(ssh)}`)
  .map(match => `\t\t${match} jump ssh\n`)
  .join('')}${open(sockets)}${allow.flatMap(allowed).join('')}	}
	chain ssh {
		ip saddr @ssh_banned4 drop
		ip6 saddr & ffff:ffff:ffff:ffff:: @ssh_banned6 drop
		add @ssh_rate4 { ip saddr limit rate over ${rate}/minute burst ${rate} packets } add @ssh_banned4 { ip saddr } drop
		add @ssh_rate6 { ip6 saddr & ffff:ffff:ffff:ffff:: limit rate over ${rate}/minute burst ${rate} packets } add @ssh_banned6 { ip6 saddr & ffff:ffff:ffff:ffff:: } drop
		accept
	}
}
# Who connects to the ports of apps that listen on one: see the role app.
include "/run/capstan-ports*.nft"
`
}

/** The sockets that the rules of a file open, from its comment; none if Capstan did not write the file. */
export function openIn(text: string): readonly OpenedSocket[] {
  const [, line = ''] = /^# Managed by Capstan\.\n# open: (.*)$/m.exec(text) ?? []
  return line.split(', ').flatMap(socket => {
    const [, protocol, port, address = '', networks, role = ''] =
      /^(tcp|udp) (\d+) on (\S+)(?: from (.+?))?(?: by (\S+))?$/.exec(socket) ?? []
    if (protocol !== 'tcp' && protocol !== 'udp') return []
    return [{ protocol, port: Number(port), address, from: networks?.split(' ') ?? [], role }]
  })
}

/** Those that other hosts can reach, each once, sorted. */
function reachable(sockets: readonly OpenedSocket[]): readonly OpenedSocket[] {
  return sorted(sockets, nameOf)
}

/** `tcp 443 on 0.0.0.0, tcp 3306 on 10.0.0.5 from 10.0.0.7 10.0.0.8`. */
export function inWords(sockets: readonly OpenedSocket[]): string {
  return reachable(sockets).map(nameOf).join(', ') || 'nothing'
}

/** Throws RangeError unless it is an address or a network: `10.0.0.0/8`, `2001:db8::/32`. */
export function checkedNetwork(network: string): void {
  const [address = '', bits, ...rest] = network.split('/')
  const most = isIPv6(address) ? 128 : 32
  if (
    isIP(address) === 0 ||
    rest.length > 0 ||
    (bits !== undefined && !(/^\d+$/.test(bits) && Number(bits) <= most))
  )
    throw new RangeError(`expected a network such as 10.0.0.0/8, got ${JSON.stringify(network)}`)
}

function nameOf({ protocol, port, address, from }: OpenedSocket): string {
  return `${protocol} ${port} on ${address}${from.length > 0 ? ` from ${from.join(' ')}` : ''}`
}

/** As `inWords`, with the role of each, for `openIn`: `tcp 443 on 0.0.0.0 by nginx`. */
function recordOf(sockets: readonly OpenedSocket[]): string {
  const record = (one: OpenedSocket) => `${nameOf(one)}${one.role === '' ? '' : ` by ${one.role}`}`
  return sorted(sockets, record).map(record).join(', ') || 'nothing'
}

function sorted(
  sockets: readonly OpenedSocket[],
  name: (socket: OpenedSocket) => string,
): readonly OpenedSocket[] {
  const all = sockets.filter(({ address }) => !isLoopback(address))
  const byName = new Map(all.map(one => [name(one), one]))
  return [...byName.keys()].sort().flatMap(key => byName.get(key) ?? [])
}

function open(sockets: readonly OpenedSocket[]): string {
  const groups = new Map<string, number[]>()
  for (const { protocol, port, address, from } of reachable(sockets)) {
    const networks = from.filter(network => address === 'any' || isIPv6(address) === network.includes(':'))
    // No network of the other family reaches this address.
    if (from.length > 0 && networks.length === 0) continue
    for (const match of sources(networks, [at(address), protocol, 'dport'].filter(Boolean).join(' ')))
      groups.set(match, [...(groups.get(match) ?? []), port])
  }
  return [...groups].map(([match, ports]) => `\t\t${match} ${set(ports)} accept\n`).join('')
}

function at(address: string): string {
  if (address === '0.0.0.0') return 'meta nfproto ipv4'
  if (address === '::') return 'meta nfproto ipv6'
  return address === 'any' ? '' : `${isIPv6(address) ? 'ip6' : 'ip'} daddr ${address}`
}

function allowed({ tcp = [], udp = [], from = [] }: Allowed): readonly string[] {
  const ports = { tcp: [tcp].flat(), udp: [udp].flat() }
  return Object.entries(ports).flatMap(([protocol, all]) =>
    all.length === 0
      ? []
      : sources(from, `${protocol} dport ${set(all)}`).map(match => `\t\t${match} accept\n`),
  )
}

function sources(from: readonly string[], match: string): readonly string[] {
  if (from.length === 0) return [match]
  const six = from.filter(network => network.includes(':'))
  const four = from.filter(network => !network.includes(':'))
  return [
    ...(four.length > 0 ? [`ip saddr { ${four.join(', ')} } ${match}`] : []),
    ...(six.length > 0 ? [`ip6 saddr { ${six.join(', ')} } ${match}`] : []),
  ]
}

function set(ports: readonly number[]): string {
  return ports.length === 1 ? String(ports[0]) : `{ ${[...new Set(ports)].sort((a, b) => a - b).join(', ')} }`
}
