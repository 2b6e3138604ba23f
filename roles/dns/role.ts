import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { role } from '#engine/converge/role.ts'
import { HostError } from '#engine/errors.ts'
import { quote } from '#engine/quote.ts'
import { keyDatabase, transferKeys } from '#engine/resources/zone-keys.ts'
import type { Host } from '#engine/script/host.ts'
import { challengeFolder, challengeZone } from './challenges.ts'
import { type DnsHost, type RollOptions, rollKey, showKeys, signedZones } from './keys.ts'
import { challengeZones, mailbox, zoneRecords } from './records.ts'
import { signedReader, signing } from './signing.ts'
import vars from './vars.ts'
import { zoneOf } from './zone-of.ts'
import { asked, sitesOf, type UnsignedInside, unsignedInside, zoneFile, zonesOf } from './zones.ts'

/** PowerDNS, authoritative for the zones of the host's sites and for further ones. */
const dns = role(import.meta, {
  vars,
  kinds: { signing, transferKeys },
  tasks({
    vars,
    sites,
    facts,
    host,
    apt,
    command,
    configSet,
    directory,
    handler,
    listens,
    service,
    signing,
    template,
    transferKeys,
    zone,
    removed,
    file,
  }) {
    const listen = vars.listen ?? ['127.0.0.1', ...facts.addresses]
    const address = facts.addresses[0]
    if (sites.some(({ site }) => (site.address ?? address) === undefined)) throw noAddress(host.name)
    const given = { sites, listen, address: address ?? '' }
    const [all, zones] = [sitesOf(given), zonesOf(given)]
    const names = zones.map(({ served }) => served.name)
    const unsigned = unsignedInside(sites, zones)
    if (unsigned) throw notSigned(host.name, unsigned)
    const { secondaries, transfers } = vars
    const challenges = sites
      .flatMap(({ site }) => challengeZones(site))
      .map(name => {
        const around = zones.find(zone => zone.served.name === zoneOf(name, names))
        return { name, ...challengeZone(name, around?.vars.nameservers[0], asked(listen)) }
      })
    // Without a database of keys, PowerDNS takes a delegation in a zone file for an error.
    const needsKeys = secondaries.length + challenges.length > 0
    const hasKeys = needsKeys || zones.some(({ served }) => served.isSigned)
    if (hasKeys && facts.system === 'debian sid') throw withoutKeys(host.name)

    const served = zones.map(each => zone.served(each.served)).join('')
    const restart = handler('restart pdns', service.restart('pdns') + served)
    const reloads = zones.map(each =>
      handler(`reload the zone ${each.served.name}`, zone.reload(each.served)),
    )

    apt('pdns-server', 'pdns-backend-bind')
    if (hasKeys) {
      apt('sqlite3')
      // PowerDNS writes a log of the database beside it.
      directory(dirname(keyDatabase), { mode: '0700', owner: 'pdns', group: 'pdns' })
      command(['pdnsutil', 'create-bind-db', keyDatabase], { as: 'pdns', creates: keyDatabase })
    }
    if (challenges.length > 0) directory(challengeFolder)
    for (const { name, file, text, isThere } of challenges)
      command(['install', '-m', '0644', '/dev/stdin', file], {
        ...{ name: `create the zone ${name}`, stdin: text, unless: isThere },
        notify: restart,
      })
    for (const each of zones.filter(one => !one.served.isSigned))
      signing({ zone: each.served.name, at: each.served.at, isSigned: false })
    const test =
      facts.system === 'debian sid'
        ? `${zoneTest}pdns_server --config=check && check_zones ${names.join(' ')}`
        : ['pdns_server --config=check', ...names.map(name => `pdnsutil check-zone ${name}`)].join(' && ')
    configSet('PowerDNS configuration', { root: '/etc/powerdns', test }, () => {
      template('/etc/powerdns/pdns.conf', {
        mode: '0640',
        group: 'pdns',
        vars: {
          ...{ listen, transfers, database: hasKeys ? keyDatabase : '' },
          notified: [...new Set([...transfers, ...secondaries.map(({ address }) => address)])],
        },
        notify: restart,
      })
      template('/etc/powerdns/named.conf', {
        vars: { zones: names, challenges, isPrimary: transfers.length + secondaries.length > 0 },
        notify: restart,
      })
      template('/etc/powerdns/pdns.d/bind.conf')
      directory('/etc/powerdns/zones')
      for (const [index, each] of zones.entries()) {
        const { site, vars: own, served } = each
        zone(served.file, {
          ...served,
          from: 'etc/powerdns/zones/zone',
          vars: {
            domain: site.domain,
            ttl: own.ttl,
            negativeTtl: own.negativeTtl,
            primary: own.nameservers[0],
            contact: mailbox(site.email),
            records: zoneRecords(each, all),
          },
          notify: reloads.slice(index, index + 1),
        })
      }
      for (const { domain } of removed.filter(one => !names.includes(one.domain)))
        file.absent(zoneFile(domain))
    })
    transferKeys({
      keys: [...new Map(secondaries.map(one => [one.key, { ...one, name: one.key }])).values()],
      zones: secondaries.length > 0 ? names : [],
    })
    service('pdns', { enabled: true, running: true })
    for (const each of zones.filter(one => one.served.isSigned))
      signing({ zone: each.served.name, at: each.served.at, isSigned: true })
    listens('pdns', { tcp: 53, udp: 53, at: listen, restart: true })
  },
  status({ vars: { listen }, sites }) {
    const zones = zonesOf({ sites, listen: listen ?? ['127.0.0.1'], address: '' })
    const signed = zones.filter(({ served }) => served.isSigned)
    const given = {
      ZONES: signed.map(({ served }) => served.name).join(' '),
      AT: signed[0]?.served.at ?? '',
      SIGNED: signed.length > 0 ? `${signedReader}${signedStatus}` : '',
    }
    const assignments = Object.entries(given).map(([name, value]) => `${name}=${quote(value)}\n`)
    return [{ name: 'dns', script: `${assignments.join('')}${statusScript}` }]
  },
})

const ofSites = (host: Host): DnsHost => ({ host, sites: host.sitesOf(dns) })

/** The role, and what scripts do with the keys of signed zones: `await dns.keys(host)`. */
export default Object.assign(dns, {
  signedZones: (host: Host) => signedZones(ofSites(host)),
  keys: (host: Host, zones?: readonly string[]) => showKeys(ofSites(host), zones),
  roll: (host: Host, zone: string, options?: RollOptions) => rollKey(ofSites(host), zone, options),
})

function noAddress(host: string): HostError {
  return new HostError('dns-address', `${host}: it has no address of its own that the zone could give`, {
    where: 'roles/dns/role.ts',
    hint: 'Set site.address in the inventory to the address that the site is reached at.',
  })
}

function notSigned(host: string, { site, zone }: UnsignedInside): HostError {
  return new HostError(
    'dns-unsigned',
    `${host}: dns.dnssec of ${site} has no effect: its names are in the zone of ${zone}, which is not signed`,
    { where: 'roles/dns/role.ts', hint: `Set dns.dnssec of ${zone} too, or remove that of ${site}.` },
  )
}

function withoutKeys(host: string): HostError {
  return new HostError(
    'dns-sid',
    `${host}: dnssec, secondaries and wildcard names need pdnsutil, which cannot load its backend on Debian sid`,
    { where: 'roles/dns/role.ts', hint: 'Use Debian 12 or 13 for this host, or leave these vars out.' },
  )
}

// What `pdnsutil check-zone` finds out, where pdnsutil can't load its backend.
const zoneTest = readFileSync(new URL('zone-test.sh', import.meta.url), 'utf8').replace(/^#.*\n/gm, '')

const statusScript = readFileSync(new URL('status.sh', import.meta.url), 'utf8')
const signedStatus = readFileSync(new URL('signed-status.pl', import.meta.url), 'utf8')
