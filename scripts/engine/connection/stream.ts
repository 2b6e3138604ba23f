import { randomBytes } from 'node:crypto'
import { Transform } from 'node:stream'
import { ConnectionLost, HostError } from '../errors.ts'
import type { Channel, ChannelEnd, OpenChannel } from './channel.ts'
import { Collector } from './collect.ts'
import type { HostStream, Outcome, StreamOptions } from './connection.ts'
import { enter, type Login, refused } from './enter.ts'
import { preamble } from './preamble.ts'

const defaultDeadline = 600
const stderrLimit = 1024 * 1024

/** Starts a script on a channel of its own. `kill` is called at the deadline with the pid of its shell. */
export async function openStream(
  open: OpenChannel,
  login: Login,
  script: string,
  options: StreamOptions & { readonly kill: (pid: number) => Promise<boolean> },
): Promise<HostStream> {
  const begun = performance.now()
  const nonce = randomBytes(16).toString('hex')
  const channel = await enter(open, reader(nonce), login)
  const stderr = new Collector(stderrLimit)
  channel.stderr.on('data', stderr.add)
  const start = new AfterMarker(Buffer.from(`\x1e${nonce} `))
  channel.stdout.pipe(start)
  void channel.ended.then(() => endAfter(channel, start))
  channel.stdin.write(`capstan() { :\n${script}\n}\ncapstan\n${nonce}\n`)
  const outcome = channel.ended.then((end): Outcome => {
    const said = stderr.bytes()
    if (start.pid === undefined) throw refused(login, end, said.toString())
    if (end.exitCode === null) throw lost(login.host, end)
    const seconds = (performance.now() - begun) / 1000
    return { exitCode: end.exitCode, stdout: Buffer.alloc(0), stderr: afterMarker(said, nonce), seconds }
  })
  const done = limited(outcome, channel, { host: login.host, start, ...options })
  done.catch(() => {})
  return { stdin: channel.stdin, stdout: start, done, close: () => channel.destroy() }
}

// A lost connection ends no stream of its own accord, nor does a background process that holds the stdout.
function endAfter(channel: Channel, start: AfterMarker): void {
  const end = () => {
    channel.stdout.unpipe(start)
    start.end()
  }
  if (channel.stdout.readableEnded || channel.stdout.destroyed) end()
  else setTimeout(end, 1000).unref()
}

/**
 * A shell body that reads a script up to the line `nonce`, and runs it only when that line came. `read` takes
 * its bytes one by one, so that what follows on stdin is the script's own.
 */
function reader(nonce: string): string {
  const read = `IFS= read -r l || exit 255; [ "$l" = ${nonce} ] && break; s="$s$l$n"`
  return `${preamble(nonce)}; n=$(printf "\\n."); n=\${n%.}; s=; while :; do ${read}; done; eval "$s"`
}

/** Drops what comes before a marker's line, keeps the pid that the line tells, and hands on all that follows. */
class AfterMarker extends Transform {
  readonly #marker: Buffer
  #before: Buffer = Buffer.alloc(0)
  pid: number | undefined

  constructor(marker: Buffer) {
    super()
    this.#marker = marker
  }

  override _transform(chunk: Buffer, _encoding: string, done: (error: null, bytes?: Buffer) => void): void {
    done(null, this.pid === undefined ? this.#begin(chunk) : chunk)
  }

  #begin(chunk: Buffer): Buffer | undefined {
    this.#before = Buffer.concat([this.#before, chunk])
    const at = this.#before.indexOf(this.#marker)
    const newline = at === -1 ? -1 : this.#before.indexOf(0x0a, at)
    if (newline === -1) return undefined
    this.pid = Number(this.#before.subarray(at + this.#marker.length, newline).toString())
    return this.#before.subarray(newline + 1)
  }
}

interface Limits extends StreamOptions {
  readonly host: string
  readonly start: AfterMarker
  readonly kill: (pid: number) => Promise<boolean>
}

async function limited(outcome: Promise<Outcome>, channel: Channel, limits: Limits): Promise<Outcome> {
  const { host, start, kill, deadline = defaultDeadline } = limits
  if (deadline === Number.POSITIVE_INFINITY) return outcome
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<'late'>(resolve => {
    timer = setTimeout(resolve, deadline * 1000, 'late')
  })
  const first = await Promise.race([outcome, late]).finally(() => clearTimeout(timer))
  if (first !== 'late') return first
  const gone = start.pid !== undefined && (await kill(start.pid).catch(() => false))
  channel.destroy()
  throw new HostError('deadline', `${host}: a script ran longer than its deadline of ${deadline} s`, {
    hint: gone
      ? 'Its processes were killed, and are gone. What it had done until then is done.'
      : `Its processes may still run on the host: look at the children of the process ${start.pid} there.`,
  })
}

function lost(host: string, end: ChannelEnd): Error {
  const hint = 'Whether the script ran to its end is unknown; run again to see what is left to do.'
  if (end.signal !== undefined)
    return new HostError('shell-ended', `${host}: a script's shell was ended by SIG${end.signal}`, { hint })
  const cause = end.cause ?? 'the connection was closed'
  return new ConnectionLost('connection-lost', `${host}: connection lost: ${cause}`, { hint })
}

function afterMarker(said: Buffer, nonce: string): Buffer {
  const at = said.indexOf(`\x1e${nonce} `)
  return at === -1 ? said : said.subarray(said.indexOf(0x0a, at) + 1)
}
