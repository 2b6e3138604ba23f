import { setTimeout as wait } from 'node:timers/promises'
import type {
  Connect,
  Connection,
  HostProcess,
  HostStream,
  Outcome,
  ProcessOptions,
  RunOptions,
} from '#engine/connection/connection.ts'
import { ConnectionLost, HostError, LockedError, UnreachableError } from '#engine/errors.ts'
import { duration } from '#engine/output/duration.ts'
import type { Emit } from '#engine/output/events.ts'
import { quote } from '#engine/quote.ts'
import { launchAndFollow, notFollowed, type Stage, unattended } from './launch.ts'
import { heartbeat, type LockScope, leaseOf, lockError, lockScript } from './lock.ts'
import { isLost, lostForGood, lostMessage } from './lost.ts'
import { runDirectory, stopFile } from './paths.ts'
import { proveLogin } from './prove-login.ts'
import type { RunIdentity } from './run-identity.ts'

export interface HostConnectionOptions {
  readonly run: RunIdentity
  readonly emit: Emit
  /** Aborted: stages end before their next step, and nothing is waited for that is not there. */
  readonly stop: AbortSignal
  /** Seconds to wait for another run's lock; 0: not at all. */
  readonly wait: number
  /** Seconds for which a connection that broke is tried again; absent: a minute. */
  readonly patience?: number
}

/** One host over a whole run: its connection, another one where that breaks, and the lock that the run holds there. */
export class HostConnection {
  readonly host: string
  readonly #connect: Connect
  readonly #options: HostConnectionOptions
  // One of this host's own: a signal that a hundred hosts listen to would be taken for a leak.
  readonly #stop: AbortSignal
  #connection: Connection | undefined
  #earlierTrips = 0
  #lock: { readonly scope: LockScope; held: boolean } | undefined
  #heartbeat: NodeJS.Timeout | undefined
  #closed = false
  #keepsAlive = true
  #opening: Promise<Connection> | undefined

  constructor(host: string, connect: Connect, options: HostConnectionOptions) {
    this.host = host
    this.#connect = connect
    this.#options = options
    this.#stop = AbortSignal.any([options.stop])
  }

  /** Round trips so far, those of connections that were lost among them. */
  get trips(): number {
    return this.#earlierTrips + (this.#connection?.trips ?? 0)
  }

  /** Runs a script as it is, without a lock. One trip. */
  run(script: string, options?: RunOptions): Promise<Outcome> {
    return this.#use(connection => connection.run(script, options))
  }

  /** Runs a script that changes nothing, without a lock: again, over another connection, where the connection breaks. */
  read(script: string): Promise<Outcome> {
    return this.#again(() => this.run(script))
  }

  /** Starts a script beside the session, with a stream as its stdin. */
  openStream(script: string): Promise<HostStream> {
    return this.#use(async connection => {
      const stream = await connection.openStream(script)
      stream.done.catch(error => this.#drop(connection, error))
      return stream
    })
  }

  /**
   * Takes a lock, which is held until `close`, and runs `script` under it: one trip where the lock is free, and both
   * again where the connection breaks. Waits for another run that has it, saying so. Throws HostError `locked` where
   * that does not end in time.
   */
  async lock(scope: LockScope, script: string): Promise<Outcome> {
    const { wait: patience, emit } = this.#options
    const first = await this.#again(() => this.#tryLock(scope, script, 0))
    if (!(first instanceof HostError)) return first
    if (!(first instanceof LockedError) || patience === 0) throw first
    const message = `waiting up to ${duration(patience)}: ${first.message.slice(this.host.length + 2)}`
    emit({ event: 'progress', host: this.host, message })
    const second = await this.#again(() => this.#tryLock(scope, script, patience))
    if (second instanceof HostError) throw second
    return second
  }

  /**
   * Runs a stage under the lock and hands on its log. Where the connection breaks it is followed over another one; the
   * stage goes on meanwhile. Resolves when the stage has ended, however it did: its marks say how. One trip. Throws
   * HostError where it could not be begun, UnreachableError where the host is not reached again within a minute.
   */
  async stage(stage: Stage, onOutput: (chunk: Buffer) => void): Promise<void> {
    const stop = this.#stop
    const askToStop = () => this.#connection?.write(`true >${quote(stopFile(stage.id))}`)
    stop.addEventListener('abort', askToStop)
    try {
      await this.#follow(stage, onOutput, askToStop)
    } finally {
      stop.removeEventListener('abort', askToStop)
    }
    // A stage that outlived its connection held the lock, but the session that took it is gone.
    if (this.#lock && !this.#lock.held) await this.#retakeLock(stage.id, 'true')
  }

  /** Proves to the stage `id` that a new login works; never throws. */
  async proveLogin(id: string): Promise<void> {
    const { emit } = this.#options
    const works = await proveLogin(this.host, id, { connect: this.#connect, emit, stop: this.#stop })
    // The follower of the stage makes this file; where it is cut off too, the stage has its own limit.
    if (!works) this.#connection?.write(`true >${quote(`${runDirectory(id)}/unproven`)}`)
  }

  /** Drops the connection and opens another one, taking the lock again. Throws UnreachableError after a minute. */
  async reconnect(cause: ConnectionLost): Promise<void> {
    await this.#reopen(cause)
    if (this.#lock) await this.#retakeLock(undefined, 'true')
  }

  /** Closes the connection, and with it frees the lock; the next call opens another one. */
  async disconnect(): Promise<void> {
    clearInterval(this.#heartbeat)
    this.#lock = undefined
    this.#earlierTrips = this.trips
    const connection = this.#connection
    this.#connection = undefined
    await connection?.close().catch(() => {})
  }

  /** Frees the lock and keeps the connection. Costs a trip where the lock is held. */
  async unlock(): Promise<void> {
    clearInterval(this.#heartbeat)
    const held = this.#lock?.held === true
    this.#lock = undefined
    if (held) await this.#connection?.run('exec 9>&- 8>&-', { keep: true }).catch(() => {})
  }

  /** Starts a script as a process of its own, beside the session. */
  start(script: string, options: ProcessOptions): Promise<HostProcess> {
    return this.#use(async connection => {
      const started = await connection.start(script, options)
      started.ended.catch(error => this.#drop(connection, error))
      return started
    })
  }

  /** Whether the connection, if there is one, keeps this process from ending by itself. */
  keepAlive(held: boolean): void {
    this.#keepsAlive = held
    this.#connection?.keepAlive(held)
  }

  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#heartbeat)
    this.#lock = undefined
    await this.#connection?.close().catch(() => {})
  }

  async #follow(stage: Stage, onOutput: (chunk: Buffer) => void, askToStop: () => void): Promise<void> {
    let seen = 0
    let kills = 0
    let cause: unknown
    const count = (chunk: Buffer) => {
      seen += chunk.length
      onOutput(chunk)
    }
    for (;;) {
      try {
        const connection = await this.#open()
        const options = { deadline: longest, onOutput: count, listens: true }
        const { exitCode, stderr } = await connection.run(launchAndFollow(stage, seen), options)
        if (exitCode === 0) return
        // Where only the follower was killed, as by a host that is out of memory, the stage goes on.
        const again = exitCode === unattended || (exitCode > 128 && kills++ < 3)
        if (!again) throw notFollowed(this.host, stage.id, exitCode, stderr.toString())
      } catch (error) {
        if (!isLost(error)) throw error
        cause = error
      }
      await this.#reopen(cause, stage.id)
      // Where the stage has not begun, nothing holds the lock any more.
      if (this.#lock) await this.#retakeLock(stage.id, `! [ -e ${quote(runDirectory(stage.id))}/log ]`)
      if (this.#stop.aborted) askToStop()
    }
  }

  async #again<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (!isLost(error)) throw error
      await this.reconnect(error as ConnectionLost)
      return work()
    }
  }

  async #tryLock(scope: LockScope, script: string, wait: number): Promise<Outcome | HostError> {
    const connection = await this.#open()
    const body = `${lockScript(scope, this.#options.run, wait)}capstan_=$?
if [ $capstan_ = 0 ]; then (
${script}
) else (exit $capstan_); fi
`
    const outcome = await connection.run(body, { keep: true, deadline: wait + 120 })
    const { exitCode, stderr } = outcome
    if (isLockFailure(exitCode)) return lockError(this.host, scope, exitCode, stderr.toString().trim())
    this.#hold(connection, scope)
    return outcome
  }

  #hold(connection: Connection, scope: LockScope): void {
    this.#lock = { scope, held: true }
    clearInterval(this.#heartbeat)
    this.#heartbeat = setInterval(() => connection.write(`true >${leaseOf('$$')}`), heartbeat * 1000)
    this.#heartbeat.unref()
  }

  /** Takes the lock again on a new connection, if `condition` holds there. */
  async #retakeLock(id: string | undefined, condition: string): Promise<void> {
    if (!this.#lock) return
    const { scope } = this.#lock
    const connection = await this.#open()
    const take = `if ${condition}; then ${lockScript(scope, this.#options.run, 10)}else (exit 3); fi\n`
    const { exitCode, stderr } = await connection.run(take, { keep: true })
    if (exitCode === 3) return
    if (exitCode === 0) return this.#hold(connection, scope)
    const error = lockError(this.host, scope, exitCode, stderr.toString().trim())
    if (!(error instanceof LockedError)) throw error
    throw new HostError('lock-lost', error.message, {
      lines: ['another run took the lock while the connection was lost'],
      hint: `${id === undefined ? '' : `The log of this run’s last stage is ${runDirectory(id)}/log. `}Run again when the other run has ended.`,
    })
  }

  async #use<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    const connection = await this.#open()
    try {
      return await work(connection)
    } catch (error) {
      this.#drop(connection, error)
      throw error
    }
  }

  /** A lost connection is not used again: the next call opens another one. */
  #drop(connection: Connection, error: unknown): void {
    if (!isLost(error) || this.#connection !== connection || this.#lock) return
    this.#earlierTrips = this.trips
    this.#connection = undefined
    void connection.close().catch(() => {})
  }

  async #open(): Promise<Connection> {
    if (this.#connection) return this.#connection
    // Calls at the same time share one login.
    this.#opening ??= this.#openWithin(undefined).finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  async #openWithin(limit: number | undefined): Promise<Connection> {
    const { host } = this
    const began = performance.now()
    const connection = await this.#connect(limit)
    // An interrupted run waits for no login, and has no use for one that comes after its end.
    if (this.#closed) {
      await connection.close()
      throw new ConnectionLost('connection-lost', `${host}: the connection was closed`)
    }
    this.#connection = connection
    connection.keepAlive(this.#keepsAlive)
    const seconds = (performance.now() - began) / 1000
    this.#options.emit({ event: 'connected', host, address: connection.host, seconds })
    return connection
  }

  async #reopen(cause: unknown, id?: string): Promise<void> {
    const { emit, patience = reconnection } = this.#options
    const { host } = this
    const stop = this.#stop
    this.#earlierTrips = this.trips
    clearInterval(this.#heartbeat)
    if (this.#lock) this.#lock.held = false
    void this.#connection?.close().catch(() => {})
    this.#connection = undefined
    emit({ event: 'warning', host, message: lostMessage(host, cause) })
    emit({ event: 'progress', host, message: `connecting again, for up to ${duration(patience)}` })
    const until = performance.now() + patience * 1000
    const left = () => (until - performance.now()) / 1000
    for (let pause = 0.2; ; pause = Math.min(pause * 2, 8)) {
      await sleep(Math.min(pause, Math.max(0, left() - shortest)), stop)
      try {
        await this.#openWithin(Math.max(shortest, Math.min(left(), 10)))
        return
      } catch (error) {
        if (!(error instanceof UnreachableError)) throw error
        if (left() <= shortest || stop.aborted) throw lostForGood(host, id, error)
        const message = `still no connection, trying for ${Math.ceil(left())} s more: ${error.message}`
        emit({ event: 'progress', host, message })
      }
    }
  }
}

// Of what follows a stage: a package's installation may take long; a host that is gone is noticed by keep-alive.
const longest = 6 * 3600

/** Seconds: a host that restarts its sshd or its network is back by then. */
const reconnection = 60

/** Seconds of the last attempt at least. */
const shortest = 0.5

function isLockFailure(exitCode: number): boolean {
  return exitCode === 73 || exitCode === 75
}

function sleep(seconds: number, stop: AbortSignal): Promise<void> {
  return wait(stop.aborted ? 0 : seconds * 1000, undefined, { signal: stop }).catch(() => {})
}
