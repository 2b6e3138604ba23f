import { randomBytes } from 'node:crypto'
import { Transform } from 'node:stream'
import { type CapstanError, ConnectionLost, HostError } from '../errors.ts'
import type { Channel, ChannelEnd, OpenChannel } from './channel.ts'
import type { HostProcess, ProcessEnd, ProcessOptions } from './connection.ts'
import { enter, type Login, refused } from './enter.ts'
import { MarkerReader } from './marker.ts'
import { preamble, shellAs } from './preamble.ts'

/** Sends a signal to all that the session of the shell `pid` runs, that shell included. */
export type SignalSession = (pid: number, signal: NodeJS.Signals) => Promise<boolean>

/**
 * Starts a script on a channel of its own. The script travels on stdin, ahead of the bytes that are the script's own
 * stdin: nothing of it is in an argument or an environment. Throws what `enter` throws.
 */
export async function startProcess(
  open: OpenChannel,
  login: Login,
  script: string,
  { user, shell, signal }: ProcessOptions & { readonly signal: SignalSession },
): Promise<HostProcess> {
  const nonce = randomBytes(16).toString('hex')
  const inner = randomBytes(16).toString('hex')
  const channel = await enter(
    open,
    reader(user === undefined ? nonce : inner),
    login,
    user === undefined ? shell : undefined,
  )
  const stdout = new AfterMarker(nonce)
  const stderr = new AfterMarker(nonce)
  channel.stdout.pipe(stdout)
  channel.stderr.pipe(stderr)
  void channel.ended.then(() => {
    endAfter(channel.stdout, stdout)
    endAfter(channel.stderr, stderr)
  })
  if (user !== undefined) channel.stdin.write(sent(shellAs(user, reader(nonce), shell), inner))
  channel.stdin.write(sent(script, nonce))
  const ended = channel.ended.then(async (end): Promise<ProcessEnd> => {
    // What it said may still be on its way.
    if ((await stdout.begun) === undefined) throw await neverBegan(login, end, stderr, user)
    if (end.exitCode === null && end.signal === undefined) throw lost(login.host, end)
    return { exitCode: end.exitCode, signal: end.signal }
  })
  ended.catch(() => {})
  return {
    stdin: channel.stdin,
    stdout,
    stderr,
    ended,
    pid: stdout.begun,
    kill: async name => {
      const pid = await stdout.begun
      return pid !== undefined && signal(pid, name)
    },
    close: () => channel.destroy(),
  }
}

// A function, so that a script with a syntax error runs none of itself.
function sent(script: string, nonce: string): string {
  return `capstan() { :\n${script}\n}\ncapstan\n${nonce}\n`
}

/**
 * A shell body that reads a script up to the line `nonce`, and runs it only when that line came. `read` takes
 * its bytes one by one, so that what follows on stdin is the script's own.
 */
function reader(nonce: string): string {
  const read = `IFS= read -r l || exit 255; [ "$l" = ${nonce} ] && break; s="$s$l$n"`
  return `${preamble(nonce)}; n=$(printf "\\n."); n=\${n%.}; s=; while :; do ${read}; done; eval "$s"`
}

// A lost connection ends no stream of its own accord, nor does a background process that holds the output.
function endAfter(source: Channel['stdout'], to: AfterMarker): void {
  const end = () => {
    source.unpipe(to)
    to.end()
  }
  if (source.readableEnded || source.destroyed) end()
  else setTimeout(end, 1000).unref()
}

/** Holds back what comes before a marker's line, keeps the pid that the line tells, and hands on all that follows. */
class AfterMarker extends Transform {
  readonly #reader = new MarkerReader()
  #before: Buffer = Buffer.alloc(0)
  #begin: (pid: number | undefined) => void = () => {}
  pid: number | undefined
  /** The pid once it is known; undefined where the stream ended without it. */
  readonly begun = new Promise<number | undefined>(resolve => {
    this.#begin = resolve
  })

  constructor(nonce: string) {
    super()
    this.#reader.expect({
      marker: Buffer.from(`\x1e${nonce} `),
      onData: bytes => {
        this.#before = Buffer.concat([this.#before, bytes])
      },
      onMarker: pid => {
        this.pid = Number(pid)
        this.#begin(this.pid)
      },
    })
  }

  /** What was said before the marker. */
  get before(): string {
    return this.#before.toString()
  }

  override _transform(chunk: Buffer, _encoding: string, done: (error: null, bytes?: Buffer) => void): void {
    done(null, this.#reader.push(chunk))
  }

  override _flush(done: () => void): void {
    this.#begin(undefined)
    done()
  }
}

async function neverBegan(
  login: Login,
  end: ChannelEnd,
  stderr: AfterMarker,
  user: string | undefined,
): Promise<CapstanError> {
  await stderr.begun
  const said = stderr.before
  if (user === undefined || end.exitCode === null) return refused(login, end, said)
  return new HostError('no-such-user', `${login.host}: no command can be run as ${JSON.stringify(user)}`, {
    lines: said.split(/[\x1e\n]/).filter(line => line.trim() !== '' && !/^[0-9a-f]{32} 0$/.test(line)),
    hint: 'Check that the user exists on the host, and that the login user is root: only root can run commands as another user.',
  })
}

function lost(host: string, end: ChannelEnd): ConnectionLost {
  const cause = end.cause ?? 'the connection was closed'
  return new ConnectionLost('connection-lost', `${host}: connection lost: ${cause}`, {
    hint: 'Capstan does not know whether the command finished.',
  })
}
