import { isIPv6 } from 'node:net'
import type { Site } from '#engine/vars.ts'
import type { DnsVars } from './vars.ts'
import { zoneOf } from './zone-of.ts'

/** One line of the zone: its name (`@`, `www`), ` 600` or nothing for its own TTL, its type, its data as the file has it. */
export interface ZoneRecord {
  readonly name: string
  readonly ttl: string
  readonly type: string
  readonly data: string
}

/** A site of the name server, or a domain without one, with the address that its names lead to. */
export interface ZoneSite {
  readonly site: Named
  readonly vars: Pick<DnsVars, 'nameservers' | 'ttl' | 'negativeTtl' | 'mail' | 'dnssec' | 'caa' | 'records'>
  readonly address: string
}

type Named = Pick<Site, 'domain' | 'www' | 'email'>
type ZoneVars = ZoneSite['vars']

/**
 * The records of the site's zone apart from its SOA, in columns; one that comes twice is left out. Of the other sites of
 * the name server it has those whose domain lies in it, and further names of them that do.
 */
export function zoneRecords(
  { site, vars, address }: ZoneSite,
  all: readonly ZoneSite[],
): readonly ZoneRecord[] {
  const isInside = (name: string) => zoneOf(name, [site.domain]) !== undefined
  const own = all.filter(each => isInside(each.site.domain))
  const inside = own.length > 0 ? own : [{ site, vars, address }]
  return aligned([
    ...nameServers(site, vars, address),
    ...all.flatMap(each =>
      [each.site.domain, ...each.site.www].flatMap(name => host(site, name, each.address)),
    ),
    ...all.flatMap(each => challengeZones(each.site)).flatMap(name => delegation(name, site, vars)),
    ...inside.flatMap(each => authorities(each).map(one => below(one, each.site, site))),
    ...inside.flatMap(each =>
      [...further(each.vars.records), ...noMail(each.vars)].map(one => below(one, each.site, site)),
    ),
  ])
}

/**
 * The zones in which a certificate authority looks for its challenges of a site's wildcard names:
 * `*.foobar.com` → `_acme-challenge.foobar.com`. Source: RFC 8555, 8.4.
 */
export function challengeZones({ www }: Pick<Site, 'www'>): readonly string[] {
  return www.filter(name => name.startsWith('*.')).map(name => `_acme-challenge.${name.slice(2)}`)
}

// They change at each renewal, and are zones of their own for that: without a DS record, so they need no signatures.
function delegation(name: string, zone: Named, { nameservers: [primary] }: ZoneVars): readonly ZoneRecord[] {
  if (zoneOf(name, [zone.domain]) === undefined) return []
  return [record(name.slice(0, -zone.domain.length - 1), 'NS', `${primary}.`)]
}

/** A record of a site's domain, as the zone of a domain above it has it. */
function below(one: ZoneRecord, site: Named, zone: Named): ZoneRecord {
  const labels = site.domain.slice(0, -zone.domain.length - 1)
  if (site.domain === zone.domain) return one
  return { ...one, name: one.name === '@' ? labels : `${one.name}.${labels}` }
}

/** `john.doe@foobar.com` → `john\.doe.foobar.com.`: the SOA record's way to write an address. */
export function mailbox(email: string): string {
  const at = email.lastIndexOf('@')
  return `${email.slice(0, at).replaceAll('.', '\\.')}.${email.slice(at + 1)}.`
}

/**
 * The data of a TXT record: strings of at most 255 bytes, quoted; what is not printable ASCII as `\DDD`.
 * Source: RFC 1035, 3.3 and 5.1.
 */
export function characterStrings(text: string): string {
  const bytes = [...Buffer.from(text)]
  const count = Math.max(1, Math.ceil(bytes.length / 255))
  return Array.from({ length: count }, (_, index) => {
    const part = bytes.slice(index * 255, (index + 1) * 255)
    return `"${part.map(escaped).join('')}"`
  }).join(' ')
}

// A name server of the domain needs an address in the zone itself, or nobody could ask it for one.
function nameServers(
  site: Named,
  { nameservers, records }: ZoneVars,
  address: string,
): readonly ZoneRecord[] {
  const given = new Set([...records.a, ...records.aaaa].map(record => record.name))
  return nameservers.flatMap(server => [
    record('@', 'NS', `${server}.`),
    ...host(site, server, address).filter(glue => !given.has(glue.name)),
  ])
}

/** The address record of a name, where it lies in the site's domain. */
function host(site: Named, name: string, address: string): readonly ZoneRecord[] {
  const inside = name === site.domain ? '@' : name.endsWith(`.${site.domain}`)
  if (inside === false) return []
  const owner = inside === '@' ? '@' : name.slice(0, -site.domain.length - 1)
  return [record(owner, isIPv6(address) ? 'AAAA' : 'A', address)]
}

function authorities({ site, vars: { caa } }: ZoneSite): readonly ZoneRecord[] {
  const { issue, wildcard } = caa
  if (issue.length === 0) return []
  // Without an issuewild record, the authorities of issue may issue wildcard certificates. Source: RFC 8659, 4.3.
  const hasWildcard = challengeZones(site).length > 0
  const wild = wildcard.length === 0 && !hasWildcard ? [';'] : wildcard
  return [
    ...issue.map(authority => record('@', 'CAA', `0 issue "${authority}"`)),
    ...wild.map(authority => record('@', 'CAA', `0 issuewild "${authority}"`)),
  ]
}

function further({ a, aaaa, cname, mx, txt }: ZoneVars['records']): readonly ZoneRecord[] {
  return [
    ...a.map(({ name, address, ttl }) => record(name, 'A', address, ttl)),
    ...aaaa.map(({ name, address, ttl }) => record(name, 'AAAA', address, ttl)),
    ...cname.map(({ name, target, ttl }) => record(name, 'CNAME', `${target}.`, ttl)),
    ...mx.map(({ name, host, priority, ttl }) =>
      record(name, 'MX', `${priority} ${host === '.' ? '.' : `${host}.`}`, ttl),
    ),
    ...txt.map(({ name, text, ttl }) => record(name, 'TXT', characterStrings(text), ttl)),
  ]
}

/** A domain that neither accepts nor sends mail. Source: RFC 7505, 3; RFC 7208, 10.1.2. */
function noMail({ mail }: ZoneVars): readonly ZoneRecord[] {
  return mail === 'none'
    ? [record('@', 'MX', '0 .'), record('@', 'TXT', characterStrings('v=spf1 -all'))]
    : []
}

function record(name: string, type: string, data: string, ttl?: number): ZoneRecord {
  return { name, ttl: ttl === undefined ? '' : ` ${ttl}`, type, data }
}

function escaped(byte: number): string {
  if (byte < 32 || byte > 126) return `\\${String(byte).padStart(3, '0')}`
  const character = String.fromCharCode(byte)
  return character === '"' || character === '\\' ? `\\${character}` : character
}

function aligned(records: readonly ZoneRecord[]): readonly ZoneRecord[] {
  const distinct = [...new Map(records.map(each => [JSON.stringify(each), each])).values()]
  const width = (texts: readonly string[]) => Math.max(...texts.map(text => text.length))
  const names = width(distinct.map(each => each.name))
  const ttls = width(distinct.map(each => each.ttl))
  return distinct.map(each => ({
    ...each,
    name: each.name.padEnd(names),
    ttl: each.ttl.padEnd(ttls),
    type: each.type.padEnd(5),
  }))
}
