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

  constructor(client: Client, transport: Transport) {
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
    keepAliveByAnyByte(client, transport)
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
 * Any byte from the host is a sign of life. ssh2 takes only the answers to its own pings for one, and those wait
 * behind all that is being sent: a long upload over a slow line would count as a silent host.
 */
function keepAliveByAnyByte(client: Client, transport: Transport): void {
  const { _resetKA: reset } = client as { _resetKA?: () => void }
  let last = 0
  transport.socket.on('data', () => {
    const now = performance.now()
    if (now - last < 100) return
    last = now
    if (isLoggedIn) reset?.()
  })
  let isLoggedIn = false
  client.once('ready', () => {
    isLoggedIn = true
  })
}

function wordsFor(error: Error): string {
  if (levelOf(error) === 'client-timeout') return 'the host stopped answering'
  if ('code' in error && error.code === 'ECONNRESET') return 'the connection was reset'
  return error.message
}
