import { PassThrough, Readable } from 'node:stream'
import type {
  Connection,
  HostProcess,
  HostStream,
  Outcome,
  ProcessOptions,
  RunOptions,
  StreamOptions,
} from './connection.ts'

/** What a script of the transcript is answered with; absent: exit code 0 and no output. */
export interface Answer {
  readonly exitCode?: number
  readonly stdout?: string | Buffer
  readonly stderr?: string | Buffer
  /** The call rejects with it: a lost connection, a deadline. */
  readonly error?: Error
}

/** Answers in the order of the scripts, or by what the script is; `undefined`: no such script was expected. */
export type Answers = readonly Answer[] | ((script: string, index: number) => Answer | undefined)

export interface Recorded extends RunOptions, Partial<ProcessOptions> {
  readonly kind: 'run' | 'stream' | 'process'
  readonly script: string
  /** What a stream's script was sent. */
  readonly stdin?: Buffer
}

/** A machine for tests: it runs nothing, answers as told, and keeps what it was asked. */
export class Recorder implements Connection {
  readonly host: string
  readonly transcript: Recorded[] = []
  /** The lines that were sent without a trip. */
  readonly written: string[] = []
  readonly #answers: Answers
  closed = false

  constructor(answers: Answers = () => ({}), host = 'recorder') {
    this.#answers = answers
    this.host = host
  }

  get trips(): number {
    return this.transcript.length
  }

  get scripts(): readonly string[] {
    return this.transcript.map(({ script }) => script)
  }

  async run(script: string, options: RunOptions = {}): Promise<Outcome> {
    const answer = this.#answer(script)
    this.transcript.push({ kind: 'run', script, ...options })
    if (answer.error !== undefined) throw answer.error
    const outcome = outcomeOf(answer)
    if (options.onOutput === undefined) return outcome
    options.onOutput(outcome.stdout)
    return { ...outcome, stdout: Buffer.alloc(0) }
  }

  async openStream(script: string, options: StreamOptions = {}): Promise<HostStream> {
    const answer = this.#answer(script)
    const index = this.transcript.push({ kind: 'stream', script, ...options }) - 1
    const stdin = new PassThrough()
    const done = read(stdin).then(bytes => {
      this.transcript[index] = { kind: 'stream', script, ...options, stdin: bytes }
      if (answer.error !== undefined) throw answer.error
      return { ...outcomeOf(answer), stdout: Buffer.alloc(0) }
    })
    done.catch(() => {})
    const stdout = Readable.from([Buffer.from(answer.stdout ?? '')])
    return { stdin, stdout, done, close: () => stdin.end() }
  }

  async start(script: string, options: ProcessOptions): Promise<HostProcess> {
    const answer = this.#answer(script)
    this.transcript.push({ kind: 'process', script, ...options })
    const { exitCode } = outcomeOf(answer)
    const ended =
      answer.error === undefined
        ? Promise.resolve({ exitCode, signal: undefined })
        : Promise.reject(answer.error)
    ended.catch(() => {})
    return {
      stdin: new PassThrough().resume(),
      stdout: Readable.from([Buffer.from(answer.stdout ?? '')]),
      stderr: Readable.from([Buffer.from(answer.stderr ?? '')]),
      ended,
      pid: Promise.resolve(1),
      kill: async () => true,
      close: () => {},
    }
  }

  keepAlive(): void {}

  write(line: string): void {
    this.written.push(line)
  }

  async close(): Promise<void> {
    this.closed = true
  }

  #answer(script: string): Answer {
    const index = this.transcript.length
    const answer = typeof this.#answers === 'function' ? this.#answers(script, index) : this.#answers[index]
    if (answer === undefined) throw new Error(`recorder: no answer for script ${index + 1}:\n${script}`)
    return answer
  }
}

async function read(stdin: PassThrough): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stdin) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

function outcomeOf({ exitCode = 0, stdout = '', stderr = '' }: Answer): Outcome {
  return { exitCode, stdout: Buffer.from(stdout), stderr: Buffer.from(stderr), seconds: 0 }
}
