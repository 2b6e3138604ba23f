import { readFileSync } from 'node:fs'
import { isIPv6 } from 'node:net'
import { role } from '#engine/converge/role.ts'
import { HostError } from '#engine/errors.ts'
import { mailbox, zoneOf, zoneRecords } from './records.ts'
import vars from './vars.ts'

export default role(import.meta, {
  vars,
  tasks({
    vars,
    sites,
    facts,
    host,
    apt,
    configSet,
    directory,
    handler,
    listens,
    service,
    template,
    zone,
    removed,
    file,
  }) {
    const listen = vars.listen ?? ['127.0.0.1', ...facts.addresses]
    const all = sites.map(({ site, vars: own }) => {
      const address = site.address ?? facts.addresses[0]
      if (address === undefined) throw noAddress(host.name)
      const served = { name: site.domain, file: zoneFile(site.domain), at: asked(listen) }
      return { site, vars: own, address, served }
    })
    // A site below the domain of another has its records in the zone of that one.
    const names = sites.map(({ site }) => site.domain)
    const zones = all.filter(({ site }) => zoneOf(site.domain, names) === site.domain)
    const domains = zones.map(({ site }) => site.domain)

    const isServed = zones.map(({ served }) => zone.served(served)).join('')
    const restart = handler('restart pdns', service.restart('pdns') + isServed)
    const reloads = zones.map(({ served }) => handler(`reload the zone ${served.name}`, zone.reload(served)))

    apt('pdns-server', 'pdns-backend-bind')
    const checks = domains.map(domain => `pdnsutil check-zone ${domain}`)
    configSet(
      'PowerDNS configuration',
      { root: '/etc/powerdns', test: ['pdns_server --config=check', ...checks].join(' && ') },
      () => {
        template('/etc/powerdns/pdns.conf', {
          mode: '0640',
          group: 'pdns',
          vars: { listen, transfers: vars.transfers },
          notify: restart,
        })
        template('/etc/powerdns/named.conf', {
          vars: { domains, transfers: vars.transfers },
          notify: restart,
        })
        template('/etc/powerdns/pdns.d/bind.conf')
        directory('/etc/powerdns/zones')
        for (const [index, each] of zones.entries()) {
          const { site, vars: own, served } = each
          zone(served.file, {
            name: served.name,
            at: served.at,
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
        for (const { domain } of removed.filter(one => !domains.includes(one.domain)))
          file.absent(zoneFile(domain))
      },
    )
    service('pdns', { enabled: true, running: true })
    listens('pdns', { tcp: 53, udp: 53, at: listen, restart: true })
  },
  status: () => [{ name: 'dns', script: statusScript }],
})

function zoneFile(domain: string): string {
  return `/etc/powerdns/zones/${domain}.zone`
}

/** Where the host asks its own server: a wildcard address is reached on loopback. */
function asked(listen: readonly string[]): string {
  const loopback = listen.find(address => address.startsWith('127.') || address === '::1')
  const first = loopback ?? listen[0] ?? '0.0.0.0'
  if (first === '0.0.0.0') return '127.0.0.1'
  return isIPv6(first) && /^[0:]+$/.test(first) ? '::1' : first
}

function noAddress(host: string): HostError {
  return new HostError('dns-address', `${host}: it has no address of its own that the zone could give`, {
    where: 'roles/dns/role.ts',
    hint: 'Set site.address in the inventory to the address that the site is reached at.',
  })
}

const statusScript = readFileSync(new URL('status.sh', import.meta.url), 'utf8')
