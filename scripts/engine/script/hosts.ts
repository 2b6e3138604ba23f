import { hostBatches, type Serial } from '#engine/converge/serial.ts'
import { Interrupted } from '#engine/errors.ts'
import type { Emit } from '#engine/output/events.ts'
import type { Host } from './host.ts'
import { HostsFailed, reportable } from './thrown.ts'

export interface EachOptions {
  /** How many hosts at a time: a number, a share (`25%`), or a list of both. Absent: all, `forks` at a time. */
  readonly serial?: Serial
  /** At most so many at the same time; absent: what `--forks` says. */
  readonly forks?: number
  /** So many hosts may fail, or a share of them, before no further batch is begun; 0 by default. */
  readonly maxFail?: number | `${number}%`
}

/** Hosts of a run, in the order of the inventory, and what of the run bears on them. */
export interface Selection {
  readonly hosts: readonly Host[]
  readonly emit: Emit
  readonly stop: AbortSignal
  readonly forks: number
}

/** The hosts of a pattern, limited by `-l`. */
export class Hosts {
  readonly #select: () => Promise<Selection>

  constructor(select: () => Promise<Selection>) {
    this.#select = select
  }

  /** The hosts themselves, for a loop of your own. */
  async list(): Promise<readonly Host[]> {
    const { hosts, emit } = await this.#select()
    waiting(hosts, emit)
    return hosts
  }

  /**
   * Calls `work` for each host, and gives what it returned, in the order of the hosts. What it throws is reported under the
   * host's name. Once more than `maxFail` hosts have failed no further batch is begun; all failures of the batch are
   * reported. Throws HostsFailed after the last batch if any host failed.
   */
  each<T>(work: (host: Host) => Promise<T>): Promise<readonly T[]>
  each<T>(options: EachOptions, work: (host: Host) => Promise<T>): Promise<readonly T[]>
  async each<T>(
    first: EachOptions | ((host: Host) => Promise<T>),
    second?: (host: Host) => Promise<T>,
  ): Promise<readonly T[]> {
    const [options, work] = typeof first === 'function' ? [{}, first] : [first, second]
    if (work === undefined) throw new TypeError('each: expected a function of a host')
    const { hosts, emit, stop, ...run } = await this.#select()
    const { serial, forks = run.forks, maxFail = 0 } = options
    const most = allowed(maxFail, hosts.length)
    const results = new Map<Host, T>()
    const failures = new Map<string, Error>()
    const all = serial === undefined ? [hosts] : hostBatches(hosts, serial)
    if (all.length > 1) waiting(hosts, emit)
    const begun = new Set<Host>()
    for (const batch of all) {
      await atMost(forks, batch, async host => {
        begun.add(host)
        try {
          if (stop.aborted) throw new Interrupted('the script was interrupted')
          results.set(host, await work(host))
        } catch (thrown) {
          const error = reportable(host.name, thrown)
          if (!(error instanceof Interrupted)) failures.set(host.name, error)
          report(host, error, emit)
        }
        emit({ event: 'finished', host: host.name })
      })
      if (failures.size > most) break
    }
    const skipped = hosts.filter(host => !begun.has(host))
    for (const host of skipped) host.record.end('skipped')
    for (const host of skipped) emit({ event: 'finished', host: host.name })
    if (failures.size > 0) throw new HostsFailed(failures, skipped.length)
    if (stop.aborted) throw new Interrupted('the script was interrupted')
    return hosts.map(host => results.get(host) as T)
  }

  /** Calls `work` for the first host alone: for what is done once. */
  async first<T>(work: (host: Host) => Promise<T>): Promise<T> {
    const selection = await this.#select()
    const [one, ...others] = selection.hosts
    waiting(others, selection.emit)
    const only = new Hosts(async () => ({ ...selection, hosts: one ? [one] : [] }))
    const [result] = await only.each(work)
    return result as T
  }
}

/** They are not connected to before a script uses them. */
function waiting(hosts: readonly Host[], emit: Emit): void {
  for (const host of hosts) emit({ event: 'waiting', host: host.name })
}

function report(host: Host, error: Error, emit: Emit): void {
  if (error instanceof Interrupted) host.record.end('skipped')
  else {
    host.record.end('failed', error)
    emit({ event: 'failed', host: host.name, error: error as never })
  }
}

function allowed(maxFail: number | `${number}%`, hosts: number): number {
  const [, share] = /^(\d+(?:\.\d+)?)%$/.exec(String(maxFail)) ?? []
  if (share !== undefined) return Math.floor((hosts * Number(share)) / 100)
  if (Number.isInteger(maxFail) && Number(maxFail) >= 0) return Number(maxFail)
  throw new RangeError(
    `maxFail: expected a number of hosts or a share like "25%", got ${JSON.stringify(maxFail)}`,
  )
}

async function atMost<T>(
  limit: number,
  items: readonly T[],
  work: (item: T) => Promise<void>,
): Promise<void> {
  const left = items.values()
  const worker = async () => {
    for (const item of left) await work(item)
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker))
}
