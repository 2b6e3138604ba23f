import type { Connection } from '#engine/connection/connection.ts'
import { type CapstanError, HostError } from '#engine/errors.ts'
import type { Emit, HostRecap } from '#engine/output/events.ts'
import type { Resource } from '#engine/resources/resource.ts'
import type { Site } from '#engine/vars.ts'
import { applyStage } from './apply.ts'
import { buildCatalog, type Catalog } from './catalog.ts'
import { type Facts, factsScript, parseFacts } from './facts.ts'
import { lockScript, waitForLock } from './lock.ts'
import { described, foreseen, handlerKey, type Plan, plan } from './plan.ts'
import { probe } from './probe.ts'
import type { HostIdentity, Role } from './role.ts'

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
}

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
  readonly #began = performance.now()
  readonly #changed = new Set<Resource>()
  readonly #ok = new Set<Resource>()
  readonly #tries = new Map<Resource, number>()
  #connection: Connection | undefined
  #trips = 0
  #resources = 0
  #failed = 0

  constructor(work: HostWork, options: ConvergeOptions) {
    this.#work = work
    this.#options = options
  }

  async converge(): Promise<void> {
    try {
      const facts = await this.#readFacts()
      const catalog = this.#declare(facts)
      this.#resources = catalog.resources.length
      await (this.#options.check ? this.#check(catalog, facts) : this.#bring(catalog, facts))
    } catch (error) {
      this.#failed = 1
      throw error
    }
  }

  async end(): Promise<Omit<HostResult, 'error'>> {
    this.#trips += this.#connection?.trips ?? 0
    await this.#connection?.close()
    const ok = new Set([...this.#ok, ...this.#changed]).size
    return {
      ok,
      changed: this.#changed.size,
      failed: this.#failed,
      skipped: Math.max(0, this.#resources - ok - this.#failed),
      trips: this.#trips,
      seconds: (performance.now() - this.#began) / 1000,
    }
  }

  async #readFacts(): Promise<Facts> {
    const { emit, check, runId } = this.#options
    const connection = await this.#connect()
    const { host } = connection
    const lock = check ? '' : lockScript(runId, 0)
    // The facts run in a subshell: what they read from os-release must not stay in the session's shell.
    const script = `${lock}locked=$?\n(\n${factsScript})\n(exit $locked)\n`
    const { stdout, stderr, exitCode } = await connection.run(script, { keep: true })
    const facts = parseFacts(stdout)
    if (exitCode === 75) await waitForLock(connection, runId, stderr.toString().trim(), emit)
    else if (exitCode !== 0)
      throw new HostError('lock', `${host}: the lock in /run/capstan can’t be taken`, {
        lines: stderr.toString().trimEnd().split('\n'),
        hint: 'Is the host’s /run writable for root?',
      })
    emit({ event: 'facts', host, facts: { ...facts } })
    return facts
  }

  #declare(facts: Facts): Catalog {
    const { identity, site, roles } = this.#work
    const catalog = buildCatalog()
    for (const { role, vars } of roles)
      role.declare(catalog.role(role.name), { vars, site, facts, host: identity })
    return catalog
  }

  async #check(catalog: Catalog, facts: Facts): Promise<void> {
    const planned = await this.#plan(catalog, new Set(facts.owed), 1)
    for (const resource of planned.ok) this.#tellOk(resource)
    const foreseenChanges = foreseen(planned)
    for (const change of foreseenChanges) this.#emit({ event: 'planned', ...change })
    for (const step of planned.stage) if (step.type === 'resource') this.#changed.add(step.resource)
    for (const { resource } of planned.rest)
      if (foreseenChanges.some(change => change.resource === resource.label)) this.#changed.add(resource)
      else this.#ok.add(resource)
  }

  async #bring(catalog: Catalog, facts: Facts): Promise<void> {
    const owed = new Set(facts.owed)
    const done = new Set<Resource>()
    for (let pass = 1; ; pass++) {
      const planned = await this.#plan(catalog, owed, pass, done)
      for (const resource of planned.ok) this.#tellOk(resource)
      if (planned.stage.length === 0 && planned.rest.length === 0) return
      this.#refuseStandstill(planned)

      const applied = await applyStage(await this.#connect(), () => this.#reconnect(), planned.stage, {
        id: `${this.#options.runId}-${pass}`,
        emit: this.#options.emit,
      })
      for (const step of planned.stage)
        if (step.type === 'resource')
          for (const handler of step.resource.notify) owed.add(handlerKey(handler))
      for (const step of applied.done) {
        if (step.type === 'handler') owed.delete(handlerKey(step.handler))
        else this.#changed.add(step.resource)
        if (step.type === 'resource' && step.resource.once) done.add(step.resource)
      }
      if (applied.error) throw applied.error
    }
  }

  async #plan(
    catalog: Catalog,
    owed: ReadonlySet<string>,
    pass: number,
    done = new Set<Resource>(),
  ): Promise<Plan> {
    const { resources } = catalog
    const probed = await probe(await this.#connect(), resources, { diff: this.#options.diff })
    this.#emit({ event: 'probed', resources: resources.length, pass })
    return plan(catalog, probed, owed, done)
  }

  // What has been applied three times and still differs won't come right by a fourth.
  #refuseStandstill({ stage, rest }: Plan): void {
    const host = this.#work.identity.name
    const first = rest[0]
    if (stage.length === 0 && first && !first.state.known)
      throw new HostError(
        'unknown',
        `${host}: ${first.resource.label}: its state can’t be read: ${first.state.reason}`,
        {
          where: first.resource.where(),
          hint: 'Nothing that this run still has to do would change that. Look at it on the host and run again.',
        },
      )
    for (const step of stage) {
      if (step.type !== 'resource') continue
      const tries = (this.#tries.get(step.resource) ?? 0) + 1
      this.#tries.set(step.resource, tries)
      if (tries > 3) throw stillDiffers(host, step)
    }
  }

  #tellOk(resource: Resource): void {
    if (this.#ok.has(resource) || this.#changed.has(resource)) return
    this.#ok.add(resource)
    this.#emit({ event: 'ok', role: resource.role, resource: resource.label })
  }

  async #connect(): Promise<Connection> {
    if (this.#connection) return this.#connection
    const began = performance.now()
    this.#connection = await this.#work.connect()
    this.#emit({
      event: 'connected',
      address: this.#connection.host,
      seconds: (performance.now() - began) / 1000,
    })
    return this.#connection
  }

  // A stage that is still running holds the lock for this run, so that it is busy says nothing here.
  async #reconnect(): Promise<Connection> {
    this.#trips += this.#connection?.trips ?? 0
    this.#connection = undefined
    this.#emit({ event: 'warning', message: 'the connection was lost; connecting again' })
    const connection = await this.#connect()
    await connection.run(lockScript(this.#options.runId, 0), { keep: true })
    return connection
  }

  #emit(event: DistributiveOmit<Parameters<Emit>[0] & { host?: string }, 'host'>): void {
    this.#options.emit({ host: this.#work.identity.name, ...event } as Parameters<Emit>[0])
  }
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never

function stillDiffers(host: string, step: Parameters<typeof described>[0]): HostError {
  const { resource, where, differences } = described(step)
  return new HostError(
    'still-differs',
    `${host}: ${resource} still differs after it was applied three times`,
    {
      where,
      lines: differences.map(one => `${one.what}: wanted ${one.wanted}, found ${one.found}`),
      hint: 'Something on the host undoes it, or two roles declare the opposite of each other.',
    },
  )
}
