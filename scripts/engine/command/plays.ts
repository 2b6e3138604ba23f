import type { Role } from '#engine/converge/role.ts'
import { UsageError } from '#engine/errors.ts'
import type { Inventory, InventoryHost } from '#engine/inventory/inventory.ts'
import { selectHosts } from '#engine/inventory/pattern.ts'
import { orNearest } from '#engine/nearest.ts'
import type { Problem, Site, Vars } from '#engine/vars.ts'

/** Which hosts get which roles, in this order. */
export interface Play {
  /** A pattern: `all`, `web`, `web:!web3`. */
  readonly hosts: string
  readonly roles: readonly Role[]
}

/** A host with its roles and their vars, all valid. */
export interface HostRoles {
  readonly host: InventoryHost
  readonly site: Site
  readonly roles: readonly { readonly role: Role; readonly vars: unknown }[]
}

/** Keeps the roles that `-t` names and `--skip-tags` doesn't. Throws UsageError for a name that no play has. */
export function filterPlays(
  plays: readonly Play[],
  tags: readonly string[],
  skip: readonly string[],
): readonly Play[] {
  const names = [...new Set(plays.flatMap(play => play.roles.map(role => role.name)))]
  for (const tag of [...tags, ...skip])
    if (!names.includes(tag))
      throw new UsageError('unknown-tag', `no role is named ${JSON.stringify(tag)}${orNearest(tag, names)}`)
  const wanted = (role: Role) => (tags.length === 0 || tags.includes(role.name)) && !skip.includes(role.name)
  return plays.map(play => ({ ...play, roles: play.roles.filter(wanted) }))
}

/**
 * Which roles each of `hosts` has, its vars checked by the site's and the roles' own schemas. Throws one
 * UsageError that names every value that is wrong, where it was written.
 */
export function assignRoles(
  inventory: Inventory,
  hosts: readonly InventoryHost[],
  plays: readonly Play[],
  siteVars: Vars<Site>,
): readonly HostRoles[] {
  const members = plays.map(play => ({ play, hosts: new Set(selectHosts(inventory, play.hosts)) }))
  const wrong = new Set<string>()
  const tell = (host: InventoryHost, key: string, problems: readonly Problem[]) => {
    for (const { path, message } of problems) wrong.add(`${host.origin([key, ...path])}: ${message}`)
  }
  const assigned = hosts.flatMap((host): HostRoles[] => {
    const site = siteVars.parse(host.vars['site'])
    if (!site.ok) {
      tell(host, 'site', site.problems)
      return []
    }
    const roles = members
      .filter(member => member.hosts.has(host))
      .flatMap(({ play }) => play.roles)
      .flatMap(role => {
        const parsed = role.vars.parse(host.vars[role.name], site.value)
        if (parsed.ok) return [{ role, vars: parsed.value }]
        tell(host, role.name, parsed.problems)
        return []
      })
    return [{ host, site: site.value, roles }]
  })
  if (wrong.size === 0) return assigned
  throw new UsageError(
    'vars',
    `${inventory.file}: ${wrong.size === 1 ? 'a var is' : `${wrong.size} vars are`} not as expected`,
    {
      lines: [...wrong],
      hint: 'Nothing was contacted. Fix the values above and run again.',
    },
  )
}
