import type { Connection } from '#engine/connection/connection.ts'
import { HostError, UnreachableError } from '#engine/errors.ts'
import type { Emit } from '#engine/output/events.ts'
import { quote } from '#engine/quote.ts'
import { runDirectory } from './detached.ts'
import { locked, retakeScript } from './lock.ts'

export interface LineOptions {
  readonly runId: string
  readonly emit: Emit
  readonly stop?: AbortSignal
}

/** The way to one host over a whole run: a connection, and another one where it broke. */
export class Line {
  readonly #host: string
  readonly #connect: () => Promise<Connection>
  readonly #options: LineOptions
  #connection: Connection | undefined
  #earlierTrips = 0
  #lockLost = false

  constructor(host: string, connect: () => Promise<Connection>, options: LineOptions) {
    this.#host = host
    this.#connect = connect
    this.#options = options
  }

  get trips(): number {
    return this.#earlierTrips + (this.#connection?.trips ?? 0)
  }

  async open(): Promise<Connection> {
    if (this.#connection) return this.#connection
    const began = performance.now()
    this.#connection = await this.#connect()
    const seconds = (performance.now() - began) / 1000
    this.#options.emit({
      event: 'connected',
      host: this.#host,
      address: this.#connection.host,
      seconds,
    })
    return this.#connection
  }

  async close(): Promise<void> {
    await this.#connection?.close()
  }

  /**
   * Does the work of the stage `id` and has the host's lock afterwards, too: a stage that outlived its connection
   * held it, but the session that it was taken in is gone. Throws HostError where another run was faster.
   */
  async holding<T>(id: string, work: (connection: Connection) => Promise<T>): Promise<T> {
    const result = await work(await this.open())
    if (this.#lockLost && this.#connection) await this.#retake(id, 'true')
    return result
  }

  /**
   * Another connection for the stage `id`. Where the stage has not begun, its lock is taken first. Throws
   * UnreachableError when the host isn't reached within a minute.
   */
  async reconnect(id: string): Promise<Connection> {
    this.#earlierTrips = this.trips
    this.#connection?.close().catch(() => {})
    this.#connection = undefined
    this.#lockLost = true
    const connection = await this.#again(id)
    await this.#retake(id, `! [ -e ${quote(runDirectory(id))}/log ]`)
    return connection
  }

  async #again(id: string): Promise<Connection> {
    for (const [turn, seconds] of pauses.entries()) {
      this.#options.emit({
        event: 'warning',
        host: this.#host,
        message: turn === 0 ? 'the connection was lost; connecting again' : 'not reached; trying again',
      })
      await pause(seconds, this.#options.stop)
      try {
        return await this.open()
      } catch (error) {
        if (!(error instanceof UnreachableError)) throw error
        if (turn < pauses.length - 1 && !this.#options.stop?.aborted) continue
        throw unreachedAgain(this.#host, id, error)
      }
    }
    throw new Error('no way back was tried')
  }

  async #retake(id: string, condition: string): Promise<void> {
    const script = `if ${condition}; then ${retakeScript(this.#options.runId, 10)}else (exit 3); fi\n`
    const connection = await this.open()
    const { exitCode, stderr } = await connection.run(script, { keep: true })
    if (exitCode === 3) return
    if (exitCode !== 0) throw lockGone(locked(this.#host, exitCode, stderr.toString().trim()), id)
    this.#lockLost = false
  }
}

// A minute in all: a host that restarts its sshd or its network is back by then.
const pauses = [0.2, 1, 2, 4, 8, 15, 15, 15]

function pause(seconds: number, stop: AbortSignal | undefined): Promise<void> {
  return new Promise(resolve => {
    const timer = setTimeout(resolve, stop?.aborted ? 0 : seconds * 1000)
    stop?.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}

function unreachedAgain(host: string, id: string, cause: UnreachableError): UnreachableError {
  return new UnreachableError('lost-for-good', `${host}: the connection was lost and can’t be had again`, {
    lines: [cause.message, ...cause.lines],
    hint: `What was begun there goes on to its end by itself, its log is ${runDirectory(id)}/log. Run again when the host answers.`,
    cause,
  })
}

function lockGone(error: HostError, id: string): HostError {
  return new HostError(error.code, error.message, {
    lines: [...error.lines, 'another run took the host while the connection was lost'],
    hint: `The log of this run’s last stage is ${runDirectory(id)}/log. Run again when the other has ended.`,
  })
}
