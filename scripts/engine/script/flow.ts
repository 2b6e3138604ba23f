import type { Readable, Writable } from 'node:stream'
import type { ProcessPromise } from 'zx/core'

/** Bytes of an output that are kept for `.text()` and the like. */
const most = 32 * 1024 * 1024
/** The same of an output that goes elsewhere, as a pipe or line by line: for the last words of an error. */
const mostOfStream = 64 * 1024

/** Where zx keeps what a command prints. It keeps all of it; this keeps up to a limit, so that a long pipe fits in memory. */
export class Output {
  readonly #limit = { bytes: most }
  readonly stdout = new Chunks(this.#limit)
  readonly stderr = new Chunks(this.#limit)
  readonly stdall = new Chunks(this.#limit)

  /** From now on it goes elsewhere. */
  stream(): void {
    this.#limit.bytes = mostOfStream
  }

  /** Bytes of stdout that were printed; more than are kept. Undefined: all were kept. */
  get overflow(): number | undefined {
    return this.stdout.bytes > most ? this.stdout.bytes : undefined
  }
}

class Chunks extends Array<string | Buffer> {
  readonly #limit: { readonly bytes: number }
  bytes = 0

  constructor(limit: { readonly bytes: number }) {
    super()
    this.#limit = limit
  }

  // What is made of it by map and the like is no other of these.
  static override get [Symbol.species](): ArrayConstructor {
    return Array
  }

  override push(...chunks: readonly (string | Buffer)[]): number {
    for (const chunk of chunks) {
      this.bytes += chunk.length
      if (this.bytes <= this.#limit.bytes) super.push(chunk)
    }
    return this.length
  }
}

/** Bytes that wait for a reader before the writer is held back. */
const room = 1024 * 1024

/**
 * Has `source` wait for a reader that it is piped into; zx itself keeps in memory what was not read yet. `gone` is called
 * once the reader has ended, for whatever reason. Called before zx pipes.
 */
export function waitForReader(
  source: Promise<Readable>,
  reader: ProcessPromise | Writable,
  gone: () => void,
): void {
  const isCommand = '_stdin' in reader
  const target = isCommand ? (reader as unknown as Internals)._stdin : (reader as Writable)
  target.once('pipe', async (feed: Writable) => {
    const output = await source
    const wait = () => {
      // zx brings a command's stdin what it is fed whether or not that has room.
      const sink = isCommand ? (reader as ProcessPromise).stdin : feed
      if (!sink || sink.writableLength < room) return
      output.pause()
      sink.once('drain', () => output.resume())
    }
    output.on('data', wait)
    // What is left to come is read to its end, and waits for nobody.
    const end = () => {
      output.off('data', wait)
      gone()
      output.resume()
    }
    if (isCommand) (reader as ProcessPromise).then(end, end)
    else target.once('close', end)
  })
}

// The stream that zx feeds a command's stdin from. Source: core.ts of zx 8.8.
interface Internals {
  readonly _stdin: Writable
}
