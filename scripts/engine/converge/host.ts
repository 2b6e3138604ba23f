import type { CapstanError } from '#engine/errors.ts'
import { type Connect, HostConnection } from '#engine/host/host-connection.ts'
import type { RunIdentity } from '#engine/host/run-identity.ts'
import type { Emit, HostRecap } from '#engine/output/events.ts'
import type { Resource } from '#engine/resources/resource.ts'
import type { Site } from '#engine/vars.ts'
import { type Applied, applyStage } from './apply.ts'
import { buildCatalog, type Catalog } from './catalog.ts'
import { Counts } from './counts.ts'
import { declareRole } from './declare.ts'
import { type Facts, factsScript, parseFacts } from './facts.ts'
import { stillDiffers, stopped, unreadable } from './failures.ts'
import { refuseOtherSite } from './other-site.ts'
import { foreseen, handlerKey, type Plan, plan } from './plan.ts'
import { probe } from './probe.ts'
import type { HostIdentity, Role } from './role.ts'
import { clearLeftovers } from './stage.ts'

/** One host with all that is to be declared for it; vars are valid. */
export interface HostWork {
  readonly identity: HostIdentity
  readonly site: Site
  readonly roles: readonly { readonly role: Role; readonly vars: unknown }[]
  /** These are not all roles of the host; absent: they are. */
  readonly partial?: boolean
  readonly connect: Connect
}

export interface ConvergeOptions {
  readonly run: RunIdentity
  /** Plan and tell, change nothing. */
  readonly check: boolean
  readonly diff: boolean
  readonly emit: Emit
  /** Aborted, hosts end at their next step boundary; absent: nothing can end the run. */
  readonly stop?: AbortSignal
}

/** `error` is what was thrown; it is another Error only where that is a bug of ours. */
export type HostResult = Omit<HostRecap, 'unreachable'> & { readonly error: CapstanError | undefined }

/** Brings one host to what its roles declare, and proves it by a last probe. Never throws for what a host does. */
export async function convergeHost(work: HostWork, options: ConvergeOptions): Promise<HostResult> {
  const run = new HostConverge(work, options)
  const error = await run.converge().then(
    () => undefined,
    (thrown: CapstanError) => thrown,
  )
  return { ...(await run.end()), error }
}

/** One host's way through a run. */
class HostConverge {
  readonly #work: HostWork
  readonly #options: ConvergeOptions
  readonly #stop: AbortSignal
  readonly #connection: HostConnection
  readonly #began = performance.now()
  readonly #tries = new Map<Resource, number>()
  readonly #warnings = new Set<string>()
  #counts = new Counts([])
  #failedStep: Resource | undefined
  #failed = 0

  constructor(work: HostWork, options: ConvergeOptions) {
    this.#work = work
    this.#options = options
    // One of this host's own: a signal that a hundred hosts listen to would be taken for a leak.
    this.#stop = AbortSignal.any(options.stop ? [options.stop] : [])
    this.#connection = new HostConnection(work.identity.name, work.connect, {
      run: options.run,
      emit: options.emit,
      stop: this.#stop,
      wait: lockPatience,
    })
  }

  async converge(): Promise<void> {
    try {
      const facts = await this.#pausable(() => this.#readFacts())
      const catalog = this.#declare(facts)
      this.#counts = new Counts(catalog.resources)
      await (this.#options.check ? this.#check(catalog, facts) : this.#bring(catalog, facts))
    } catch (error) {
      this.#failed = 1
      for (const resource of this.#counts.left(this.#failedStep))
        this.#emit({
          event: 'skipped',
          role: resource.role,
          resource: resource.label,
          why: 'the run of this host ended before it',
        })
      throw error
    }
  }

  async end(): Promise<Omit<HostResult, 'error'>> {
    await this.#connection.close()
    return {
      ...this.#counts.counts(this.#failedStep),
      failed: this.#failed,
      trips: this.#connection.trips,
      seconds: (performance.now() - this.#began) / 1000,
    }
  }

  // In one trip with the lock: which handlers an earlier run left pending is known only once that has ended.
  async #readFacts(): Promise<Facts> {
    const { emit, check } = this.#options
    const { host } = this.#connection
    const { stdout } = await (check
      ? this.#connection.run(factsScript)
      : this.#connection.lock('host', `${clearLeftovers}${factsScript}`))
    const facts = parseFacts(stdout, host)
    refuseOtherSite(host, facts.site, this.#work.site)
    emit({ event: 'facts', host, facts: { ...facts } })
    return facts
  }

  #declare(facts: Facts): Catalog {
    const { identity, site, roles } = this.#work
    const catalog = buildCatalog()
    for (const { role, vars } of roles) declareRole(role, catalog, { vars, site, facts, host: identity })
    return catalog
  }

  async #check(catalog: Catalog, facts: Facts): Promise<void> {
    const planned = await this.#plan(catalog, new Set(facts.pending), 1)
    this.#tellOk(planned)
    const changes = foreseen(planned)
    for (const change of changes) this.#emit({ event: 'planned', ...change })
    for (const step of planned.stage) if (step.type === 'resource') this.#counts.changed(step.resource)
    for (const { resource } of planned.rest)
      if (changes.some(change => change.resource === resource.label)) this.#counts.changed(resource)
      else this.#counts.ok(resource)
  }

  async #bring(catalog: Catalog, facts: Facts): Promise<void> {
    const pending = new Set(facts.pending)
    const done = new Set<Resource>()
    for (let pass = 1; ; pass++) {
      const planned = await this.#plan(catalog, pending, pass, done)
      this.#tellOk(planned)
      if (planned.stage.length === 0 && planned.rest.length === 0) return
      this.#refuseStandstill(planned)
      const applied = await this.#apply(planned, pass)
      this.#remember(planned, applied, pending, done)
      if (applied.error) throw applied.error
    }
  }

  #plan(
    catalog: Catalog,
    pending: ReadonlySet<string>,
    pass: number,
    done = new Set<Resource>(),
  ): Promise<Plan> {
    return this.#pausable(async () => {
      const { resources } = catalog
      const probed = await probe(this.#connection, resources, {
        diff: this.#options.diff,
        partial: this.#work.partial ?? false,
      })
      this.#emit({ event: 'probed', resources: resources.length, pass })
      return plan(catalog, probed, pending, done)
    })
  }

  #apply({ stage }: Plan, pass: number): Promise<Applied> {
    const { run, emit } = this.#options
    return applyStage(this.#connection, stage, { run, site: this.#work.site, pass, emit })
  }

  #remember({ stage }: Plan, applied: Applied, pending: Set<string>, done: Set<Resource>): void {
    for (const step of stage)
      if (step.type === 'resource')
        for (const handler of step.resource.notify) pending.add(handlerKey(handler))
    for (const step of applied.done) {
      if (step.type === 'handler') pending.delete(handlerKey(step.handler))
      else this.#counts.changed(step.resource)
      if (step.type === 'resource' && step.resource.once) done.add(step.resource)
    }
    if (applied.failed?.type === 'resource') this.#failedStep = applied.failed.resource
  }

  // What has been applied three times and still differs won't come right by a fourth; some not by a second.
  #refuseStandstill({ stage, rest }: Plan): void {
    const host = this.#work.identity.name
    const first = rest[0]
    if (stage.length === 0 && first && !first.state.known)
      throw unreadable(host, first.resource, first.state.reason)
    for (const step of stage) {
      if (step.type !== 'resource') continue
      const tries = (this.#tries.get(step.resource) ?? 0) + 1
      this.#tries.set(step.resource, tries)
      if (tries > (step.resource.kind.tries ?? 3)) throw stillDiffers(host, step)
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
      leave = () => reject(stopped(this.#work.identity.name))
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
    this.#options.emit({ host: this.#work.identity.name, ...event } as Parameters<Emit>[0])
  }
}

// Seconds that a run waits for another one's lock.
const lockPatience = 30

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never
