import { isIPv6 } from 'node:net'
import { role } from '#engine/converge/role.ts'
import { HostError } from '#engine/errors.ts'
import { mailbox, zoneRecords } from './records.ts'
import vars from './vars.ts'

export default role(import.meta, {
  vars,
  tasks({ vars, site, facts, host, apt, configSet, directory, handler, listens, service, template, zone }) {
    const address = site.address ?? facts.addresses[0]
    if (address === undefined) throw noAddress(host.name)
    const listen = vars.listen ?? ['127.0.0.1', ...facts.addresses]
    const ours = { name: site.domain, file: `/etc/powerdns/zones/${site.domain}.zone`, at: asked(listen) }

    const restart = handler('restart pdns', service.restart('pdns') + zone.served(ours))
    const reload = handler('reload the zone', zone.reload(ours))

    apt('pdns-server', 'pdns-backend-bind')
    configSet(
      'PowerDNS configuration',
      { root: '/etc/powerdns', test: `pdns_server --config=check && pdnsutil check-zone ${site.domain}` },
      () => {
        template('/etc/powerdns/pdns.conf', {
          mode: '0640',
          group: 'pdns',
          vars: { listen, transfers: vars.transfers },
          notify: restart,
        })
        template('/etc/powerdns/named.conf', {
          vars: { domain: site.domain, transfers: vars.transfers },
          notify: restart,
        })
        template('/etc/powerdns/pdns.d/bind.conf')
        directory('/etc/powerdns/zones')
        zone(ours.file, {
          name: ours.name,
          at: ours.at,
          from: 'etc/powerdns/zones/zone',
          vars: {
            domain: site.domain,
            ttl: vars.ttl,
            negativeTtl: vars.negativeTtl,
            primary: vars.nameservers[0],
            contact: mailbox(site.email),
            records: zoneRecords(site, vars, address),
          },
          notify: reload,
        })
      },
    )
    service('pdns', { enabled: true, running: true })
    listens('pdns', { tcp: 53, udp: 53, at: listen, restart: true })
  },
})

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
