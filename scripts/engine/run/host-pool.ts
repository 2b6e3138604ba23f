import type { Inventory, InventoryHost } from '#engine/inventory/inventory.ts'
import { selectHosts } from '#engine/inventory/pattern.ts'
import { Host } from '#engine/script/host.ts'
import { Hosts, type Selection } from '#engine/script/hosts.ts'
import { type PoolOptions, scriptHost } from './host-setting.ts'
import { type ReachableHost, reach } from './reach.ts'

/** What `hosts()` and `inventory()` of a script are answered from. */
export interface HostSource {
  inventory(): Promise<Inventory>
  hosts(pattern: string): Hosts
}

/** The hosts of one run, each made by its first use. Nothing is contacted but the sandbox, which is brought up. */
export class HostPool implements HostSource {
  readonly #inventory: Inventory
  readonly #options: PoolOptions
  readonly #limit: ReadonlySet<InventoryHost>
  readonly #hosts = new Map<string, Host>()
  /** The ways to the hosts so far. */
  readonly reachable: ReachableHost[] = []

  /** `limit`: the hosts that `hosts` may give. */
  constructor(inventory: Inventory, limit: readonly InventoryHost[], options: PoolOptions) {
    this.#inventory = inventory
    this.#limit = new Set(limit)
    this.#options = options
  }

  get all(): readonly Host[] {
    return [...this.#hosts.values()]
  }

  async inventory(): Promise<Inventory> {
    return this.#inventory
  }

  hosts(pattern: string): Hosts {
    return new Hosts(() => this.selection(pattern))
  }

  /** The hosts of a pattern, within the limit. Throws UsageError for a pattern that is none. */
  async selection(pattern: string): Promise<Selection> {
    const chosen = selectHosts(this.#inventory, pattern).filter(host => this.#limit.has(host))
    const { emit, stop, forks } = this.#options
    return { hosts: await this.select(chosen), emit, stop, forks }
  }

  async select(hosts: readonly InventoryHost[]): Promise<readonly Host[]> {
    const fresh = hosts.filter(({ name }) => !this.#hosts.has(name))
    for (const one of await reach(fresh, this.#options)) {
      this.reachable.push(one)
      const setting = scriptHost(this.#inventory, one, this.#options)
      this.#hosts.set(one.host.name, new Host(setting))
    }
    return hosts.flatMap(({ name }) => this.#hosts.get(name) ?? [])
  }

  async close(): Promise<void> {
    await Promise.all(this.all.map(host => host.close()))
  }
}
