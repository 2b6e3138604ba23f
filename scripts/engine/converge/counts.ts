import type { HostRecap } from '#engine/output/events.ts'
import type { Resource } from '#engine/resources/resource.ts'

/** What became of each resource of a host, for its recap. */
export class Counts {
  readonly #all: readonly Resource[]
  readonly #ok = new Set<Resource>()
  readonly #changed = new Set<Resource>()

  constructor(resources: readonly Resource[]) {
    this.#all = resources
  }

  /** True the first time that a resource was found as declared, and wasn't made so by this run. */
  ok(resource: Resource): boolean {
    if (this.#ok.has(resource) || this.#changed.has(resource)) return false
    this.#ok.add(resource)
    return true
  }

  changed(resource: Resource): void {
    this.#changed.add(resource)
  }

  /** The resources that the run did not come to. */
  left(failed: Resource | undefined): readonly Resource[] {
    return this.#all.filter(one => one !== failed && !this.#ok.has(one) && !this.#changed.has(one))
  }

  /** Ansible's words: what was changed is also ok. */
  counts(failed: Resource | undefined): Pick<HostRecap, 'ok' | 'changed' | 'skipped'> {
    const ok = new Set([...this.#ok, ...this.#changed])
    return { ok: ok.size, changed: this.#changed.size, skipped: this.left(failed).length }
  }
}
