import { buildCatalog } from '#engine/converge/catalog.ts'
import type { Facts } from '#engine/converge/facts.ts'
import type { HostRoles } from '#engine/run/plays.ts'

/** The resources of each host's roles, as they would be declared on a typical host; nothing is contacted. */
export async function listTasks(assigned: readonly HostRoles[]): Promise<string> {
  const all: string[] = []
  for (const each of assigned) all.push(`${each.host.name}\n${await rolesOf(each)}`)
  return all.join('')
}

async function rolesOf({ host, site, roles }: HostRoles): Promise<string> {
  const catalog = buildCatalog()
  for (const { role, vars } of roles)
    await role.declare(catalog.role(role.name), {
      ...{ vars, site, facts: typical },
      host: { name: host.name, groups: host.groups },
    })
  return roles
    .map(({ role }) => {
      const labels = catalog.resources.filter(one => one.role === role.name).map(one => `    ${one.label}\n`)
      return `  ${role.name}\n${labels.join('')}`
    })
    .join('')
}

// What depends on facts is listed as it would be on this host.
const typical: Facts = {
  os: { id: 'debian', version: '12', codename: 'bookworm', name: 'Debian GNU/Linux 12 (bookworm)' },
  architecture: 'x86_64',
  hostname: 'typical',
  cpus: 2,
  memory: 4096,
  addresses: ['192.0.2.1'],
  release: { nginx: '1.22', openssl: '3.0', php: '8.2', python: '3.11' },
  isContainer: false,
  ssh: undefined,
  live: [],
  site: undefined,
  pending: [],
}
