import type { Role } from '#engine/converge/role.ts'
import { UsageError } from '#engine/errors.ts'
import { type InventoryHost, loadInventory } from '#engine/inventory/inventory.ts'
import { selectHosts } from '#engine/inventory/pattern.ts'
import { roleNames } from '#engine/inventory/roles.ts'
import type { AppSettings } from '#engine/resources/release/app.ts'
import type { Site, Vars } from '#engine/vars.ts'
import { assignRoles } from './plays.ts'

/** What deploys need of the project: the site's vars and the role that sets an app up. */
export interface ReleaseDefinition {
  readonly site: Vars<Site>
  readonly app: Role
  /** Of the role's vars, as its own schema has parsed them. */
  readonly settings: (vars: never, site: Site) => AppSettings
}

/** A host of the inventory with the app's settings there. */
export interface ReleaseHost {
  readonly host: InventoryHost
  readonly settings: AppSettings
  readonly source: string
  readonly build: string | undefined
}

/**
 * The hosts that a pattern selects, with their app's settings, those of `app` alone where it is given; nothing is
 * contacted. Throws UsageError where there is none.
 */
export async function releaseHosts(
  { site, app, settings }: ReleaseDefinition,
  { root, environment }: { readonly root: string; readonly environment: NodeJS.ProcessEnv },
  given: {
    readonly inventory: string
    readonly limit: string
    readonly extraVars: readonly string[]
    readonly app?: string | undefined
  },
): Promise<readonly ReleaseHost[]> {
  const inventory = await loadInventory({
    root,
    inventory: given.inventory,
    extraVars: given.extraVars,
    roles: await roleNames(root),
    environment,
  })
  const hosts = selectHosts(inventory, given.limit)
  const assigned = assignRoles(inventory, hosts, [{ hosts: 'all', roles: [app] }], site)
  const all = assigned.flatMap(each =>
    each.roles.map(({ vars }) => {
      const { source, build } = (vars as { release: Pick<ReleaseHost, 'source' | 'build'> }).release
      return { host: each.host, settings: settings(vars as never, each.site), source, build }
    }),
  )
  const chosen = given.app === undefined ? all : all.filter(({ settings }) => settings.app === given.app)
  refuseSeparateDatabases(chosen)
  if (chosen.length > 0) return chosen
  const wanted = given.app === undefined ? 'the app' : `the app ${given.app}`
  throw new UsageError('no-hosts', `${inventory.file}: no host of ${given.limit} has ${wanted}`, {
    lines: all.map(({ host, settings }) => `${host.name} has ${settings.app}`),
  })
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

/** Throws UsageError where hosts have different apps: what is shipped is one. */
export function refuseSeveralApps(hosts: readonly ReleaseHost[]): void {
  const apps = [...new Set(hosts.map(({ settings }) => settings.app))]
  if (apps.length < 2) return
  throw new UsageError('several-apps', `the hosts have several apps: ${apps.join(', ')}`, {
    hint: `Select one: --app ${apps[0]}`,
  })
}
