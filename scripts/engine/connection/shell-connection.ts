import { type CapstanError, HostError } from '../errors.ts'
import type { OpenChannel } from './channel.ts'
import type { Connection, HostStream, Outcome, RunOptions, StreamOptions } from './connection.ts'
import { enter, type Login, refused } from './enter.ts'
import { killScript } from './kill.ts'
import { Session } from './session.ts'
import { openStream } from './stream.ts'

/** The way to a machine, as far as ssh and local differ. */
export interface Way {
  readonly open: OpenChannel
  readonly close: () => Promise<void>
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
  #session: Promise<Session> | undefined
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

  openStream(script: string, options: StreamOptions = {}): Promise<HostStream> {
    this.#trips += 1
    const kill = (pid: number) => this.#kill(pid, true)
    return openStream(this.#way.open, this.#login, script, { ...options, kill })
  }

  async close(): Promise<void> {
    this.#closed = true
    const session = await this.#session?.catch(() => undefined)
    session?.close()
    await this.#way.close()
  }

  async #open(): Promise<Session> {
    const channel = await enter(this.#way.open, 'exec /bin/sh', this.#login)
    return new Session(channel, {
      host: this.host,
      explain: (end, said): CapstanError => refused(this.#login, end, said),
      kill: (pid, keep) => this.#kill(pid, keep),
    })
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

  async #kill(pid: number, shell: boolean): Promise<boolean> {
    const stream = await openStream(this.#way.open, this.#login, killScript(pid, shell), {
      deadline: 10,
      kill: async () => false,
    })
    stream.stdin.end()
    stream.stdout.resume()
    return (await stream.done).exitCode === 0
  }
}
