import { UnreachableError } from '#engine/errors.ts'
import type { Emit, HostRecap } from '#engine/output/events.ts'
import type { CommandEvent } from './dollar-host.ts'
import type { Progress } from './streams.ts'

/**
 * What a script did on one host, told as it happens and counted for the recap. As in Ansible a command counts as a change,
 * unless it is `readOnly`.
 */
export class HostRecord {
  readonly #host: string
  readonly #emit: Emit
  readonly #counts = { ok: 0, changed: 0, skipped: 0, failed: 0, unreachable: 0 }
  #began: number | undefined
  #ended = 0

  constructor(host: string, emit: Emit) {
    this.#host = host
    this.#emit = emit
  }

  /** For the recap, which counts trips itself. */
  get counts(): Omit<HostRecap, 'trips'> {
    const seconds = this.#began === undefined ? 0 : (this.#ended - this.#began) / 1000
    return { ...this.#counts, seconds }
  }

  add(counts: Pick<HostRecap, 'ok' | 'changed' | 'skipped'>): void {
    this.#time()
    for (const name of ['ok', 'changed', 'skipped'] as const) this.#counts[name] += counts[name]
  }

  /** Tells and counts a step around `work`, which gives whether it changed something. */
  async step(step: string, work: () => Promise<boolean>): Promise<boolean> {
    const began = this.#time()
    this.#tell(step, 'begun')
    const changed = await work()
    this.#done(step, { seconds: (this.#time() - began) / 1000, readOnly: !changed })
    return changed
  }

  /** A change that `--check` shows and does not make. */
  async planned(step: string): Promise<boolean> {
    this.#counts.changed += 1
    this.#tell(step, 'planned')
    return true
  }

  command(event: CommandEvent): void {
    const { command, readOnly } = event
    this.#time()
    switch (event.state) {
      case 'begun':
        this.#tell(command, 'begun')
        break
      case 'planned':
        void this.planned(command)
        break
      case 'printed': {
        const shown = event.isShown && ({ shown: true } as const)
        this.#emit({ event: 'output', host: this.#host, resource: command, text: event.text, ...shown })
        break
      }
      case 'ended': {
        const { exitCode, seconds } = event
        const how = exitCode === null ? 'ended by a signal' : `exited with ${exitCode}`
        this.#done(command, { seconds, readOnly, ...(exitCode !== 0 && { note: how }) })
      }
    }
  }

  /** Counts the host as failed, or as one that a stopped run did not come to. */
  end(how: 'failed' | 'skipped', error?: Error): void {
    this.#counts[how === 'failed' && error instanceof UnreachableError ? 'unreachable' : how] = 1
  }

  /** Tells how far a transfer is, five times a second. */
  progress(step: string): Progress {
    let last = 0
    return (done, all) => {
      const now = this.#time()
      if (now - last < 200) return
      last = now
      const percent = all > 0 ? (100 * done) / all : 0
      const doing = `${Math.round(done / 2 ** 20)} MiB`
      this.#emit({ event: 'working', host: this.#host, resource: step, doing, percent })
    }
  }

  #done(step: string, { readOnly, ...more }: { seconds: number; readOnly: boolean; note?: string }): void {
    this.#counts.ok += 1
    if (!readOnly) this.#counts.changed += 1
    this.#tell(step, 'done', { ...more, ...(readOnly && { readOnly }) })
  }

  #tell(
    step: string,
    state: 'begun' | 'done' | 'planned',
    more: { readonly seconds?: number; readonly note?: string; readonly readOnly?: true } = {},
  ): void {
    this.#emit({ event: 'step', host: this.#host, step, state, ...more })
  }

  #time(): number {
    this.#ended = performance.now()
    this.#began ??= this.#ended
    return this.#ended
  }
}
