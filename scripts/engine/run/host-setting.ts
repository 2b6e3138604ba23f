import type { Role } from '#engine/converge/role.ts'
import { UnreachableError } from '#engine/errors.ts'
import { runIdentity } from '#engine/host/run-identity.ts'
import type { Inventory } from '#engine/inventory/inventory.ts'
import type { Emit } from '#engine/output/events.ts'
import type { HostSetting } from '#engine/script/host.ts'
import type { Site } from '#engine/vars.ts'
import { assignRoles } from './plays.ts'
import { roleNamed, siteVars } from './project.ts'
import { type ReachableHost, type ReachOptions, reach } from './reach.ts'

export interface PoolOptions extends ReachOptions {
  readonly emit: Emit
  readonly check: boolean
  readonly diff: boolean
  readonly stop: AbortSignal
  /** Hosts at a time. */
  readonly forks: number
}

/** What a Host needs of a run over an inventory. */
export function scriptHost(
  inventory: Inventory,
  { host, ...found }: ReachableHost,
  options: PoolOptions,
): HostSetting {
  const { emit, check, diff, stop } = options
  let way: Pick<ReachableHost, 'sandbox' | 'connect'> = found
  const assign = (given: readonly (Role | string)[]) => {
    const roles = given.map(one => (typeof one === 'string' ? roleNamed(options.root, one) : one))
    const [assigned] = assignRoles(inventory, [host], [{ hosts: 'all', roles }], siteVars(options.root))
    if (!assigned) throw new Error(`${host.name} has no roles`)
    return assigned
  }
  return {
    ...{ emit, check, diff, stop },
    name: host.name,
    groups: host.groups,
    vars: host.vars,
    connect: async seconds => {
      try {
        return await way.connect(seconds)
      } catch (error) {
        // A sandbox host is down once it has shut down, and has other ports when it is up again.
        const isDown = way.sandbox && error instanceof UnreachableError
        const [again] = isDown ? await reach([host], options) : []
        if (!again) throw error
        way = again
        return way.connect(seconds)
      }
    },
    run: () => runIdentity(process.env),
    workOf: assign,
    site: () => {
      const [site] = assign([]).sites
      if (!site) throw new Error(`${host.name} has no site`)
      return { domain: nameOf(site), ca: `/etc/ssl/capstan/${site.domain}.ca` }
    },
  }
}

function nameOf({ www, domain }: Site): string {
  return www[0] ?? domain
}
