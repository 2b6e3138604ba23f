import type { Client } from 'ssh2'
import type { Transport } from './transport.ts'

/** An SSH client and its transport, with every event of theirs handled: nothing of it is ever uncaught. */
export class Lifeline {
  readonly client: Client
  /** Resolves when the login is done; rejects with the first error of the client. */
  readonly ready: Promise<void>
  /** Resolves with a few words when the connection is over, for whatever reason. */
  readonly lost: Promise<string>
  readonly #transport: Transport

  /** `interval`: seconds of silence after which the host is asked for a sign of life, see `watch`. */
  constructor(client: Client, transport: Transport, interval: number) {
    this.client = client
    this.#transport = transport
    const over = new Promise<Error>(resolve => {
      // An agent that refuses to sign is no end: the next key is tried.
      client.on('error', error => levelOf(error) === 'agent' || resolve(error))
      client.on('close', () => resolve(new Error('the host closed the connection')))
    })
    this.ready = new Promise((resolve, reject) => {
      client.once('ready', resolve)
      void over.then(reject)
    })
    this.ready.catch(() => {})
    this.lost = over.then(wordsFor)
    void this.lost.then(() => transport.destroy())
    client.once('ready', () => watch(client, transport, interval * 1000))
  }

  /** Whether the connection keeps this process from ending by itself. */
  keepAlive(held: boolean): void {
    this.#transport.keepAlive(held)
  }

  /** Says goodbye and lets go; what is still buffered goes out first. */
  async end(): Promise<void> {
    this.client.end()
    setTimeout(() => this.#transport.destroy(), 500).unref()
  }
}

/** Which part of the client an error comes from: `client-timeout`, `handshake`, `client-authentication` … */
export function levelOf(error: Error): string | undefined {
  return 'level' in error ? String(error.level) : undefined
}

/**
 * Asks a silent host for a sign of life every `interval` ms, and gives it up after the third answer that did not come. Any
 * byte is a sign: ssh2's own keep-alive takes only answers for one, which wait behind all that is being sent, so that a
 * long upload over a slow line would count as a silent host; and its timer would keep this process alive.
 */
function watch(client: Client, transport: Transport, interval: number): void {
  const { _callbacks: answers, _protocol: protocol } = client as unknown as Internals
  let heard = performance.now()
  let asked = 0
  let timer: NodeJS.Timeout | undefined
  const next = () => {
    timer = setTimeout(check, Math.max(10, heard + interval * (asked + 1) - performance.now())).unref()
  }
  const check = () => {
    if (performance.now() - heard >= interval * (asked + 1)) {
      if (asked === most) return void client.emit('error', silent())
      asked += 1
      // The answer is no news: what it is made of was heard.
      answers.push(() => {})
      protocol.ping()
    }
    next()
  }
  transport.socket.on('data', () => {
    heard = performance.now()
    asked = 0
  })
  client.once('close', () => clearTimeout(timer))
  transport.socket.once('close', () => clearTimeout(timer))
  next()
}

/** Of ssh2 1.17, which has no public name for them. Source: its lib/client.js. */
interface Internals {
  readonly _callbacks: (() => void)[]
  readonly _protocol: { ping(): void }
}

const most = 3

function silent(): Error {
  return Object.assign(new Error('no sign of life'), { level: 'client-timeout' })
}

function wordsFor(error: Error): string {
  if (levelOf(error) === 'client-timeout') return 'the host stopped answering'
  if ('code' in error && error.code === 'ECONNRESET') return 'the connection was reset'
  return error.message
}
