import { buildCatalog } from '#engine/converge/catalog.ts'
import { typicalFacts } from '#engine/converge/testing.ts'
import type { HostRoles } from '#engine/run/plays.ts'

/** The resources of each host's roles, as they would be declared on a typical host; nothing is contacted. */
export async function listTasks(assigned: readonly HostRoles[]): Promise<string> {
  const all: string[] = []
  for (const each of assigned) all.push(`${each.host.name}\n${await rolesOf(each)}`)
  return all.join('')
}

async function rolesOf({ host, sites, roles }: HostRoles): Promise<string> {
  const catalog = buildCatalog()
  for (const { role, vars } of roles)
    await role.declare(catalog.role(role.name), {
      sites: sites.map((site, index) => ({ site, vars: vars[index] })),
      ...{ removed: [], facts: typicalFacts },
      host: { name: host.name, groups: host.groups },
    })
  return roles
    .map(({ role }) => {
      const labels = catalog.resources.filter(one => one.role === role.name).map(one => `    ${one.label}\n`)
      return `  ${role.name}\n${labels.join('')}`
    })
    .join('')
}
