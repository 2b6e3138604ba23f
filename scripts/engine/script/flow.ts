import type { Readable, Writable } from 'node:stream'
import type { ProcessPromise } from 'zx/core'

/** Bytes of an output that are kept for `.text()` and the like; what is piped or read line by line may be longer. */
const limit = 32 * 1024 * 1024

/** Where zx keeps what a command prints. It keeps all of it; this keeps up to a limit, so that a long pipe fits in memory. */
export class Output {
  readonly stdout = new Chunks()
  readonly stderr = new Chunks()
  readonly stdall = new Chunks()

  /** Bytes of stdout that were printed; more than are kept. Undefined: all were kept. */
  get overflow(): number | undefined {
    return this.stdout.bytes > limit ? this.stdout.bytes : undefined
  }
}

class Chunks extends Array<string | Buffer> {
  bytes = 0

  override push(...chunks: readonly (string | Buffer)[]): number {
    for (const chunk of chunks) {
      this.bytes += chunk.length
      if (this.bytes <= limit) super.push(chunk)
    }
    return this.length
  }
}

/** Bytes that wait for a reader before the writer is held back. */
const room = 4 * 1024 * 1024

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
    output.on('data', () => {
      if (feed.writableLength < room) return
      output.pause()
      feed.once('drain', () => output.resume())
    })
    const end = () => {
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
