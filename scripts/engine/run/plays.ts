import type { PlayWork } from '#engine/converge/converge.ts'
import type { AssignedRole, Role } from '#engine/converge/role.ts'
import type { Serial } from '#engine/converge/serial.ts'
import { UsageError } from '#engine/errors.ts'
import type { Inventory, InventoryHost } from '#engine/inventory/inventory.ts'
import { selectHosts } from '#engine/inventory/pattern.ts'
import { orNearest } from '#engine/nearest.ts'
import type { Host } from '#engine/script/host.ts'
import { reportable } from '#engine/script/thrown.ts'
import type { Problem, Site, Vars } from '#engine/vars.ts'
import { sitesOf } from './sites.ts'

/** Which hosts get which roles, in this order, and how they are gone over. */
export interface Play extends PlayOptions {
  /** A pattern: `all`, `web`, `web:!web3`. */
  readonly hosts: string
  readonly roles: readonly Role[]
}

export interface PlayOptions {
  /** How many hosts are changed at a time: a number, a share (`25%`), or a list of both. Absent: all of them. */
  readonly serial?: Serial
  /** Called before and after each host that is changed, and for no other: to drain a balancer, to wait for health. */
  readonly before?: (host: Host) => Promise<unknown>
  readonly after?: (host: Host) => Promise<unknown>
}

/** A host with its sites and roles, and their vars, all valid. */
export interface HostRoles {
  readonly host: InventoryHost
  /** At least one. */
  readonly sites: readonly Site[]
  readonly roles: readonly AssignedRole[]
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
 * Which roles each of `hosts` has, its vars checked by the sites' and the roles' own schemas. Throws one
 * UsageError that names every value that is wrong, where it was written. `all`: the plays of which `plays` are a part; where
 * they are given, a role that another one requires has to be among them.
 */
export function assignRoles(
  inventory: Inventory,
  hosts: readonly InventoryHost[],
  plays: readonly Play[],
  siteVars: Vars<Site>,
  all: readonly Play[] = [],
): readonly HostRoles[] {
  const members = plays.map(play => ({ play, hosts: new Set(selectHosts(inventory, play.hosts)) }))
  const wrong = new Set<string>()
  const assigned = hosts.map((host): HostRoles => {
    const tell = ({ path, message }: Problem) => wrong.add(`${host.origin(path)}: ${message}`)
    const sites = sitesOf(host, inventory.roles, siteVars, tell)
    const roles = members
      .filter(member => member.hosts.has(host))
      .flatMap(({ play }) => play.roles)
      .flatMap(role => {
        return [{ role, vars: sites.flatMap(site => site.varsOf(role, tell)) }]
      })
    const own = { host, sites: sites.map(({ site }) => site), roles }
    if (all.length > 0) refuseMissing(own, rolesOf(inventory, host, all), tell)
    return own
  })
  if (wrong.size === 0) return assigned
  throw new UsageError(
    'vars',
    `${inventory.file}: ${wrong.size === 1 ? 'a var is' : `${wrong.size} vars are`} not as expected`,
    {
      lines: [...wrong],
      hint: 'No host was contacted. Fix the values above and run again.',
    },
  )
}

/** Tells what the vars of a host's roles require beside them and no play gives it. */
function refuseMissing(
  { host, sites, roles }: HostRoles,
  names: ReadonlySet<string>,
  tell: (problem: Problem) => void,
): void {
  for (const { role, vars } of roles) {
    // Wrong vars of a site are reported.
    if (vars.length !== sites.length) continue
    const given = sites.map((site, index) => ({ site, vars: vars[index] }))
    for (const { role: needed, site, key, why } of role.requires?.(given) ?? []) {
      const above = host.vars['sites'] === undefined ? ['site'] : ['sites', site.app]
      if (!names.has(needed)) tell({ path: [...above, key], message: why })
    }
  }
}

function rolesOf(inventory: Inventory, host: InventoryHost, plays: readonly Play[]): ReadonlySet<string> {
  const own = plays.filter(play => selectHosts(inventory, play.hosts).includes(host))
  return new Set(own.flatMap(play => play.roles.map(({ name }) => name)))
}

/** The plays as the converge loop needs them; `hosts` are those of the run, by name. */
export function playWork(
  inventory: Inventory,
  plays: readonly Play[],
  hosts: ReadonlyMap<string, Host>,
): readonly PlayWork[] {
  return plays.map(({ hosts: pattern, roles, serial, before, after }) => {
    const names = new Set(roles.map(({ name }) => name))
    const members = selectHosts(inventory, pattern).filter(({ name }) => hosts.has(name))
    const hook = (call: PlayOptions['before']) => call && ((name: string) => callFor(hosts.get(name), call))
    return {
      roles: new Map(members.map(({ name }) => [name, names])),
      ...{ serial, before: hook(before), after: hook(after) },
    }
  })
}

async function callFor(host: Host | undefined, call: (host: Host) => Promise<unknown>): Promise<void> {
  if (!host) return
  try {
    await call(host)
  } catch (thrown) {
    throw reportable(host.name, thrown)
  }
}
