import { isIPv6 } from 'node:net'
import { type HostSockets, isLoopback, type OpenSocket, type Socket } from './sockets.ts'

/** What one declaration wants of a unit. */
export interface WantedSockets {
  /** `mariadb.service` */
  readonly unit: string
  readonly sockets: readonly Socket[]
  /** A restart of the unit is tried where it listens on something else. */
  readonly restart: boolean
  /** Networks that the firewall accepts; empty: all. */
  readonly from: readonly string[]
}

/** Sockets of this declaration that its unit does not have, at addresses that the host does have. */
export function missing(
  { unit, sockets }: WantedSockets,
  host: HostSockets,
  declared: readonly WantedSockets[],
): readonly Socket[] {
  const own = host.open.filter(socket => isOf(socket, unit, host, declared))
  return sockets.filter(
    socket =>
      !host.absent.includes(socket.address) &&
      !own.some(one => isSamePort(one, socket) && covers(one.address, socket.address)),
  )
}

/** Whether all addresses of a socket are declared for its unit. */
export function permits(declared: readonly WantedSockets[], unit: string, socket: Socket): boolean {
  const sockets = declared.filter(one => one.unit === unit).flatMap(one => one.sockets)
  const at = sockets.filter(one => isSamePort(one, socket)).map(({ address }) => address)
  const addresses = socket.address === 'any' ? ['0.0.0.0', '::'] : [socket.address]
  return addresses.every(address => at.some(one => covers(one, address)))
}

/**
 * Whether others reach it and it is meant to be reached: UDP has no state for a server, and the sockets that PowerDNS
 * sends from have any port above those of servers.
 */
export function isManaged({ protocol, address, port }: Socket): boolean {
  return !isLoopback(address) && (protocol === 'tcp' || port < 1024)
}

/** Whether a socket belongs to a unit. One whose process can't be seen is taken for the one that declares its port. */
export function isOf(
  socket: OpenSocket,
  unit: string,
  host: HostSockets,
  declared: readonly WantedSockets[],
): boolean {
  if (socket.unit === 'init.scope')
    return host.units.some(
      one => one.isActive && one.triggers.includes(unit) && one.sockets.some(at => isSame(at, socket)),
    )
  if (socket.unit !== '' || socket.process !== '') return socket.unit === unit
  return declared.some(one => one.unit === unit && one.sockets.some(at => isSamePort(at, socket)))
}

/** What listens for others, now or after the next boot, and is of no unit that a role declares; ssh is the way in. */
export function unmanaged(
  host: HostSockets,
  declared: readonly WantedSockets[],
): readonly { readonly socket: Socket; readonly by: string }[] {
  const units = new Set(declared.map(({ unit }) => unit))
  const open = host.open
    .filter(
      socket =>
        isForOthers(socket, host) &&
        !isSsh(socket, host) &&
        ![...units].some(unit => isOf(socket, unit, host, declared)),
    )
    .map(socket => ({ socket, by: socketUnit(socket, host) ?? named(socket) }))
  const later = host.units
    .filter(
      ({ isActive, startsAtBoot, name, triggers }) =>
        startsAtBoot && !isActive && !sshUnit.test(name) && !triggers.some(unit => units.has(unit)),
    )
    .flatMap(({ name, sockets }) =>
      sockets
        .filter(socket => isForOthers(socket, host))
        .map(socket => ({ socket, by: `${name}, after the next boot` })),
    )
  return [...open, ...later]
}

const sshUnit = /^sshd?(@.*)?\.(service|socket)$/

function isSsh(socket: OpenSocket, host: HostSockets): boolean {
  return socket.process === 'sshd' || sshUnit.test(socketUnit(socket, host) ?? socket.unit)
}

// What asks a DHCP server for the host's address has a port of a server: 68, 546 with IPv6.
function isForOthers({ protocol, address, port }: Socket, { clients: [first, last] }: HostSockets): boolean {
  if (isLoopback(address)) return false
  return protocol === 'tcp' || !(port === 68 || port === 546 || (port >= first && port <= last))
}

function socketUnit(socket: OpenSocket, { units }: HostSockets): string | undefined {
  if (socket.unit !== 'init.scope') return undefined
  return units.find(unit => unit.isActive && unit.sockets.some(at => isSame(at, socket)))?.name
}

function named({ process, unit }: OpenSocket): string {
  return [process, unit].filter(Boolean).join(', ') || 'the kernel, or a process that can’t be seen'
}

function isSame(one: Socket, other: Socket): boolean {
  return isSamePort(one, other) && one.address === other.address
}

/** Whether two sockets have one port of one protocol. */
export function isSamePort(one: Socket, other: Socket): boolean {
  return one.protocol === other.protocol && one.port === other.port
}

/** Whether who listens at `address` is reached at `wanted`. */
function covers(address: string, wanted: string): boolean {
  if (address === wanted || address === 'any') return true
  return address === (isIPv6(wanted) ? '::' : '0.0.0.0')
}
