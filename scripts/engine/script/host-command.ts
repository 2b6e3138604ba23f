import { createWriteStream } from 'node:fs'
import { PassThrough, Readable, type Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import type { LogEntry, Options, ProcessOutput, ProcessPromise, Shell } from 'zx/core'
import { siteIn } from '#engine/call-site.ts'
import type { HostProcess } from '#engine/connection/connection.ts'
import { CapstanError, HostError, Interrupted } from '#engine/errors.ts'
import { quote } from '#engine/quote.ts'
import { mask, Secret } from '#engine/secret.ts'
import { zx } from '#engine/zx.ts'
import { HostChild } from './child.ts'
import type { DollarHost, DollarOptions } from './dollar-host.ts'
import { Output, waitForReader } from './flow.ts'
import { rememberCommand } from './thrown.ts'
import { assignments, quoteWord, shownCommand, wordsOf } from './words.ts'

/** One command: zx's promise for it, with what is of this machine in zx replaced by what is of the host. */
export class HostCommand {
  readonly #host: DollarHost
  readonly #user: string | undefined
  readonly #options: DollarOptions
  readonly #output = new Output()
  readonly #child: Promise<HostChild>
  #spawned: (child: HostChild) => void = () => {}
  #running: HostChild | undefined
  #isFed: boolean
  #isStreamed = false
  #command = ''
  #isShown = false
  #where: string | undefined

  constructor(host: DollarHost, user: string | undefined, options: DollarOptions) {
    this.#host = host
    this.#user = user
    this.#options = options
    this.#isFed = options.input !== undefined
    this.#child = new Promise(resolve => {
      this.#spawned = resolve
    })
  }

  run(pieces: TemplateStringsArray, given: readonly unknown[]): ProcessPromise {
    const { cwd, env, shell = 'bash', readOnly = false, input, ...options } = this.#options
    if ('sync' in options) throw new TypeError('a command of a host has no synchronous form: await it')
    const { values, secrets } = wordsOf(pieces, given)
    this.#where = siteIn(new Error().stack ?? '')
    const head = `${strict}${assignments(secrets)}${exports(env)}${cwd === undefined ? '' : `cd -- ${quote(cwd)}\n`}`
    const spawn = (command: string, _none: unknown, { signal }: { readonly signal?: AbortSignal }) => {
      const start = this.#host.start
      const isPlanned = this.#host.check && !readOnly
      const started = isPlanned ? nothing() : start(`${head}${command}`, { user: this.#user, shell })
      this.#running = new HostChild(started, () => this.#isFed, signal)
      this.#spawned(this.#running)
      return this.#running
    }
    const ours = {
      ...(input !== undefined && { input: input instanceof Secret ? input.reveal() : input }),
      ...{ spawn, quote: quoteWord, prefix: '', postfix: '', shell: '/bin/sh' },
      ...{ detached: false, stdio: 'pipe', store: this.#output },
      log: (entry: LogEntry) => this.#tell(entry, readOnly),
    }
    const configured: Shell = zx()({ ...options, ...ours } as unknown as Partial<Options>)
    const promise = configured(pieces, ...values)
    this.#adapt(promise)
    return promise
  }

  /** zx's own methods look for local pids, keep all output, and take a lost connection for a command's failure. */
  #adapt(promise: ProcessPromise): void {
    const inner = promise as unknown as Internals
    if (this.#where !== undefined) inner._snapshot.from = this.#where
    const fed = () => {
      this.#isFed = true
    }
    const streamed = () => this.#stream()
    const { pipe } = promise
    const { write, end, finalize } = inner
    inner._stdin.once('pipe', fed)
    Object.defineProperties(promise, {
      kill: { value: async (signal?: NodeJS.Signals | null) => this.#kill(promise, signal) },
      write: { value: noting(fed, write) },
      end: { value: noting(fed, end) },
      stdin: { get: noting(fed, () => this.#running?.stdin) },
      stdout: { get: noting(streamed, () => this.#running?.stdout) },
      [Symbol.asyncIterator]: { value: noting(streamed, promise[Symbol.asyncIterator]) },
      pipe: { value: this.#pipes(promise, pipe) },
      finalize: { value: (...all: FinalizeArguments) => this.#finalize(inner, finalize, all) },
    })
  }

  #stream(): void {
    this.#isStreamed = true
    this.#output.stream()
  }

  #kill(promise: ProcessPromise, signal: NodeJS.Signals | null | undefined): void {
    if (promise.output) throw new Error('Too late to kill the process.')
    this.#running?.kill(signal ?? this.#options.killSignal ?? 'SIGTERM')
  }

  #pipes(promise: ProcessPromise, pipe: ProcessPromise['pipe']): ProcessPromise['pipe'] {
    const method =
      (kind: 'stdout' | 'stderr' | 'stdall') =>
      (to: Reader, ...values: readonly unknown[]) => {
        this.#stream()
        const reader = readerOf(to, values, promise)
        const gone = () => {
          if (!promise.output) this.#running?.kill('SIGPIPE')
        }
        if (kind !== 'stderr')
          waitForReader(
            this.#child.then(child => child.stdout),
            reader,
            gone,
          )
        if (kind !== 'stdout')
          waitForReader(
            this.#child.then(child => child.stderr),
            reader,
            gone,
          )
        const piped = pipe[kind](reader as ProcessPromise)
        return '_stdin' in reader ? piped : settledWith(piped, reader)
      }
    const all = { stdout: method('stdout'), stderr: method('stderr'), stdall: method('stdall') }
    return Object.assign(method('stdout'), all) as ProcessPromise['pipe']
  }

  #finalize(promise: Internals, finalize: Internals['finalize'], [output, ...rest]: FinalizeArguments): void {
    const { cause } = output
    const isOurs = cause instanceof CapstanError || cause instanceof Interrupted
    const error = isOurs ? cause : this.#tooLong()
    if (error === undefined) {
      const { name: host } = this.#host
      const { timeout = 0, timeoutSignal } = promise._snapshot
      const isLate =
        output.signal !== null && output.signal === timeoutSignal && output.duration >= timeout && timeout > 0
      rememberCommand(output, {
        ...{ host, command: this.#command, where: this.#where },
        deadline: isLate ? timeout / 1000 : undefined,
      })
      maskMessage(output)
      Reflect.apply(finalize, promise, [output, ...rest])
    } else {
      promise._output = output
      promise._stage = 'rejected'
      promise._reject(error)
    }
  }

  #tooLong(): HostError | undefined {
    const { overflow } = this.#output
    if (overflow === undefined || this.#isStreamed) return undefined
    return new HostError(
      'output-too-long',
      `${this.#host.name}: a command printed ${overflow} bytes, more than are kept`,
      {
        hint: 'Read it line by line with `for await`, or send it somewhere with .pipe().',
      },
    )
  }

  #tell(entry: LogEntry, readOnly: boolean): void {
    if (!('id' in entry)) return
    if (entry.kind === 'cmd') {
      this.#command = mask(shownCommand(entry.cmd))
      this.#isShown = entry.verbose === true
    }
    const about = { id: entry.id, command: this.#command, readOnly }
    const { tell, check } = this.#host
    const isPlanned = check && !readOnly
    if (isPlanned && entry.kind !== 'cmd') return
    if (entry.kind === 'cmd') tell({ ...about, state: isPlanned ? 'planned' : 'begun' })
    else if (entry.kind === 'end')
      tell({ ...about, state: 'ended', exitCode: entry.exitCode, seconds: entry.duration / 1000 })
    else if (entry.kind === 'stderr' || !this.#isStreamed)
      tell({
        ...about,
        state: 'printed',
        text: entry.data.toString(),
        isShown: this.#isShown,
      })
  }
}

// As zx does on this machine; the POSIX shells that know no pipefail are of no Debian.
const strict = 'set -eu; [ -z "${BASH_VERSION-}" ] || set -o pipefail\n'

function exports(env: Readonly<Record<string, string>> = {}): string {
  return Object.entries(env)
    .map(([name, value]) => {
      if (!/^[A-Za-z_]\w*$/.test(name))
        throw new TypeError(`${JSON.stringify(name)} is no name of a variable`)
      if (typeof value !== 'string')
        throw new TypeError(
          `the variable ${name} of a command is no text; a secret goes to its stdin, as input`,
        )
      return `export ${name}=${quote(value)}\n`
    })
    .join('')
}

/** The method, which takes note of being called first. */
function noting<A extends readonly unknown[], R>(note: () => void, method: (...all: A) => R) {
  return function (this: unknown, ...all: A): R {
    note()
    return Reflect.apply(method, this, all)
  }
}

type Reader = TemplateStringsArray | string | Writable | ProcessPromise

/** zx's promise of a stream that was piped into resolves before the stream has written all; this one does not. */
function settledWith(piped: object, stream: Writable): object {
  // These are never closed.
  if (stream === process.stdout || stream === process.stderr) return piped
  const done = (piped as PromiseLike<unknown>).then(output => finished(stream).then(() => output))
  const then = (...all: Parameters<typeof done.then>) => done.then(...all)
  return new Proxy(piped, { get: (target, key) => (key === 'then' ? then : Reflect.get(target, key)) })
}

/** What zx makes of the argument of `.pipe()`: a template is a command of this machine, a string a file of it. */
function readerOf(
  to: Reader,
  values: readonly unknown[],
  { signal }: ProcessPromise,
): Writable | ProcessPromise {
  if (typeof to === 'string') return createWriteStream(to)
  if (Array.isArray(to))
    return zx()({ halt: true, signal })(to as TemplateStringsArray, ...values) as ProcessPromise
  return to as Writable | ProcessPromise
}

/** What failed says what the command printed. zx makes that text when it is asked for: of a long output it takes a minute. */
function maskMessage(output: ProcessOutput): void {
  const { get } = Object.getOwnPropertyDescriptor(output, 'message') ?? {}
  Object.defineProperty(output, 'message', { get: () => mask(String(get?.call(output))) })
}

/** A process for a command that `--check` does not run: it ends well and prints nothing. */
async function nothing(): Promise<HostProcess> {
  return {
    stdin: new PassThrough().resume(),
    stdout: Readable.from([]),
    stderr: Readable.from([]),
    ended: Promise.resolve({ exitCode: 0, signal: undefined }),
    pid: Promise.resolve(undefined),
    kill: async () => true,
    close: () => {},
  }
}

// What zx keeps to itself. Source: core.ts of zx 8.8.
interface Internals {
  _stage: string
  _output: unknown
  readonly _reject: (error: Error) => void
  readonly _snapshot: { from: string; readonly timeout?: number; readonly timeoutSignal?: NodeJS.Signals }
  readonly _stdin: Writable
  write(...all: readonly unknown[]): unknown
  end(...all: readonly unknown[]): unknown
  finalize(...all: FinalizeArguments): void
}

type FinalizeArguments = [output: ProcessOutput, legacy?: boolean]
