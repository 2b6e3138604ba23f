import { HostError } from '#engine/errors.ts'
import type { System } from '#engine/systems.ts'
import { isLocal } from './addresses.ts'
import { type ServerName, servers, withoutAddressList } from './servers.ts'

/** The other hosts that the sites of a host accept connections from, each once. */
export function clientsOf(
  sites: readonly { readonly vars: { readonly password: unknown; readonly from: readonly string[] } }[],
): readonly string[] {
  const all = sites.filter(({ vars }) => vars.password !== undefined).flatMap(({ vars }) => vars.from)
  return [...new Set(all)].filter(host => !isLocal(host))
}

interface Remote {
  readonly clients: readonly string[]
  readonly listen: readonly string[]
  readonly server: ServerName
  readonly system: System
}

/**
 * Throws HostError if other hosts are declared as clients and the server does not listen for them, or the other way round, or
 * if the server of this release can only listen on one address.
 */
export function refuseClients(host: string, { clients, listen, server, system }: Remote): void {
  if (clients.length > 0 && listen.length === 0)
    throw refused(
      `${host}: mysql.from names ${clients.join(', ')}, and mysql.listen is empty`,
      'Set mysql.listen to the address of this host that they reach.',
    )
  if (clients.length === 0 && listen.length > 0)
    throw refused(
      `${host}: mysql.listen is ${listen.join(', ')}, and no site has another host in mysql.from`,
      'Name the hosts that may connect in mysql.from of a site, or remove mysql.listen.',
    )
  if (listen.length > 0 && withoutAddressList[server].includes(system))
    throw refused(
      `${host}: mysql.listen is ${listen.join(', ')}, and ${servers[server].name} of ${system} listens on one address only`,
      'A list in bind_address needs MariaDB 10.11 or MySQL 8.0.13. Remove mysql.listen, set mysql.server to mysql on a host without data, or use a newer release.',
    )
}

function refused(message: string, hint: string): HostError {
  return new HostError('mysql-clients', message, {
    where: 'roles/mysql/role.ts',
    hint: `Nothing was changed. ${hint}`,
  })
}
