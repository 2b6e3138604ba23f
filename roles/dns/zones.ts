import { isIPv6 } from 'node:net'
import type { Zone } from '#engine/resources/zone.ts'
import type { Site } from '#engine/vars.ts'
import type { ZoneSite } from './records.ts'
import type { DnsVars } from './vars.ts'
import { zoneOf } from './zone-of.ts'

/** A zone of the host: what its records come from, and how it is served. */
export interface HostZone extends ZoneSite {
  readonly served: Zone & { readonly isSigned: boolean }
}

interface Given {
  readonly sites: readonly { readonly site: Site; readonly vars: DnsVars }[]
  /** The address of the host that its names lead to where the site has none of its own. */
  readonly address: string
  /** Where the name server listens. */
  readonly listen: readonly string[]
}

/** The zones of a host: that of each site that does not lie in the zone of another, then the further ones. */
export function zonesOf(given: Given): readonly HostZone[] {
  const { sites, listen } = given
  const [first] = sites
  if (!first) return []
  const names = sites.map(({ site }) => site.domain)
  const own = sitesOf(given).filter(({ site }) => zoneOf(site.domain, names) === site.domain)
  const further = first.vars.zones.map(({ domain, nameservers, ...vars }) => ({
    site: { domain, www: [], email: first.site.email },
    vars: { ...vars, nameservers: nameservers ?? first.vars.nameservers },
    address: first.site.address ?? given.address,
  }))
  return [...own, ...further].map(zone => ({
    ...zone,
    served: {
      name: zone.site.domain,
      file: zoneFile(zone.site.domain),
      at: asked(listen),
      isSigned: zone.vars.dnssec,
      notifies: first.vars.transfers.length + first.vars.secondaries.length > 0,
    },
  }))
}

/** The sites of a host, each with the address that its names lead to. */
export function sitesOf({ sites, address }: Pick<Given, 'sites' | 'address'>): readonly ZoneSite[] {
  return sites.map(({ site, vars }) => ({ site, vars, address: site.address ?? address }))
}

/** A site with `dnssec` that has no zone of its own, in a zone that is not signed. */
export interface UnsignedInside {
  readonly site: string
  readonly zone: string
}

/** The first such site; undefined where there is none. */
export function unsignedInside(
  sites: Given['sites'],
  zones: readonly HostZone[],
): UnsignedInside | undefined {
  const plain = zones.filter(({ served }) => !served.isSigned).map(({ served }) => served.name)
  const [first] = sites.flatMap(({ site, vars }) => {
    const zone = vars.dnssec ? zoneOf(site.domain, plain) : undefined
    return zone === undefined ? [] : [{ site: site.domain, zone }]
  })
  return first
}

export function zoneFile(domain: string): string {
  return `/etc/powerdns/zones/${domain}.zone`
}

/** Where the host asks its own server: a wildcard address is reached on loopback. */
export function asked(listen: readonly string[]): string {
  const loopback = listen.find(address => address.startsWith('127.') || address === '::1')
  const first = loopback ?? listen[0] ?? '0.0.0.0'
  if (first === '0.0.0.0') return '127.0.0.1'
  return isIPv6(first) && /^[0:]+$/.test(first) ? '::1' : first
}
