import { type CapstanError, HostError } from '../errors.ts'
import type { OpenChannel } from './channel.ts'
import type {
  Connection,
  HostProcess,
  HostStream,
  Outcome,
  ProcessOptions,
  RunOptions,
  StreamOptions,
} from './connection.ts'
import { enter, type Login, refused } from './enter.ts'
import { killScript, signalScript } from './kill.ts'
import { startProcess } from './process.ts'
import { Session } from './session.ts'
import { Slots } from './slots.ts'
import { streamOf } from './stream.ts'

/** The way to a machine, as far as ssh and local differ. */
export interface Way {
  readonly open: OpenChannel
  readonly close: () => Promise<void>
  /** See Connection.keepAlive. */
  readonly keepAlive: (held: boolean) => void
}

/** Opens the session of a login and gives the connection over it. Throws what `enter` and `way.open` throw. */
export async function connectShell(login: Login, way: Way): Promise<Connection> {
  const connection = new ShellConnection(login, way)
  try {
    await connection.begin()
    return connection
  } catch (error) {
    await way.close()
    throw error
  }
}

class ShellConnection implements Connection {
  readonly #login: Login
  readonly #way: Way
  readonly #slots = new Slots()
  #session: Promise<Session> | undefined
  #ready: Session | undefined
  #trips = 0
  #closed = false

  constructor(login: Login, way: Way) {
    this.#login = login
    this.#way = way
  }

  get host(): string {
    return this.#login.host
  }

  get trips(): number {
    return this.#trips
  }

  async begin(): Promise<Session> {
    this.#session = this.#open()
    this.#session.catch(() => {})
    return this.#session
  }

  async run(script: string, options: RunOptions = {}): Promise<Outcome> {
    const session = await this.#usable()
    this.#trips += 1
    return session.run(script, options)
  }

  write(line: string): void {
    void this.#session?.then(session => session.write(line)).catch(() => {})
  }

  async openStream(script: string, options: StreamOptions = {}): Promise<HostStream> {
    const child = await this.start(script, { shell: 'sh' })
    return streamOf(this.host, child, { ...options, kill: pid => this.#kill(pid, true) })
  }

  start(script: string, options: ProcessOptions): Promise<HostProcess> {
    this.#trips += 1
    return this.#slots.open(
      () => this.#startProcess(script, options),
      () => this.#giveUpSession(),
    )
  }

  keepAlive(held: boolean): void {
    this.#way.keepAlive(held)
  }

  async close(): Promise<void> {
    this.#closed = true
    const session = await this.#session?.catch(() => undefined)
    session?.close()
    await this.#way.close()
  }

  async #open(): Promise<Session> {
    const channel = await enter(this.#way.open, 'exec /bin/sh', this.#login)
    const session = new Session(channel, {
      host: this.host,
      explain: (end, said): CapstanError => refused(this.#login, end, said),
      kill: (pid, keep) => this.#kill(pid, keep),
    })
    this.#ready = session
    return session
  }

  #startProcess(script: string, options: ProcessOptions): Promise<HostProcess> {
    const signal = (pid: number, name: NodeJS.Signals) => this.#onTheSide(signalScript(pid, name))
    return startProcess(this.#way.open, this.#login, script, { ...options, signal })
  }

  /** A host that allows one session gets it for a process, unless the shell holds something; the next script opens another. */
  #giveUpSession(): boolean {
    if (this.#ready?.idle !== true || this.#ready.kept) return false
    this.#ready.close()
    this.#ready = undefined
    return true
  }

  /** The session, or after a deadline that it did not survive a new one, unless something it held is lost. */
  async #usable(): Promise<Session> {
    const session = await (this.#session ?? this.begin())
    if (session.usable || this.#closed || !session.abandoned) return session
    if (!session.kept) return this.begin()
    throw new HostError('session-lost', `${this.host}: the shell that held the run's lock was killed`, {
      hint: 'Run again to see what is left to do.',
    })
  }

  #kill(pid: number, shell: boolean): Promise<boolean> {
    return this.#onTheSide(killScript(pid, shell))
  }

  /** Runs a short script on a channel of its own, past the queue; true where it exits with 0. */
  async #onTheSide(script: string): Promise<boolean> {
    const child = await this.#startProcess(script, { shell: 'sh' })
    const { stdin, stdout, done } = streamOf(this.host, child, { deadline: 10, kill: async () => false })
    stdin.end()
    stdout.resume()
    return (await done).exitCode === 0
  }
}
