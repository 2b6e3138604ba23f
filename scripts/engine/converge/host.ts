import type { Connect } from '#engine/connection/connection.ts'
import { type CapstanError, Interrupted } from '#engine/errors.ts'
import { HostConnection } from '#engine/host/host-connection.ts'
import type { RunIdentity } from '#engine/host/run-identity.ts'
import type { Emit, HostRecap } from '#engine/output/events.ts'
import { handlerKey, type Resource } from '#engine/resources/resource.ts'
import type { Site } from '#engine/vars.ts'
import { type Applied, applyStage } from './apply.ts'
import { buildCatalog, type Catalog } from './catalog.ts'
import { Counts } from './counts.ts'
import { declareRole } from './declare.ts'
import { type Facts, factsScript, parseFacts, type SetUpSite } from './facts.ts'
import { stillDiffers, stopped, unreadable } from './failures.ts'
import { removalNotes, removedSites } from './other-site.ts'
import { foreseen, type Plan, plan } from './plan.ts'
import { type Probed, probe } from './probe.ts'
import type { AssignedRole, HostIdentity } from './role.ts'
import { clearLeftovers } from './stage.ts'

/** One host with all that is to be declared for it; vars are valid. */
export interface HostWork {
  readonly identity: HostIdentity
  /** At least one. */
  readonly sites: readonly Site[]
  readonly roles: readonly AssignedRole[]
  /** These are not all roles of the host; absent: they are. */
  readonly partial?: boolean
  /** The host's own connection, or how to open one for the run. */
  readonly connection: HostConnection | Connect
  /** Leaves that connection open at the end; absent: it is closed. */
  readonly keepOpen?: boolean
  /** What a role reads the host with where no resource does; absent where that is not to be had. */
  readonly $?: HostIdentity['$']
}

export interface ConvergeOptions {
  readonly run: RunIdentity
  /** Plan and tell, change nothing. */
  readonly check: boolean
  readonly diff: boolean
  readonly emit: Emit
  /** Aborted, hosts end at their next step boundary; absent: nothing can end the run. */
  readonly stop?: AbortSignal
  /** The names of removed sites whose data goes as well. */
  readonly purge?: readonly string[]
}

/** `error` is what was thrown; it is another Error only where that is a bug of ours. */
export type HostResult = Omit<HostRecap, 'unreachable'> & { readonly error: CapstanError | undefined }

/** Brings one host to what its roles declare, and proves it by a last probe. Never throws for what a host does. */
export async function convergeHost(work: HostWork, options: ConvergeOptions): Promise<HostResult> {
  const run = new HostConverge(work, options)
  await run.inspect()
  if (run.needs()) await run.apply()
  return run.end()
}

/**
 * One host's way through a run: inspected once, then changed as often as there are plays that need it. What goes wrong is
 * kept as `error`, and nothing more is done from then on.
 */
export class HostConverge {
  readonly work: HostWork
  error: CapstanError | undefined
  readonly #options: ConvergeOptions
  readonly #stop: AbortSignal
  readonly #connection: HostConnection
  readonly #began = performance.now()
  readonly #tripsBefore: number
  readonly #tries = new Map<Resource, number>()
  readonly #warnings = new Set<string>()
  readonly #done = new Set<Resource>()
  #pending = new Set<string>()
  #catalog: Catalog = { resources: [], handlers: [] }
  #probed: readonly Probed[] = []
  /** Nothing of any role differs, as it was inspected: there is nothing to plan. */
  #isAsDeclared = false
  #removed: readonly SetUpSite[] = []
  #passes = 0
  #counts = new Counts([])
  #failedStep: Resource | undefined

  constructor(work: HostWork, options: ConvergeOptions) {
    this.work = work
    this.#options = options
    // One of this host's own: a signal that a hundred hosts listen to would be taken for a leak.
    this.#stop = AbortSignal.any(options.stop ? [options.stop] : [])
    const { run, emit } = options
    const { connection, identity } = work
    this.#connection =
      connection instanceof HostConnection
        ? connection
        : new HostConnection(identity.name, connection, { run, emit, stop: this.#stop, wait: lockPatience })
    this.#tripsBefore = this.#connection.trips
  }

  get name(): string {
    return this.work.identity.name
  }

  /** Reads the host's facts and the state of all that is declared for it: two trips. Changes nothing. */
  inspect(): Promise<void> {
    return this.attempt(async () => {
      const facts = await this.#pausable(() => this.#readFacts())
      this.#pending = new Set(facts.pending)
      await this.#declare(facts)
      const planned = await this.#plan()
      this.#isAsDeclared = planned.stage.length === 0 && planned.rest.length === 0
      this.#tellOk(planned)
      if (this.#options.check) this.#foretell(planned)
    })
  }

  /** Whether the resources of these roles, or all of them, differ or are still unknown. */
  needs(roles?: ReadonlySet<string>): boolean {
    if (this.error || this.#options.check || this.#isAsDeclared) return false
    const { stage, rest } = this.#planOf(this.#part(roles))
    return stage.length > 0 || rest.length > 0
  }

  /** Changes what differs of these roles, or of all of them, until a probe finds nothing more. */
  apply(roles?: ReadonlySet<string>): Promise<void> {
    return this.attempt(async () => {
      const part = this.#part(roles)
      let planned = this.#planOf(part)
      // Another host or an earlier play may have made it known.
      if (planned.stage.length === 0 && roles !== undefined) planned = await this.#plan(part)
      while (planned.stage.length > 0 || planned.rest.length > 0) {
        if (this.#stop.aborted) throw stopped(this.name)
        this.#refuseStandstill(planned)
        const applied = await this.#apply(planned)
        this.#remember(planned, applied)
        if (applied.error) throw applied.error
        planned = await this.#plan(part)
        this.#tellOk(planned)
      }
    })
  }

  /** Does something for this host; what it throws ends the host's run. */
  async attempt(work: () => Promise<unknown>): Promise<void> {
    if (this.error) return
    try {
      await work()
    } catch (error) {
      this.error = error instanceof Interrupted ? stopped(this.name) : (error as CapstanError)
    }
  }

  async end(): Promise<HostResult> {
    const { connection, keepOpen } = this.work
    if (!(connection instanceof HostConnection)) await this.#connection.close()
    else await (keepOpen ? connection.unlock() : connection.disconnect())
    for (const resource of this.error ? this.#counts.left(this.#failedStep) : [])
      this.#emit({
        event: 'skipped',
        role: resource.role,
        resource: resource.label,
        why: 'the run of this host ended earlier',
      })
    return {
      ...this.#counts.counts(this.#failedStep),
      failed: this.error ? 1 : 0,
      trips: this.#connection.trips - this.#tripsBefore,
      seconds: (performance.now() - this.#began) / 1000,
      error: this.error,
    }
  }

  // In one trip with the lock: which handlers an earlier run left pending is known only once that has ended.
  async #readFacts(): Promise<Facts> {
    const { emit, check } = this.#options
    const { host } = this.#connection
    const { stdout } = await (check
      ? this.#connection.read(factsScript)
      : this.#connection.lock('host', `${clearLeftovers}${factsScript}`))
    const facts = parseFacts(stdout, host)
    const { purge = [] } = this.#options
    this.#removed = removedSites(host, facts.sites, this.work.sites, purge)
    for (const message of removalNotes(facts.sites, this.#removed, purge))
      this.#emit({ event: 'warning', message })
    emit({ event: 'facts', host, facts: { ...facts } })
    return facts
  }

  async #declare(facts: Facts): Promise<void> {
    const { identity, sites, roles } = this.work
    const catalog = buildCatalog()
    for (const { role, vars } of roles)
      await declareRole(role, catalog, {
        sites: sites.map((site, index) => ({ site, vars: vars[index] })),
        ...{ removed: this.#removed, facts, host: { ...identity, $: this.work.$ } },
      })
    this.#catalog = catalog.complete()
    this.#counts = new Counts(this.#catalog.resources)
  }

  #foretell(planned: Plan): void {
    const changes = foreseen(planned)
    for (const change of changes) this.#emit({ event: 'planned', ...change })
    for (const step of planned.stage) if (step.type === 'resource') this.#counts.changed(step.resource)
    for (const { resource } of planned.rest)
      if (changes.some(change => change.resource === resource.label)) this.#counts.changed(resource)
      else this.#counts.ok(resource)
  }

  #part(roles: ReadonlySet<string> | undefined): Catalog {
    if (roles === undefined) return this.#catalog
    const { resources, handlers } = this.#catalog
    const isOf = ({ role }: { readonly role: string }) => roles.has(role)
    return { resources: resources.filter(isOf), handlers: handlers.filter(isOf) }
  }

  #planOf(part: Catalog): Plan {
    const resources = new Set(part.resources)
    const probed = this.#probed.filter(({ resource }) => resources.has(resource))
    return plan(part, probed, this.#pending, this.#done)
  }

  /** Probes all of the host, whatever part of it is planned: a change of one role may undo another's. */
  #plan(part = this.#catalog): Promise<Plan> {
    return this.#pausable(async () => {
      const { resources } = this.#catalog
      this.#probed = await probe(this.#connection, resources, {
        diff: this.#options.diff,
        partial: this.work.partial ?? false,
      })
      this.#passes += 1
      this.#emit({ event: 'probed', resources: resources.length, pass: this.#passes })
      return this.#planOf(part)
    })
  }

  #apply({ stage }: Plan): Promise<Applied> {
    const { run, emit } = this.#options
    const sites = [...this.work.sites, ...this.#removed]
    return applyStage(this.#connection, stage, { run, sites, pass: this.#passes, emit })
  }

  #remember({ stage }: Plan, applied: Applied): void {
    for (const step of stage)
      if (step.type === 'resource')
        for (const handler of step.resource.notify) this.#pending.add(handlerKey(handler))
    for (const step of applied.done) {
      if (step.type === 'handler') this.#pending.delete(handlerKey(step.handler))
      else this.#counts.changed(step.resource)
      if (step.type === 'resource' && step.resource.once) this.#done.add(step.resource)
    }
    if (applied.failed?.type === 'resource') this.#failedStep = applied.failed.resource
  }

  // What has been applied three times and still differs won't come right by a fourth; some not by a second.
  #refuseStandstill({ stage, rest }: Plan): void {
    const first = rest[0]
    if (stage.length === 0 && first && !first.state.known)
      throw unreadable(this.name, first.resource, first.state.reason)
    for (const step of stage) {
      if (step.type !== 'resource') continue
      const tries = (this.#tries.get(step.resource) ?? 0) + 1
      this.#tries.set(step.resource, tries)
      if (tries > (step.resource.kind.tries ?? 3)) throw stillDiffers(this.name, step)
    }
  }

  #tellOk({ ok, warnings }: Plan): void {
    for (const message of warnings) {
      if (!this.#warnings.has(message)) this.#emit({ event: 'warning', message })
      this.#warnings.add(message)
    }
    for (const resource of ok)
      if (this.#counts.ok(resource))
        this.#emit({ event: 'ok', role: resource.role, resource: resource.label })
  }

  // What only reads is left at once when the run is to stop.
  async #pausable<T>(work: () => Promise<T>): Promise<T> {
    const stop = this.#stop
    let leave = () => {}
    const left = new Promise<never>((_, reject) => {
      leave = () => reject(stopped(this.name))
      if (stop.aborted) leave()
      else stop.addEventListener('abort', leave)
    })
    left.catch(() => {})
    if (stop.aborted) return left
    const working = work()
    working.catch(() => {})
    return Promise.race([working, left]).finally(() => stop.removeEventListener('abort', leave))
  }

  #emit(event: DistributiveOmit<Parameters<Emit>[0] & { host?: string }, 'host'>): void {
    this.#options.emit({ host: this.name, ...event } as Parameters<Emit>[0])
  }
}

// Seconds that a run waits for another one's lock.
const lockPatience = 30

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never
