import type { Role } from '#engine/converge/role.ts'
import { UsageError } from '#engine/errors.ts'
import { type InventoryHost, loadInventory } from '#engine/inventory/inventory.ts'
import { selectHosts } from '#engine/inventory/pattern.ts'
import { roleNames } from '#engine/inventory/roles.ts'
import type { AppSettings } from '#engine/resources/release/app.ts'
import type { Site, Vars } from '#engine/vars.ts'
import { assignRoles, type HostRoles } from './plays.ts'

/** What deploys need of the project: the site's vars and the role that sets an app up. */
export interface ReleaseDefinition {
  readonly site: Vars<Site>
  readonly app: Role
  /** Of the role's vars, as its own schema has parsed them. */
  readonly settings: (vars: never, site: Site) => AppSettings
}

/** The same, for what is done with an app beside its releases. */
export interface AppDefinition extends ReleaseDefinition {
  /** Why a variable can't be set for an app; undefined for one that can. */
  readonly reservedVariable: (name: string) => string | undefined
  /** The console of each runtime, as a command. */
  readonly consoles: Readonly<Record<string, readonly string[]>>
}

/** A host of the inventory with the app's settings there. */
export interface ReleaseHost {
  readonly host: InventoryHost
  readonly settings: AppSettings
  readonly source: string
  readonly build: string | undefined
  /** A line of shell that tests it, in the project's folder. */
  readonly test: string | undefined
  /** What it is made from beside its source, relative to the project. */
  readonly paths: readonly string[]
  /** `php`, `node`. */
  readonly runtime: string
  /** The host has other sites as well: commands have to name this one. */
  readonly isOneOfSeveral: boolean
}

/** The flags of a command that say which hosts and sites it is about. */
export interface ReleaseFlags {
  readonly inventory: string
  readonly limit: string
  /** Names of sites, separated by commas. */
  readonly site?: string | undefined
  readonly 'extra-vars'?: readonly string[] | undefined
  /** Each secret is a placeholder: what is asked for does not depend on one. */
  readonly placeholders?: boolean
}

/**
 * The hosts that a pattern selects, once for each of their sites, with the settings of its app; those of `site` alone where
 * it is given. Nothing is contacted. Throws UsageError where there is none.
 */
export async function releaseHosts(
  definition: ReleaseDefinition,
  { root, environment }: { readonly root: string; readonly environment: NodeJS.ProcessEnv },
  given: ReleaseFlags,
): Promise<readonly ReleaseHost[]> {
  const inventory = await loadInventory({
    root,
    inventory: given.inventory,
    extraVars: given['extra-vars'] ?? [],
    roles: await roleNames(root),
    environment,
    placeholders: given.placeholders ?? false,
  })
  const hosts = selectHosts(inventory, given.limit)
  const plays = [{ hosts: 'all', roles: [definition.app] }]
  const all = releasesOf(assignRoles(inventory, hosts, plays, definition.site), definition.settings)
  const wanted = given.site?.split(',')
  const missing = wanted?.find(name => !all.some(({ settings }) => settings.app === name))
  if (missing !== undefined || all.length === 0) {
    const what = missing === undefined ? 'a site' : `the site ${missing}`
    throw new UsageError('no-hosts', `${inventory.file}: no host of ${given.limit} has ${what}`, {
      lines: all.map(({ host, settings }) => `${host.name} has ${settings.app}`),
    })
  }
  const chosen = wanted === undefined ? all : all.filter(({ settings }) => wanted.includes(settings.app))
  refuseSeparateDatabases(chosen)
  return chosen
}

/** Each site of hosts that have the role `app`, with the settings of its app there. */
export function releasesOf(
  assigned: readonly HostRoles[],
  settingsOf: ReleaseDefinition['settings'],
): readonly ReleaseHost[] {
  return assigned.flatMap(({ host, sites, roles }) =>
    roles
      .filter(({ role }) => role.name === 'app')
      .flatMap(({ vars: all }) =>
        sites.map((site, index) => {
          const vars = all[index]
          const { release } = vars as {
            release: Pick<ReleaseHost, 'source' | 'build' | 'test' | 'paths'>
          }
          const { source, build, test, paths } = release
          const settings = settingsOf(vars as never, site)
          const isOneOfSeveral = sites.length > 1
          return { host, settings, source, build, test, paths, runtime: site.runtime, isOneOfSeveral }
        }),
      ),
  )
}

/** The hosts of each site, in the order of the inventory. */
export function bySite(hosts: readonly ReleaseHost[]): ReadonlyMap<string, readonly ReleaseHost[]> {
  const apps = new Set(hosts.map(({ settings }) => settings.app))
  return new Map([...apps].map(app => [app, hosts.filter(({ settings }) => settings.app === app)]))
}

/** Throws UsageError where hosts share an app and each has its database for itself: a deploy migrates one of them. */
export function refuseSeparateDatabases(hosts: readonly Pick<ReleaseHost, 'host' | 'settings'>[]): void {
  const apart = hosts.filter(({ settings }) => settings.ownDatabase)
  for (const app of new Set(apart.map(({ settings }) => settings.app))) {
    const own = apart.filter(({ settings }) => settings.app === app)
    if (own.length < 2) continue
    const names = own.map(({ host }) => host.name)
    throw new UsageError(
      'separate-databases',
      `${app} runs on ${names.slice(0, -1).join(', ')} and ${names.at(-1)}, each with its own database: a deploy migrates one`,
      {
        hint: `No host was contacted. If their sockets lead to one database (a cluster, a proxy), set app.database.shared: true. Otherwise limit the run to one host: -l ${names[0]}`,
      },
    )
  }
}

/** Throws UsageError where hosts have different sites, and `what` is done for one. */
export function refuseSeveralSites(hosts: readonly ReleaseHost[], what: string): void {
  const apps = [...bySite(hosts).keys()]
  if (apps.length < 2) return
  throw new UsageError('several-sites', `${what}: the hosts have several sites: ${apps.join(', ')}`, {
    hint: `Select one: --site ${apps[0]}`,
  })
}
