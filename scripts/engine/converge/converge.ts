import { type CapstanError, exitCodeOfRun, Interrupted, UnreachableError } from '#engine/errors.ts'
import type { HostRecap } from '#engine/output/events.ts'
import { type ConvergeOptions, HostConverge, type HostResult, type HostWork } from './host.ts'
import { hostBatches, type Serial } from './serial.ts'

/** What a play applies, and how it goes over the hosts that need it. */
export interface PlayWork {
  /** The roles that it gives to each of its hosts, by the host's name. */
  readonly roles: ReadonlyMap<string, ReadonlySet<string>>
  /** Absent: all hosts at the same time. */
  readonly serial?: Serial | undefined
  /** Called before and after a host is changed, with its name; what they throw ends that host's run. */
  readonly before?: ((host: string) => Promise<unknown>) | undefined
  readonly after?: ((host: string) => Promise<unknown>) | undefined
}

/** How a run over several hosts ended: its recap, and its exit code. */
export interface RunResult {
  readonly hosts: Readonly<Record<string, HostRecap>>
  readonly exitCode: 0 | 1 | 4 | 75
}

interface RunOptions extends ConvergeOptions {
  /** Hosts at a time. */
  readonly forks: number
  /** In order; absent: one play of all hosts with all of their roles. */
  readonly plays?: readonly PlayWork[]
}

/**
 * Inspects all hosts, `forks` at a time; then applies play after play, each to the hosts that it finds different, in
 * batches. A host that fails stops none of the others, but in a play with `serial` the batch that it is in is the last.
 * Each error is reported.
 */
export async function converge(hosts: readonly HostWork[], options: RunOptions): Promise<RunResult> {
  const run = new Run(hosts, options)
  await run.inspect()
  await run.applyPlays()
  return run.end()
}

/** The hosts of one run on their way through the plays. */
class Run {
  readonly #hosts: readonly HostConverge[]
  readonly #options: RunOptions
  readonly #plays: readonly PlayWork[]
  readonly #results = new Map<HostConverge, HostResult>()

  constructor(hosts: readonly HostWork[], options: RunOptions) {
    this.#hosts = hosts.map(work => new HostConverge(work, options))
    this.#options = options
    this.#plays = options.plays ?? [{ roles: allRoles(hosts) }]
  }

  async inspect(): Promise<void> {
    const { emit } = this.#options
    const isOrdered = this.#plays.length > 1 || this.#plays.some(({ serial }) => serial !== undefined)
    await this.#each(this.#hosts, async host => {
      await host.inspect()
      await this.#finishIfDone(host)
      if (isOrdered && !this.#results.has(host)) emit({ event: 'waiting', host: host.name })
    })
  }

  /** Until no play finds a difference: a later play may have undone what an earlier one did. */
  async applyPlays(): Promise<void> {
    for (let isDone = false; !isDone; ) {
      isDone = true
      for (const play of this.#plays) {
        const due = this.#hosts.filter(host => this.#isDue(host, play))
        if (due.length > 0) isDone = false
        if (!(await this.#apply(play, due))) return
      }
    }
  }

  async end(): Promise<RunResult> {
    for (const host of this.#hosts) await this.#finish(host)
    const recap = this.#hosts.map(
      host => [host.name, recapOf(this.#results.get(host) as HostResult)] as const,
    )
    const hosts = Object.fromEntries(recap)
    this.#options.emit({ event: 'recap', hosts })
    const errors = this.#hosts.flatMap(({ error }) => (error ? [error] : []))
    return { hosts, exitCode: exitCodeOfRun(errors) }
  }

  /** False: a batch failed, and nothing more is to be changed. */
  async #apply(play: PlayWork, due: readonly HostConverge[]): Promise<boolean> {
    for (const batch of play.serial === undefined ? [due] : hostBatches(due, play.serial)) {
      await this.#each(batch, async host => {
        await host.attempt(async () => {
          if (this.#options.stop?.aborted) throw new Interrupted('stopped')
          await play.before?.(host.name)
        })
        await host.apply(play.roles.get(host.name))
        await host.attempt(async () => play.after?.(host.name))
        await this.#finishIfDone(host)
        if (!this.#results.has(host)) this.#options.emit({ event: 'waiting', host: host.name })
      })
      if (play.serial !== undefined && batch.some(({ error }) => error)) return false
    }
    return true
  }

  #isDue(host: HostConverge, play: PlayWork): boolean {
    const roles = play.roles.get(host.name)
    return roles !== undefined && !this.#results.has(host) && host.needs(roles)
  }

  async #finishIfDone(host: HostConverge): Promise<void> {
    if (!this.#plays.some(play => this.#isDue(host, play))) await this.#finish(host)
  }

  async #finish(host: HostConverge): Promise<void> {
    if (this.#results.has(host)) return
    const result = await host.end()
    this.#results.set(host, result)
    const { emit } = this.#options
    // What is not ours to explain is a bug: the printer shows its stack.
    if (result.error) emit({ event: 'failed', host: host.name, error: result.error as CapstanError })
    emit({ event: 'finished', host: host.name })
  }

  async #each(hosts: readonly HostConverge[], work: (host: HostConverge) => Promise<void>): Promise<void> {
    const waiting = hosts.values()
    const worker = async () => {
      for (const host of waiting) await work(host)
    }
    await Promise.all(Array.from({ length: Math.min(this.#options.forks, hosts.length) }, worker))
  }
}

function allRoles(hosts: readonly HostWork[]): PlayWork['roles'] {
  return new Map(
    hosts.map(({ identity, roles }) => [identity.name, new Set(roles.map(({ role }) => role.name))]),
  )
}

function recapOf({ error, ...counts }: HostResult): HostRecap {
  const unreachable = error instanceof UnreachableError
  return { ...counts, failed: unreachable ? 0 : counts.failed, unreachable: unreachable ? 1 : 0 }
}
