import { randomBytes } from 'node:crypto'
import { type CapstanError, ConnectionLost, HostError } from '../errors.ts'
import { quote } from '../quote.ts'
import type { Channel, ChannelEnd } from './channel.ts'
import { Collector } from './collect.ts'
import type { Outcome, RunOptions } from './connection.ts'
import { MarkerReader } from './marker.ts'
import { preamble } from './preamble.ts'

export interface SessionOptions {
  readonly host: string
  /** The error for a channel that ended before its shell said its first word. */
  readonly explain: (end: ChannelEnd, said: string) => CapstanError
  /** Kills what the script of the shell `pid` runs, by another way than this channel; true when all is gone. */
  readonly kill: (pid: number, keep: boolean) => Promise<boolean>
}

/** Bytes of stdout that an Outcome holds; a script that says more is an error, not a cut answer. */
const stdoutLimit = 32 * 1024 * 1024
const stderrLimit = 1024 * 1024
const defaultDeadline = 120

/**
 * One POSIX shell that reads whole scripts from its stdin, one after the other. A script is an argument of
 * `eval` inside braces, so that a part of it runs nothing and a syntax error ends the script, not the shell.
 * Each answer ends with a nonce on both streams, so that output is any bytes at all.
 */
export class Session {
  readonly #channel: Channel
  readonly #options: SessionOptions
  readonly #stdout = new MarkerReader()
  readonly #stderr = new MarkerReader()
  readonly #noise = new Collector(8192)
  #queue: Promise<unknown> = Promise.resolve()
  #queued = 0
  #end: ChannelEnd | undefined
  #abandoned = false
  #pid: number | undefined
  #kept = false
  #fail: ((error: CapstanError) => void) | undefined

  constructor(channel: Channel, options: SessionOptions) {
    this.#channel = channel
    this.#options = options
    channel.stdout.on('data', (chunk: Buffer) => this.#stdout.push(chunk))
    channel.stderr.on('data', (chunk: Buffer) => this.#stderr.push(chunk)).resume()
    void channel.ended.then(end => {
      this.#end = end
      this.#fail?.(this.#lost(end))
    })
    const nonce = newNonce()
    this.#stdout.expect({
      marker: markerOf(nonce),
      onData: this.#noise.add,
      onMarker: pid => {
        this.#pid = Number(pid)
      },
    })
    this.#stderr.expect({ marker: markerOf(nonce), onData: this.#noise.add, onMarker: () => {} })
    channel.stdin.write(`${preamble(nonce)}\n`)
  }

  /** False once the shell has ended or was given up on after a deadline. */
  get usable(): boolean {
    return this.#end === undefined && !this.#abandoned
  }

  /** True once a deadline passed that the shell did not survive: a new session can take its place. */
  get abandoned(): boolean {
    return this.#abandoned
  }

  /** Whether a script with `keep` ran here: what it opened is lost with this session. */
  get kept(): boolean {
    return this.#kept
  }

  /** Whether no script runs or waits here. */
  get idle(): boolean {
    return this.#queued === 0
  }

  run(script: string, options: RunOptions = {}): Promise<Outcome> {
    this.#queued += 1
    const outcome = this.#queue.then(() => this.#send(script, options))
    this.#queue = outcome
      .catch(() => {})
      .then(() => {
        this.#queued -= 1
      })
    return outcome
  }

  write(line: string): void {
    if (this.usable) this.#channel.stdin.write(`${line}\n`)
  }

  close(): void {
    this.#abandoned = true
    this.#channel.stdin.end()
    this.#channel.destroy()
  }

  async #send(script: string, options: RunOptions): Promise<Outcome> {
    const { deadline = defaultDeadline, onOutput, keep = false, listens = false } = options
    if (this.#end !== undefined || this.#abandoned) throw this.#lost(this.#end ?? { exitCode: null })
    const nonce = newNonce()
    const wrapped = wrap(script, nonce, { keep, listens })
    if (keep) this.#kept = true
    const begun = performance.now()
    const stdout = new Collector(stdoutLimit)
    const stderr = new Collector(stderrLimit)
    const answer = new Promise<number>((resolve, reject) => {
      this.#fail = reject
      let exitCode: number | undefined
      let waiting = 2
      const settle = () => {
        waiting -= 1
        if (waiting === 0 && exitCode !== undefined) resolve(exitCode)
      }
      const marker = markerOf(nonce)
      this.#stdout.expect({
        marker,
        onData: onOutput ?? stdout.add,
        onMarker: code => {
          exitCode = Number(code)
          settle()
        },
      })
      this.#stderr.expect({ marker, onData: stderr.add, onMarker: settle })
      this.#channel.stdin.write(wrapped)
    })
    const exitCode = await this.#within(deadline, keep, answer)
    const seconds = (performance.now() - begun) / 1000
    if (stdout.overflowed) throw this.#tooLong(stdout)
    return { exitCode, stdout: stdout.bytes(), stderr: stderr.bytes(), seconds }
  }

  async #within(deadline: number, keep: boolean, answer: Promise<number>): Promise<number> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<'late'>(resolve => {
      timer = setTimeout(resolve, Math.min(deadline * 1000, 2 ** 31 - 1), 'late')
    })
    try {
      const first = await Promise.race([answer, late])
      if (first !== 'late') return first
      throw await this.#killed(deadline, keep, answer)
    } finally {
      clearTimeout(timer)
      this.#fail = undefined
    }
  }

  async #killed(deadline: number, keep: boolean, answer: Promise<number>): Promise<CapstanError> {
    const pid = this.#pid
    answer.catch(() => {})
    const gone = pid !== undefined && (await this.#options.kill(pid, keep).catch(() => false))
    // The shell goes on after its script was killed, and says so; one that does not is given up on.
    const answered = await Promise.race([answer.then(() => true).catch(() => false), wait(2000)])
    if (answered !== true || keep) {
      this.#abandoned = true
      this.#channel.destroy()
    }
    const host = this.#options.host
    if (pid === undefined)
      return new ConnectionLost('no-answer', `${host}: the shell said nothing within ${deadline} s`)
    return new HostError('deadline', `${host}: a script ran longer than its deadline of ${deadline} s`, {
      hint: gone
        ? 'Its processes were killed. Changes that it made before are kept.'
        : `Its processes may still run on the host: check the children of process ${pid} there.`,
    })
  }

  #lost(end: ChannelEnd): CapstanError {
    const { host, explain } = this.#options
    if (this.#pid === undefined) return explain(end, this.#noise.bytes().toString())
    if (end.exitCode !== null || end.signal !== undefined) {
      const how = end.signal === undefined ? `exited with ${end.exitCode}` : `was ended by SIG${end.signal}`
      return new HostError('shell-ended', `${host}: the shell ${how} in the middle of a script`, {
        hint: 'Capstan does not know how far the script came. Run again to see what is left to do.',
      })
    }
    const cause = end.cause ?? 'the connection was closed'
    return new ConnectionLost('connection-lost', `${host}: connection lost: ${cause}`, {
      hint: 'Capstan does not know whether the script finished. Run again to see what is left to do.',
    })
  }

  #tooLong(stdout: Collector): HostError {
    const text = `${this.#options.host}: a script wrote ${stdout.length} bytes, at most ${stdoutLimit} are kept`
    const tail = stdout.bytes().subarray(-2048).toString().split('\n').filter(Boolean).slice(-5)
    return new HostError('output-too-long', text, { lines: tail.map(line => line.slice(0, 200)) })
  }
}

/**
 * A whole script for the shell's stdin. It runs once the closing brace is read, and not a line of it before. A
 * kept one is parsed in a subshell first, because bash ends at an unclosed quote even in `command eval`.
 */
function wrap(
  script: string,
  nonce: string,
  { keep, listens }: { readonly keep: boolean; readonly listens: boolean },
): string {
  const body = `capstan() { :\n${script}\n}`
  const call = keep
    ? `{ capstan_=${quote(body)}; ( eval "$capstan_" ); case $? in 0) eval "$capstan_"; capstan ;; *) ( exit 2 ) ;; esac; }`
    : `( eval ${quote(`${body}\ncapstan`)} )`
  return `{ ${call} ${listens ? '7<&0 ' : ''}</dev/null; printf '\\036%s %d\\n' ${nonce} $?; printf '\\036%s 0\\n' ${nonce} >&2; }\n`
}

function newNonce(): string {
  return randomBytes(16).toString('hex')
}

// The record separator first: ordinary text has none, so nothing of it is ever held back.
function markerOf(nonce: string): Buffer {
  return Buffer.from(`\x1e${nonce} `)
}

function wait(milliseconds: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, milliseconds).unref())
}
