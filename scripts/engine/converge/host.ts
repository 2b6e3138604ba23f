import type { Connection } from '#engine/connection/connection.ts'
import type { CapstanError } from '#engine/errors.ts'
import type { Emit, HostRecap } from '#engine/output/events.ts'
import type { Resource } from '#engine/resources/resource.ts'
import type { Site } from '#engine/vars.ts'
import { type Applied, applyStage } from './apply.ts'
import { buildCatalog, type Catalog } from './catalog.ts'
import { declareRole } from './declare.ts'
import { type Facts, factsScript, parseFacts } from './facts.ts'
import { stillDiffers, stopped, unreadable } from './failures.ts'
import { Line } from './line.ts'
import { locked, lockScript, patience } from './lock.ts'
import { foreseen, handlerKey, type Plan, plan } from './plan.ts'
import { probe } from './probe.ts'
import type { HostIdentity, Role } from './role.ts'
import { Tally } from './tally.ts'

/** One host with all that is to be declared for it; vars are valid. */
export interface HostWork {
  readonly identity: HostIdentity
  readonly site: Site
  readonly roles: readonly { readonly role: Role; readonly vars: unknown }[]
  connect(): Promise<Connection>
}

export interface ConvergeOptions {
  readonly runId: string
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
  const run = new HostRun(work, options)
  const error = await run.converge().then(
    () => undefined,
    (thrown: CapstanError) => thrown,
  )
  return { ...(await run.end()), error }
}

class HostRun {
  readonly #work: HostWork
  readonly #options: ConvergeOptions
  readonly #stop: AbortSignal
  readonly #line: Line
  readonly #began = performance.now()
  readonly #tries = new Map<Resource, number>()
  #tally = new Tally([])
  #failedStep: Resource | undefined
  #failed = 0

  constructor(work: HostWork, options: ConvergeOptions) {
    this.#work = work
    this.#options = options
    this.#stop = options.stop ?? new AbortController().signal
    this.#line = new Line(work.identity.name, () => work.connect(), options)
  }

  async converge(): Promise<void> {
    try {
      const facts = await this.#pausable(() => this.#readFacts())
      const catalog = this.#declare(facts)
      this.#tally = new Tally(catalog.resources)
      await (this.#options.check ? this.#check(catalog, facts) : this.#bring(catalog, facts))
    } catch (error) {
      this.#failed = 1
      for (const resource of this.#tally.left(this.#failedStep))
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
    await this.#line.close()
    return {
      ...this.#tally.counts(this.#failedStep),
      failed: this.#failed,
      trips: this.#line.trips,
      seconds: (performance.now() - this.#began) / 1000,
    }
  }

  // In one trip with the lock: what an earlier run owes is known only once that has ended.
  async #readFacts(wait = 0): Promise<Facts> {
    const { emit, check, runId } = this.#options
    const connection = await this.#line.open()
    const lock = check ? '' : lockScript(runId, wait)
    // The facts run in a subshell: what they read from os-release must not stay in the session's shell.
    const script = `${lock}locked=$?\n(\n${factsScript})\n(exit $locked)\n`
    const { stdout, stderr, exitCode } = await connection.run(script, { keep: true })
    const { host } = connection
    const facts = parseFacts(stdout, host)
    const said = stderr.toString().trim()
    if (exitCode === 75 && wait === 0) {
      emit({ event: 'progress', host, message: `waiting up to ${patience} s for ${said}` })
      return this.#readFacts(patience)
    }
    if (exitCode !== 0) throw locked(host, exitCode, said)
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
    const planned = await this.#plan(catalog, new Set(facts.owed), 1)
    this.#tellOk(planned)
    const changes = foreseen(planned)
    for (const change of changes) this.#emit({ event: 'planned', ...change })
    for (const step of planned.stage) if (step.type === 'resource') this.#tally.changed(step.resource)
    for (const { resource } of planned.rest)
      if (changes.some(change => change.resource === resource.label)) this.#tally.changed(resource)
      else this.#tally.ok(resource)
  }

  async #bring(catalog: Catalog, facts: Facts): Promise<void> {
    const owed = new Set(facts.owed)
    const done = new Set<Resource>()
    for (let pass = 1; ; pass++) {
      const planned = await this.#plan(catalog, owed, pass, done)
      this.#tellOk(planned)
      if (planned.stage.length === 0 && planned.rest.length === 0) return
      this.#refuseStandstill(planned)
      const applied = await this.#apply(planned, pass)
      this.#remember(planned, applied, owed, done)
      if (applied.error) throw applied.error
    }
  }

  #plan(
    catalog: Catalog,
    owed: ReadonlySet<string>,
    pass: number,
    done = new Set<Resource>(),
  ): Promise<Plan> {
    return this.#pausable(async () => {
      const { resources } = catalog
      const probed = await probe(await this.#line.open(), resources, { diff: this.#options.diff })
      this.#emit({ event: 'probed', resources: resources.length, pass })
      return plan(catalog, probed, owed, done)
    })
  }

  async #apply({ stage }: Plan, pass: number): Promise<Applied> {
    const id = `${this.#options.runId}-${pass}`
    return this.#line.holding(id, connection =>
      applyStage(connection, stage, {
        id,
        emit: this.#options.emit,
        stop: this.#stop,
        reconnect: () => this.#line.reconnect(id),
      }),
    )
  }

  #remember({ stage }: Plan, applied: Applied, owed: Set<string>, done: Set<Resource>): void {
    for (const step of stage)
      if (step.type === 'resource') for (const handler of step.resource.notify) owed.add(handlerKey(handler))
    for (const step of applied.done) {
      if (step.type === 'handler') owed.delete(handlerKey(step.handler))
      else this.#tally.changed(step.resource)
      if (step.type === 'resource' && step.resource.once) done.add(step.resource)
    }
    if (applied.failed?.type === 'resource') this.#failedStep = applied.failed.resource
  }

  // What has been applied three times and still differs won't come right by a fourth.
  #refuseStandstill({ stage, rest }: Plan): void {
    const host = this.#work.identity.name
    const first = rest[0]
    if (stage.length === 0 && first && !first.state.known)
      throw unreadable(host, first.resource, first.state.reason)
    for (const step of stage) {
      if (step.type !== 'resource') continue
      const tries = (this.#tries.get(step.resource) ?? 0) + 1
      this.#tries.set(step.resource, tries)
      if (tries > 3) throw stillDiffers(host, step)
    }
  }

  #tellOk({ ok }: Plan): void {
    for (const resource of ok)
      if (this.#tally.ok(resource)) this.#emit({ event: 'ok', role: resource.role, resource: resource.label })
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

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never
