import { randomBytes } from 'node:crypto'
import { ConnectionLost, HostError, UnreachableError } from '#engine/errors.ts'
import { HostConnection, type HostConnectionOptions } from '#engine/host/host-connection.ts'
import { markReader } from '#engine/host/marks.ts'
import type { HostRecap } from '#engine/output/events.ts'
import type { AppSettings } from '#engine/resources/release/app.ts'
import type { ReleaseChange } from '#engine/resources/release/script.ts'
import { bytes } from './bytes.ts'
import { type AppState, inspectScript, parseAppState, unreadable } from './inspect.ts'
import type { Manifest } from './manifest.ts'
import type { ReleaseFacts } from './release.ts'
import { ReleaseReporter } from './reporter.ts'
import type { DeployHost } from './settings.ts'
import { releaseScript, type Step } from './steps.ts'
import { shipment, transfer } from './transfer.ts'

/** How a stage ended on a host. */
export interface Staged {
  /** The names of the steps that were done, in order. */
  readonly done: readonly string[]
  /** The release was made live in it, for however long. */
  readonly switched: boolean
  readonly error: HostError | undefined
}

/** A deploy, rollback or restart on one host: its connection with the app's lock, and what the recap counts. */
export class HostDeploy {
  readonly host: string
  readonly settings: AppSettings
  readonly #options: HostConnectionOptions
  readonly #connection: HostConnection
  readonly #began = performance.now()
  #stages = 0
  #done = 0
  #changed = 0
  #error: unknown

  constructor({ name, settings, connect }: DeployHost, options: HostConnectionOptions) {
    this.host = name
    this.settings = settings
    this.#options = options
    this.#connection = new HostConnection(name, connect, options)
  }

  /** The run is to end before it switches anything. */
  get interrupted(): boolean {
    return this.#options.stop.aborted
  }

  get error(): unknown {
    return this.#error
  }

  /** Takes the app's lock and reads what the host has. One trip, where the lock is free. */
  async inspect(sha256: string): Promise<AppState> {
    const { app } = this.settings
    const state = this.#read(await this.#connection.lock({ app }, inspectScript(this.settings, sha256, true)))
    if (state.cleaned > 0)
      this.#warn(`${state.cleaned} half release(s) of a deploy that was killed were removed`)
    if (state.doubts.length > 0)
      this.#warn(
        [`${app}: not all of its releases’ records can be read; none is removed`, ...state.doubts].join('\n'),
      )
    return state
  }

  /** What the host has, read without the lock; nothing is changed. One trip. */
  async peek(sha256 = ''): Promise<AppState> {
    return this.#read(await this.#connection.read(inspectScript(this.settings, sha256, false)))
  }

  /** Makes the release on the host from what it has and what it lacks. One trip, and one more where it must be whole. */
  async upload(
    facts: ReleaseFacts,
    source: string,
    manifest: Manifest,
    base: AppState['base'],
  ): Promise<void> {
    const began = performance.now()
    const { emit, run } = this.#options
    emit({ event: 'step', host: this.host, step: 'upload', state: 'begun' })
    const send = async (from: AppState['base']) => {
      const shipped = shipment(manifest, from)
      return transfer(this.#connection, source, facts, shipped, {
        app: this.settings.app,
        run,
        onBytes: this.#progress(shipped.bytes),
      })
    }
    const done = await send(base).catch(async (error: unknown) => {
      if (error instanceof HostError && error.code === 'tampered' && base) {
        this.#warn([error.message, ...error.lines, 'all files are sent'].join('\n'))
        return send(undefined)
      }
      if (!(error instanceof ConnectionLost)) throw error
      await this.#connection.reconnect(error)
      return send(base)
    })
    this.#done += 1
    this.#changed += 1
    const same = done.linked + done.copied
    const note = `${done.sent} file${done.sent === 1 ? '' : 's'} sent, ${bytes(done.sentBytes)} on the wire; ${same} from kept releases`
    const seconds = (performance.now() - began) / 1000
    emit({ event: 'step', host: this.host, step: 'upload', state: 'done', seconds, note })
  }

  /** Runs steps on the host. Never throws for a step that fails: `Staged.error` says why. One trip. */
  async stage(steps: readonly Step[], release: ReleaseFacts, how: ReleaseChange['how']): Promise<Staged> {
    const { run, emit } = this.#options
    const id = `${run.runId}-${this.settings.app}-${++this.#stages}`
    const nonce = randomBytes(16).toString('hex')
    const change = { release: release.id, ref: release.ref ?? '', how }
    const script = releaseScript(steps, this.settings, change, { id, nonce, run })
    const reporter = new ReleaseReporter(this.host, steps, release.id, id, emit)
    await this.#connection.stage(
      { id, script, orphans: 'kill' },
      markReader(nonce, mark => reporter.on(mark)),
    )
    const error = reporter.ending()
    this.#done += reporter.done.length
    this.#changed += reporter.done.length
    return { done: reporter.done.map(({ name }) => name), switched: reporter.switched, error }
  }

  /** Keeps the first error of this host, for the recap. */
  fail(error: unknown): void {
    this.#error ??= error
    this.waits()
  }

  /** This host has done its part for now, the others may not have. */
  waits(): void {
    this.#options.emit({ event: 'waiting', host: this.host })
  }

  async end(): Promise<HostRecap> {
    await this.#connection.close()
    const unreachable = this.#error instanceof UnreachableError
    return {
      ok: this.#done,
      changed: this.#changed,
      failed: this.#error !== undefined && !unreachable ? 1 : 0,
      skipped: 0,
      unreachable: unreachable ? 1 : 0,
      trips: this.#connection.trips,
      seconds: (performance.now() - this.#began) / 1000,
    }
  }

  #read({ stdout, stderr, exitCode }: Awaited<ReturnType<HostConnection['run']>>): AppState {
    if (exitCode !== 0) throw unreadable(this.host, this.settings, stderr.toString())
    return parseAppState(this.host, this.settings, stdout)
  }

  /** Reports every five seconds how much of an upload has been sent. */
  #progress(all: number): (sent: number) => void {
    let last = performance.now()
    return sent => {
      if (performance.now() - last < 5000) return
      last = performance.now()
      const message = `sent ${bytes(sent)} of ${bytes(all)}`
      this.#options.emit({ event: 'progress', host: this.host, message })
    }
  }

  #warn(message: string): void {
    this.#options.emit({ event: 'warning', host: this.host, message })
  }
}
