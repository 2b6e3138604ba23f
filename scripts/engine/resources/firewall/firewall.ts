import { readFileSync } from 'node:fs'
import { checkedLine } from '../checked.ts'
import { listensKind } from '../listens/listens.ts'
import type { WantedSockets } from '../listens/owner.ts'
import { readByPerl } from '../perl-reader.ts'
import { type Declare, type DeclareOptions, differs, type Kind, known, type Resource } from '../resource.ts'
import { here } from '../shell.ts'
import {
  type Allowed,
  checkedNetwork,
  inWords,
  type OpenedSocket,
  openIn,
  type Ruling,
  rulesOf,
} from './rules.ts'

export interface FirewallOptions extends Partial<Ruling>, DeclareOptions {}

interface WantedFirewall {
  /** Undefined: no rules of ours. */
  readonly ruling: Ruling | undefined
  /** Those that the roles of the run declare with `listens`. */
  readonly sockets: readonly OpenedSocket[]
  /** The roles of the run: a socket that one of them does not declare is closed. */
  readonly roles: readonly string[]
}

interface FoundFirewall {
  /** /etc/nftables.conf; empty where there is none. */
  readonly file: string
  /** The rules in force, as nft lists them; empty where there are none. */
  readonly live: string
  /** The same, as recorded when the file was loaded. */
  readonly loaded: string
  readonly isEnabled: boolean
  /** The run has some of the host's roles only: the sockets of the others, which the file names, stay open. */
  readonly isPartial: boolean
}

const reader = readByPerl<WantedFirewall, Omit<FoundFirewall, 'isPartial'>>({
  items: 'firewalls',
  perl: `
    sub item { my $live = \`nft -s -t list table inet capstan 2>/dev/null\` // "";
      (slurp("/etc/nftables.conf") // "", $live, slurp("/var/lib/capstan/firewall") // "", -e "/etc/systemd/system/sysinit.target.wants/nftables.service" ? 1 : "") }`,
  given: () => [''],
  found: ([file = '', live = '', loaded = '', enabled]) =>
    known({ file, live, loaded, isEnabled: enabled === '1' }),
})

/** The packet filter of the host: the sockets that roles declare are open, all others closed. Source: nft(8). */
const firewalls: Kind<WantedFirewall, FoundFirewall> = {
  noun: 'firewall',
  // Rules that blocked a new login block it at a second attempt too.
  tries: 1,

  complete: (wanted, all) => ({
    ...wanted,
    sockets: declaredSockets(all),
    roles: [...new Set(all.map(({ role }) => role))],
  }),

  probe: (items, options) => `echo ${options.partial ? 'some' : 'all'}\n${reader.probe(items, options)}`,

  parse(output, items) {
    const line = output.indexOf('\n')
    const isPartial = output.toString('latin1', 0, line) === 'some'
    return reader
      .parse(output.subarray(line + 1), items)
      .map(state => (state.known ? known({ ...state.value, isPartial }) : state))
  },

  diff({ ruling, ...declared }, found) {
    if (ruling === undefined)
      return differs('state', found.live === '' && !isOurs(found.file) ? 'absent' : 'present', 'absent')
    if (isUnmade(found)) return []
    const open = openOf(declared, found)
    return [
      ...differs('open', isOurs(found.file) ? inWords(openIn(found.file)) : 'no rules', inWords(open)),
      ...(inWords(openIn(found.file)) === inWords(open)
        ? differs('rules', found.file === rulesOf(ruling, open) ? 'as declared' : 'others', 'as declared')
        : []),
      ...differs('in force', stateOf(found), 'yes'),
      ...differs('at boot', found.isEnabled ? 'yes' : 'no', 'yes'),
    ]
  },

  apply({ ruling, ...declared }, found) {
    if (ruling === undefined) return `${shell}firewall_remove\n`
    return `${shell}${here('firewall_load', rulesOf(ruling, openOf(declared, found)))}`
  },

  warning({ ruling }, found) {
    if (ruling === undefined || !isUnmade(found)) return undefined
    return 'the firewall is made by a run of all roles, because it follows from what they declare: run once without --tags and --skip-tags'
  },
}

// The sockets of other roles are unknown then, and would be closed.
function isUnmade({ file, isPartial }: FoundFirewall): boolean {
  return isPartial && !isOurs(file)
}

const shell = readFileSync(new URL('firewall.sh', import.meta.url), 'utf8')

export interface DeclareFirewall {
  (options?: FirewallOptions): void
  /** No rules of Capstan, now and at the next boot. */
  absent(options?: DeclareOptions): void
}

/** `firewall()`: one for a host, generated from what its roles declare with `listens`. */
export function firewall(declare: Declare): DeclareFirewall {
  const present = (given: FirewallOptions = {}): void => {
    const { ssh = [22], from = [], rate = 30, allow = [], rules = [], ...options } = given
    for (const port of [...ssh, ...allow.flatMap(portsOf)]) checkedPort(port)
    for (const network of [...from, ...allow.flatMap(one => one.from ?? [])]) checkedNetwork(network)
    for (const rule of rules) checkedLine('a rule of nft', rule)
    if (ssh.length === 0) throw new RangeError('expected at least one port of sshd')
    if (!Number.isInteger(rate) || rate < 1) throw new RangeError(`expected a rate of 1 or more, got ${rate}`)
    const wanted = { ruling: { ssh, from, rate, allow, rules }, sockets: [], roles: [] }
    declare(firewalls, { name: 'nftables', wanted }, options)
  }
  return Object.assign(present, {
    absent: (options: DeclareOptions = {}): void =>
      declare(
        firewalls,
        { name: 'nftables', wanted: { ruling: undefined, sockets: [], roles: [] } },
        options,
      ),
  })
}

function declaredSockets(all: readonly Resource[]): readonly OpenedSocket[] {
  return all.flatMap(({ kind, wanted, role }) => {
    if (kind !== (listensKind as unknown)) return []
    const { sockets, from } = wanted as WantedSockets
    return sockets.map(socket => ({ ...socket, from, role }))
  })
}

function openOf(
  { sockets, roles }: Pick<WantedFirewall, 'sockets' | 'roles'>,
  { file, isPartial }: FoundFirewall,
): readonly OpenedSocket[] {
  const others = isPartial ? openIn(file).filter(({ role }) => !roles.includes(role)) : []
  return [...sockets, ...others]
}

function isOurs(file: string): boolean {
  return file.includes('\n# Managed by Capstan.\n')
}

function stateOf({ live, loaded }: FoundFirewall): string {
  if (live === '') return 'no'
  return withoutCounts(live) === withoutCounts(loaded) ? 'yes' : 'others are'
}

// Newer versions of nft print how many elements a set has now: `size 65535	# count 2`.
function withoutCounts(table: string): string {
  return table.replace(/\s*# count \d+$/gm, '')
}

function portsOf({ tcp = [], udp = [] }: Allowed): readonly number[] {
  return [tcp, udp].flat()
}

function checkedPort(port: number): void {
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new RangeError(`expected a port from 1 to 65535, got ${port}`)
}
