import type { Difference } from '#engine/output/events.ts'
import { quote, quoteAll } from '#engine/quote.ts'
import { checkedNetwork } from '../firewall/rules.ts'
import { type Declare, type DeclareOptions, type Kind, known } from '../resource.ts'
import { unitName } from '../service.ts'
import { isManaged, isOf, isSamePort, missing, permits, unmanaged, type WantedSockets } from './owner.ts'
import { canonical, type HostSockets, parseSockets, type Socket, socketsScript } from './sockets.ts'

export interface ListensOptions extends DeclareOptions {
  /** Ports. */
  readonly tcp?: number | readonly number[]
  readonly udp?: number | readonly number[]
  /** Addresses, the same for all ports; absent: all of the host, IPv4 and IPv6. */
  readonly at?: readonly string[]
  /** A restart of the unit is tried where it listens on something else: it reads addresses only when it starts. */
  readonly restart?: boolean
  /** Addresses and networks that the firewall of the role `base` accepts; absent: all. */
  readonly from?: readonly string[]
}

interface FoundSockets {
  readonly host: HostSockets
  /** All that is declared for the host, this among it. */
  readonly declared: readonly WantedSockets[]
  /** It reports the sockets of its unit that are not declared. */
  readonly isFirst: boolean
  /** It reports the sockets that no role declares, in a run of all roles of the host. */
  readonly reportsOthers: boolean
}

/** The sockets that a service listens on, now and after the next boot: those that are declared, and no others. */
export const listensKind: Kind<WantedSockets, FoundSockets> = {
  noun: 'listens',
  tries: 1,

  probe(items, { partial = false }) {
    const addresses = items.flatMap(({ sockets }) => sockets.map(({ address }) => address))
    return `echo ${partial ? 'some' : 'all'}\n${socketsScript([...new Set(addresses)])}`
  },

  parse(output, items) {
    const line = output.indexOf('\n')
    const host = parseSockets(output.subarray(line + 1))
    const reportsOthers = output.toString('latin1', 0, line) === 'all'
    return items.map((item, index) => {
      const isFirst = items.findIndex(({ unit }) => unit === item.unit) === index
      return known({ host, declared: items, isFirst, reportsOthers: reportsOthers && index === 0 })
    })
  },

  diff(wanted, found) {
    const surplus = found.isFirst ? surplusOf(wanted, found) : { open: [], units: [] }
    const keys = [...missing(wanted, found.host, found.declared), ...surplus.open].map(keyOf)
    const later = surplus.units.flatMap(unit => unit.sockets.map(socket => ({ unit, socket })))
    return [
      ...[...new Set(keys)].map(key => differenceOf(key, wanted, found)),
      ...later.map(
        ({ unit, socket }): Difference => ({
          what: `${keyOf(socket)} after the next boot`,
          found: `${inWords([socket])} (${unit.name})`,
          wanted: wantedAt(keyOf(socket), wanted, found),
        }),
      ),
    ]
  },

  apply(wanted, found) {
    const { units } = surplusOf(wanted, found)
    const stop =
      units.length === 0 ? '' : `systemctl disable -q --now -- ${quoteAll(units.map(({ name }) => name))}\n`
    // What a socket unit opened, its service keeps until it ends.
    if (stop !== '' || wanted.restart)
      return `${stop}unit_restart ${quote(wanted.unit)}
`
    const lines = listensKind
      .diff(wanted, found)
      .map(one => `${one.what}: wanted ${one.wanted}, found ${one.found}`)
    const refuse = `printf '%s\\n' ${quoteAll([...lines, advice])} >&2\nreturn 1\n`
    const { unit } = wanted
    const absent = missing(wanted, found.host, found.declared)
    // A service that has just been started may have some of its sockets so far.
    const isTaken = found.host.open.some(
      one => absent.some(socket => isSamePort(one, socket)) && !isOf(one, unit, found.host, found.declared),
    )
    return isTaken || surplusOf(wanted, found).open.length > 0
      ? refuse
      : `unit_listens ${quoteAll([unit, ...new Set(absent.map(({ protocol, port }) => `${protocol}:${port}`))])} || {\n${refuse}}\n`
  },

  warning({ unit }, { host, declared, reportsOthers }) {
    const own = declared.filter(one => one.unit === unit).flatMap(({ sockets }) => sockets)
    const absent = host.absent.filter(address => own.some(socket => socket.address === address))
    const others = reportsOthers ? unmanaged(host, declared) : []
    const warnings = [
      ...(absent.length > 0
        ? [`${unit} is to listen on ${absent.join(', ')}, which this host does not have`]
        : []),
      ...(others.length > 0
        ? [
            `no role declares what listens here: ${others.map(({ socket, by }) => `${keyOf(socket)} on ${inWords([socket])} (${by})`).join('; ')}. Bind it to 127.0.0.1 or declare it with listens().`,
          ]
        : []),
    ]
    return warnings.length > 0 ? warnings.join('. ') : undefined
  },
}

/** `listens('mariadb', { tcp: 3306, at: ['127.0.0.1'] })`; it is looked at once nothing else on the host differs. */
export function listens(declare: Declare) {
  return (unit: string, options: ListensOptions): void => {
    const { tcp = [], udp = [], at = ['0.0.0.0', '::'], restart = false, from = [] } = options
    const ports = [
      ...[tcp].flat().map(port => ({ protocol: 'tcp', port }) as const),
      ...[udp].flat().map(port => ({ protocol: 'udp', port }) as const),
    ]
    for (const { port } of ports)
      if (!Number.isInteger(port) || port < 1 || port > 65_535)
        throw new RangeError(`expected a port from 1 to 65535, got ${port}`)
    const sockets = ports.flatMap(one => at.map(address => ({ ...one, address: canonical(address) })))
    for (const network of from) checkedNetwork(network)
    if (sockets.length === 0) throw new RangeError(`${unit}: expected a port and an address`)
    const name = `${unit} ${ports.map(({ protocol, port }) => `${port}/${protocol}`).join(' ')}`
    declare(
      listensKind,
      { name, wanted: { unit: unitName(unit), sockets, restart, from }, late: true },
      options,
    )
  }
}

const advice = 'Bind it elsewhere or stop it; what is meant to be open is declared in a role, with listens().'

/** What the unit listens on, and what would listen for it after a boot, beside all that is declared for it. */
function surplusOf({ unit }: WantedSockets, { host, declared }: FoundSockets) {
  return {
    open: host.open.filter(
      socket => isOf(socket, unit, host, declared) && isManaged(socket) && !permits(declared, unit, socket),
    ),
    units: host.units
      .filter(({ triggers, startsAtBoot, isActive }) => triggers.includes(unit) && (startsAtBoot || isActive))
      .map(one => ({
        ...one,
        sockets: one.sockets.filter(socket => isManaged(socket) && !permits(declared, unit, socket)),
      }))
      .filter(({ sockets }) => sockets.length > 0),
  }
}

function differenceOf(key: string, wanted: WantedSockets, found: FoundSockets): Difference {
  const there = found.host.open.filter(socket => keyOf(socket) === key)
  const owners = [...new Set(there.map(byOf).filter(Boolean))]
  const by = owners.length > 0 ? ` (${owners.join('; ')})` : ''
  return {
    what: key,
    found: there.length === 0 ? 'nothing' : `${inWords(there)}${by}`,
    wanted: wantedAt(key, wanted, found),
  }
}

function wantedAt(key: string, { unit }: WantedSockets, { declared }: FoundSockets): string {
  const sockets = declared.filter(one => one.unit === unit).flatMap(one => one.sockets)
  const there = sockets.filter(socket => keyOf(socket) === key)
  return there.length === 0 ? 'nothing' : inWords(there)
}

function byOf({ process, unit }: HostSockets['open'][number]): string {
  return [process, unit].filter(Boolean).join(', ')
}

function keyOf({ protocol, port }: Socket): string {
  return `${protocol} ${port}`
}

function inWords(sockets: readonly Socket[]): string {
  const all = [...new Set(sockets.map(({ address }) => address))]
  const both = all.includes('any') || (all.includes('0.0.0.0') && all.includes('::'))
  const names = all.flatMap(address =>
    address in wildcards ? (both ? [] : [wildcards[address]]) : [address],
  )
  return [...(both ? ['all addresses'] : []), ...names].join(', ')
}

const wildcards: Readonly<Record<string, string>> = {
  any: 'all addresses',
  '0.0.0.0': 'all of IPv4',
  '::': 'all of IPv6',
}
