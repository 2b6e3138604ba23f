import { setTimeout as wait } from 'node:timers/promises'
import type { Connection } from '#engine/connection/connection.ts'
import { type CapstanError, ConnectionLost, HostError, UnreachableError } from '#engine/errors.ts'
import { duration } from '#engine/output/duration.ts'
import type { Emit, HostRecap } from '#engine/output/events.ts'
import { holderIn, holdLease, lockScript } from './lock.ts'
import { type Found, lookScript, parseLook } from './look.ts'
import type { Manifest } from './manifest.ts'
import type { ReleaseFacts } from './release.ts'
import type { AppSettings, Deployer, DeployHost } from './settings.ts'
import { runStage, type Staged } from './stage.ts'
import type { StageContext, Step } from './steps.ts'
import { shipment, transfer } from './transfer.ts'

export interface HostRunOptions {
  readonly by: Deployer
  readonly emit: Emit
  /** Seconds to wait for the lock of another deploy. */
  readonly wait: number
  readonly stop: AbortSignal
}

/** A deploy on one host: its connection, the lock it holds there, and what the recap counts. */
export class HostRun {
  readonly name: string
  readonly settings: AppSettings
  readonly #host: DeployHost
  readonly #options: HostRunOptions
  readonly #began = performance.now()
  #connection: Connection | undefined
  #lease: Promise<{ close(): void }> | undefined
  #session = 0
  #stages = 0
  #trips = 0
  #done = 0
  #changed = 0
  #error: unknown

  constructor(host: DeployHost, options: HostRunOptions) {
    this.name = host.name
    this.settings = host.settings
    this.#host = host
    this.#options = options
  }

  /** The run is to end before it switches anything. */
  get interrupted(): boolean {
    return this.#options.stop.aborted
  }

  get error(): unknown {
    return this.#error
  }

  /** Takes the app's lock and says what the host has. One trip, where the lock is free. */
  async look(sha256: string): Promise<Found> {
    const found = await this.#lockAndLook(sha256, 0)
    if (found.cleaned > 0)
      this.#warn(`${found.cleaned} half release(s) of a deploy that was killed were removed`)
    return found
  }

  /** What the host has, without its lock: nothing is changed. */
  async peek(sha256: string): Promise<Found> {
    const connection = await this.#connect()
    const { stdout, stderr, exitCode } = await connection.run(lookScript(this.settings, sha256, false))
    if (exitCode !== 0) throw this.#unreadable(stderr)
    return parseLook(this.name, this.settings, stdout)
  }

  /** Makes the release on the host from what it has and what it lacks. One trip, and one more where it must be whole. */
  async upload(facts: ReleaseFacts, source: string, manifest: Manifest, base: Found['base']): Promise<void> {
    const began = performance.now()
    const { emit, by } = this.#options
    emit({ event: 'step', host: this.name, step: 'upload', state: 'begun' })
    const send = async (from: Found['base']) => {
      const shipped = shipment(manifest, from)
      const done = await transfer(await this.#connect(), source, facts, shipped, {
        app: this.settings.app,
        id: by.runId,
        by: by.who,
        onBytes: this.#progress(shipped.bytes),
      })
      return { ...done, shipped }
    }
    const done = await send(base).catch(async (error: unknown) => {
      if (error instanceof HostError && error.code === 'tampered' && base) {
        this.#warn([error.message, ...error.lines, 'everything is sent anew'].join('\n'))
        return send(undefined)
      }
      if (!(error instanceof ConnectionLost)) throw error
      await this.#reconnect()
      await this.#lockAndLook('', 30)
      return send(base)
    })
    this.#done += 1
    this.#changed += 1
    const same = done.linked + done.copied
    const note = `${done.sent} file${done.sent === 1 ? '' : 's'} sent, ${bytes(done.sentBytes)} on the wire; ${same} from kept releases`
    emit({ event: 'step', host: this.name, step: 'upload', state: 'done', seconds: since(began), note })
  }

  /** Runs steps on the host. Never throws for a step that fails: `Staged.error` says why. One trip. */
  async stage(
    steps: readonly Step[],
    about: Omit<StageContext, 'settings' | 'by' | 'session'>,
  ): Promise<Staged> {
    const { by, emit, stop } = this.#options
    // A connection that was lost took the lock with it: it is taken again before anything more is begun.
    if (!this.#lease) await this.#lockAndLook('', 30)
    const context = { ...about, settings: this.settings, by, session: this.#session }
    const id = `${by.runId}-${this.settings.app}-${++this.#stages}`
    const staged = await runStage(await this.#connect(), steps, context, {
      id,
      emit,
      stop,
      reconnect: () => this.#reconnect(),
    })
    this.#done += staged.done.length
    this.#changed += staged.done.length
    return staged
  }

  /** Tells every five seconds how much of an upload has been sent. */
  #progress(all: number): (sent: number) => void {
    let told = performance.now()
    return sent => {
      if (performance.now() - told < 5000) return
      told = performance.now()
      this.#options.emit({
        event: 'progress',
        host: this.name,
        message: `sent ${bytes(sent)} of ${bytes(all)}`,
      })
    }
  }

  /** Keeps the first error of this host, for the recap. */
  fail(error: unknown): void {
    this.#error ??= error
  }

  async end(): Promise<HostRecap> {
    await this.#letGo()
    const unreachable = this.#error instanceof UnreachableError
    return {
      ok: this.#done,
      changed: this.#changed,
      failed: this.#error !== undefined && !unreachable ? 1 : 0,
      skipped: 0,
      unreachable: unreachable ? 1 : 0,
      trips: this.#trips,
      seconds: since(this.#began),
    }
  }

  async #lockAndLook(sha256: string, patience: number): Promise<Found> {
    const connection = await this.#connect()
    const { by } = this.#options
    const lock = lockScript(this.settings.app, by, patience)
    const script = `${lock}locked=$?\nprintf '%d\\n' "$$"\n[ "$locked" != 0 ] || ( ${lookScript(this.settings, sha256, true)} )\nlooked=$?\n[ "$locked" = 0 ] && (exit $looked) || (exit $locked)\n`
    const { stdout, stderr, exitCode } = await connection.run(script, { keep: true, deadline: patience + 60 })
    if (exitCode === 75) return this.#waitForLock(sha256, patience, stderr.toString())
    if (exitCode !== 0) throw this.#unreadable(stderr)
    const end = stdout.indexOf('\n')
    this.#session = Number(stdout.toString('latin1', 0, end))
    this.#hold(connection)
    return parseLook(this.name, this.settings, stdout.subarray(end + 1))
  }

  async #waitForLock(sha256: string, waited: number, holder: string): Promise<Found> {
    const { wait: patience, emit } = this.#options
    const who = holderIn(holder)
    if (waited > 0 || patience === 0)
      throw new HostError('locked', `${this.name}: ${this.settings.app} is being deployed by ${who}`, {
        hint: 'One deploy of an app runs at a time. The lock frees itself when that one ends, however it ends: run again then, or give --wait seconds.',
      })
    emit({
      event: 'progress',
      host: this.name,
      message: `waiting up to ${duration(patience)} for the deploy of ${who}`,
    })
    return this.#lockAndLook(sha256, patience)
  }

  async #connect(): Promise<Connection> {
    if (this.#connection) return this.#connection
    const began = performance.now()
    this.#connection = await this.#host.connect()
    this.#options.emit({
      event: 'connected',
      host: this.name,
      address: this.#connection.host,
      seconds: since(began),
    })
    return this.#connection
  }

  /** Not waited for, and not missed where a host allows one channel alone: it is for when packets are dropped. */
  #hold(connection: Connection): void {
    this.#lease = holdLease(connection, this.#session)
    this.#lease.catch(() => {})
  }

  async #letGo(): Promise<void> {
    const [lease, connection] = [this.#lease, this.#connection]
    this.#lease = undefined
    this.#connection = undefined
    this.#trips += connection?.trips ?? 0
    await connection?.close().catch(() => {})
    await lease?.then(held => held.close()).catch(() => {})
  }

  /** A few tries, since what cut the connection may last a while. */
  async #reconnect(): Promise<Connection> {
    await this.#letGo()
    this.#warn('the connection was lost; connecting again')
    for (let pause = 1; ; pause *= 2) {
      try {
        return await this.#connect()
      } catch (error) {
        if (!(error instanceof UnreachableError) || pause > 16) throw error
        await wait(pause * 1000)
      }
    }
  }

  #unreadable(stderr: Buffer): CapstanError {
    return new HostError('look', `${this.name}: what it has of ${this.settings.app} can’t be read`, {
      lines: stderr.toString().trimEnd().split('\n').slice(-5),
    })
  }

  #warn(message: string): void {
    this.#options.emit({ event: 'warning', host: this.name, message })
  }
}

/** `812 B`, `3.4 kB`, `12 MB`. */
export function bytes(count: number): string {
  if (count < 1000) return `${count} B`
  const steps = ['kB', 'MB', 'GB', 'TB']
  const power = Math.min(steps.length, Math.floor(Math.log10(count) / 3))
  const value = count / 1000 ** power
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${steps[power - 1]}`
}

function since(began: number): number {
  return (performance.now() - began) / 1000
}
