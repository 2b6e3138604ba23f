import type { Role } from '#engine/converge/role.ts'
import type { InventoryHost } from '#engine/inventory/inventory.ts'
import { descend } from '#engine/inventory/tree.ts'
import { orNearest } from '#engine/nearest.ts'
import { Secret } from '#engine/secret.ts'
import type { Problem, Site, Vars } from '#engine/vars.ts'

/** One site of a host, and what the inventory says of the roles for it. */
export interface HostSite {
  readonly site: Site
  /** The role's vars for this site, in a list; empty where one is wrong, which `tell` gets with its path in the host's vars. */
  varsOf(role: Role, tell: (problem: Problem) => void): readonly unknown[]
}

/**
 * The sites of a host: those of `sites`, each with the roles' vars beside its own, or the one of `site`. `tell` gets
 * what is wrong, and such a site is left out.
 */
export function sitesOf(
  host: InventoryHost,
  roles: readonly string[],
  siteVars: Vars<Site>,
  tell: (problem: Problem) => void,
): readonly HostSite[] {
  const { site: one = {}, sites: several } = host.vars as { readonly site?: object; readonly sites?: Named }
  if (several === undefined) {
    const parsed = siteVars.parse(one)
    if (parsed.ok) return [hostSite(host, parsed.value, undefined)]
    for (const { path, message } of parsed.problems) tell({ path: ['site', ...path], message })
    return []
  }
  const forAll = Object.fromEntries(Object.entries(one).filter(([key]) => !ofOneSite.includes(key)))
  for (const key of Object.keys(one).filter(each => !(each in forAll)))
    tell({
      path: ['site', key],
      message: `a host with sites has ${key} in each of them; what stands under site is for all of them`,
    })
  const names = Object.keys(several)
  if (names.length === 0) tell({ path: ['sites'], message: 'expected at least one site, got none' })
  const known = [...Object.keys(siteVars.fields).filter(key => key !== 'app'), ...roles]
  const found = names.flatMap(name => {
    const given = several[name] ?? {}
    for (const key of Object.keys(given))
      if (!known.includes(key))
        tell({ path: ['sites', name, key], message: `a site has no ${key}${orNearest(key, known)}` })
    const own = Object.fromEntries(
      Object.entries(given).filter(([key]) => known.includes(key) && !roles.includes(key)),
    )
    if (own['domain'] === undefined) {
      tell({ path: ['sites', name], message: 'expected its domain, got none' })
      return []
    }
    const parsed = siteVars.parse(over({ ...forAll, app: name }, own))
    if (parsed.ok) return [hostSite(host, parsed.value, name)]
    const badName = parsed.problems.find(({ path }) => path[0] === 'app')
    if (badName) tell({ path: ['sites', name], message: badName.message })
    else
      for (const { path, message } of parsed.problems)
        tell({ path: placed(host, ['sites', name], ['site'], path), message })
    return []
  })
  refuseShared(found, tell)
  return found
}

type Named = Readonly<Record<string, Readonly<Record<string, unknown>>>>

/** Those that tell one site from another. */
const ofOneSite = ['app', 'domain', 'www', 'replaces']

function hostSite(host: InventoryHost, site: Site, name: string | undefined): HostSite {
  return {
    site,
    varsOf(role, tell) {
      const ofHost = host.vars[role.name]
      const ofSite = name && (host.vars['sites'] as Named)[name]?.[role.name]
      const above = name === undefined ? [role.name] : ['sites', name, role.name]
      const foreign = Object.keys(ofSite ?? {}).filter(
        key => key in role.vars.fields && !role.vars.ofSite.includes(key),
      )
      for (const key of foreign)
        tell({
          path: [...above, key],
          message: `${role.name}.${key} is of the whole host: it stands in the vars of the host, not of a site`,
        })
      const parsed = role.vars.parse(over(ofHost, ofSite), site)
      if (!parsed.ok)
        for (const { path, message } of parsed.problems)
          tell({ path: placed(host, above, [role.name], path), message })
      return parsed.ok && foreign.length === 0 ? [parsed.value] : []
    },
  }
}

/** The path of a value: where the site has it, else where the host has it, else where the site would have it. */
function placed(
  host: InventoryHost,
  site: readonly string[],
  all: readonly string[],
  path: readonly string[],
): readonly string[] {
  const isThere = (above: readonly string[]) => descend(host.tree, [...above, ...path]).rest.length === 0
  return [...(!isThere(site) && isThere(all) ? all : site), ...path]
}

/** `high` over `low`: maps merge key by key, everything else replaces. */
function over(low: unknown, high: unknown): unknown {
  if (high === undefined) return low
  if (!isMap(low) || !isMap(high)) return high
  const merged = { ...low }
  for (const [key, value] of Object.entries(high)) merged[key] = over(low[key], value)
  return merged
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Secret)
}

/** A name that visitors use leads to one site; two databases of one name would be one. */
function refuseShared(sites: readonly HostSite[], tell: (problem: Problem) => void): void {
  const owners = new Map<string, string>()
  for (const { site } of sites) {
    const { app, domain, www, database } = site
    const names = [...new Set([domain, ...www])].map(name => `the name ${name}`)
    const databases = database.password ? [`the database ${database.name}`, `the user ${database.user}`] : []
    for (const thing of [...names, ...databases]) {
      const owner = owners.get(thing)
      if (owner !== undefined) tell({ path: ['sites', app], message: `${thing} is ${owner}’s already` })
      else owners.set(thing, app)
    }
  }
}
