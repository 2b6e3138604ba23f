import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Role } from '#engine/converge/role.ts'
import type { AppSettings } from '#engine/deploy/settings.ts'
import { UsageError } from '#engine/errors.ts'
import { type InventoryHost, loadInventory } from '#engine/inventory/inventory.ts'
import { selectHosts } from '#engine/inventory/pattern.ts'
import type { Site, Vars } from '#engine/vars.ts'
import type { CommandInput } from './main.ts'
import { assignRoles } from './plays.ts'

/** What deploys need of the project: the site's vars and the role that sets an app up. */
export interface ReleaseDefinition {
  readonly site: Vars<Site>
  readonly app: Role
}

/** The vars of roles/app that a deploy reads; a test holds the role to it. */
export interface ReleaseVars {
  readonly shared: readonly string[]
  readonly workers: Readonly<Record<string, unknown>>
  readonly release: {
    readonly source: string
    readonly build: string | undefined
    readonly keep: number
    readonly health: { readonly path: string; readonly timeout: string; readonly passes: number }
    readonly drain: string
    readonly assets: string
    readonly serial: number | undefined
    readonly warm: boolean
    readonly files: readonly string[]
    readonly migrate: string | undefined
    readonly migrations: readonly string[]
  }
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
  { site, app }: ReleaseDefinition,
  { root, environment }: CommandInput,
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
    roles: readdirSync(join(root, 'roles'), { withFileTypes: true }).flatMap(one =>
      one.isDirectory() ? [one.name] : [],
    ),
    environment,
  })
  const hosts = selectHosts(inventory, given.limit)
  const assigned = assignRoles(inventory, hosts, [{ hosts: 'all', roles: [app] }], site)
  const all = assigned.flatMap(each =>
    each.roles.map(({ vars }) => {
      const values = vars as ReleaseVars
      const { source, build } = values.release
      return { host: each.host, settings: settingsOf(values, each.site), source, build }
    }),
  )
  const chosen = given.app === undefined ? all : all.filter(({ settings }) => settings.app === given.app)
  if (chosen.length > 0) return chosen
  const wanted = given.app === undefined ? 'the app' : `the app ${given.app}`
  throw new UsageError('no-hosts', `${inventory.file}: no host of ${given.limit} has ${wanted}`, {
    lines: all.map(({ host, settings }) => `${host.name} has ${settings.app}`),
  })
}

/** Throws UsageError where hosts have different apps: what is shipped is one. */
export function refuseSeveralApps(hosts: readonly ReleaseHost[]): void {
  const apps = [...new Set(hosts.map(({ settings }) => settings.app))]
  if (apps.length < 2) return
  throw new UsageError('several-apps', `the hosts have several apps: ${apps.join(', ')}`, {
    hint: `Say which: --app ${apps[0]}`,
  })
}

function settingsOf({ shared, workers, release }: ReleaseVars, site: Site): AppSettings {
  return {
    app: site.app,
    domain: site.www[0] ?? site.domain,
    shared: [...shared, ...release.files],
    health: { ...release.health, timeout: secondsOf(release.health.timeout) },
    workers: Object.keys(workers),
    migrate: release.migrate,
    migrations: release.migrations,
    drain: secondsOf(release.drain),
    assets: secondsOf(release.assets),
    serial: release.serial,
    warm: release.warm,
    keep: release.keep,
  }
}

/** Whole seconds, rounded up, of `500ms`, `30s`, `5m`, `1h`, `7d`. */
function secondsOf(duration: string): number {
  const units: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 }
  const [, count = '', unit = ''] = /^(\d+)([a-z]+)$/.exec(duration) ?? []
  return Math.ceil(Number(count) * (units[unit] ?? Number.NaN))
}
