import { EventEmitter } from 'node:events'
import { PassThrough } from 'node:stream'
import type { HostProcess } from '#engine/connection/connection.ts'
import { HostError } from '#engine/errors.ts'

/**
 * A process on a host as zx wants a child process to be. Its pid is no pid of this machine: nothing that zx or a script
 * does with it can reach a local process.
 */
export class HostChild extends EventEmitter {
  readonly pid = nextPid()
  readonly stdin = new PassThrough(wide)
  readonly stdout = new PassThrough(wide)
  readonly stderr = new PassThrough(wide)
  exitCode: number | null = null
  signalCode: NodeJS.Signals | null = null
  readonly #started: Promise<HostProcess>
  #error: Error | undefined
  #ended = false

  /**
   * `isFed` says, once the process has started, whether somebody writes or will write to its stdin; otherwise it is
   * empty, so that a program that asks a question does not wait for good.
   */
  constructor(started: Promise<HostProcess>, isFed: () => boolean, signal: AbortSignal | undefined) {
    super()
    this.#started = started
    for (const stream of [this.stdin, this.stdout, this.stderr]) stream.on('error', () => {})
    const abort = () => this.#abort(signal?.reason)
    signal?.addEventListener('abort', abort)
    this.once('close', () => signal?.removeEventListener('abort', abort))
    void this.#run(isFed)
    if (signal?.aborted) abort()
  }

  /** Sends a signal to all that the command started on the host. */
  kill(signal: NodeJS.Signals = 'SIGTERM'): boolean {
    if (this.#ended) return false
    void this.#started.then(
      started => this.#send(started, signal),
      () => {},
    )
    return true
  }

  /** A host that allows one session has none left to send a signal by: the command is given up. */
  async #send(started: HostProcess, signal: NodeJS.Signals): Promise<void> {
    const isSent = await started.kill(signal).catch(() => false)
    if (isSent || this.#ended) return
    this.#error ??= new HostError(
      'not-killed',
      `the command could not be sent ${signal}, and may still run`,
      {
        hint: 'Look at the processes of the host. sshd needs a second session for this: raise MaxSessions to its default of 10.',
      },
    )
    started.close()
  }

  async #run(isFed: () => boolean): Promise<void> {
    try {
      const started = await this.#started
      this.emit('spawn')
      this.stdin.pipe(started.stdin)
      started.stdin.on('error', () => {})
      if (!isFed()) this.stdin.end()
      started.stdout.pipe(this.stdout)
      started.stderr.pipe(this.stderr)
      const { exitCode, signal } = await started.ended
      this.exitCode = exitCode
      this.signalCode = signal === undefined ? null : (`SIG${signal}` as NodeJS.Signals)
    } catch (error) {
      this.#error ??= error as Error
      this.stdout.end()
      this.stderr.end()
    }
    this.#ended = true
    if (this.#error !== undefined) this.emit('error', this.#error)
    this.emit('exit', this.exitCode, this.signalCode)
    await Promise.all([closed(this.stdout), closed(this.stderr)])
    this.emit('close', this.exitCode, this.signalCode)
  }

  // As node does for a child of this machine.
  #abort(reason: unknown): void {
    const error = new Error('The operation was aborted', { cause: reason })
    this.#error ??= Object.assign(error, { name: 'AbortError', code: 'ABORT_ERR' })
    this.kill()
  }
}

function closed(stream: PassThrough): Promise<void> {
  return new Promise(resolve => {
    if (stream.closed || stream.destroyed) resolve()
    else stream.once('close', resolve)
  })
}

// Node's own 16 KiB would stop at every chunk.
const wide = { highWaterMark: 256 * 1024 }

// Linux has no pids beyond 2^22.
let last = 2 ** 30
function nextPid(): number {
  last += 1
  return last
}
