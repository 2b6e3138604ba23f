import type { Hash } from 'node:crypto'
import { type Readable, Transform } from 'node:stream'
import { text } from 'node:stream/consumers'
import type { HostStream } from '#engine/connection/connection.ts'
import { HostError } from '#engine/errors.ts'

/** How far a transfer is, in bytes; `all` is 0 where it is not known. */
export type Progress = (done: number, all: number) => void

/** Sends all of `content` to a script's stdin; where that ends with an error the script does not get the end of it. */
export async function sendTo({ stdin, close }: HostStream, content: Readable): Promise<void> {
  try {
    for await (const chunk of content)
      if (!stdin.write(chunk)) await new Promise(resume => stdin.once('drain', resume).once('close', resume))
    stdin.end()
  } catch (error) {
    close()
    throw error
  }
}

/** What a script that received something printed. Throws HostError `transfer` where it did not end well. */
export async function receivedBy(host: string, path: string, { stdout, done }: HostStream): Promise<string> {
  const [said, { exitCode, stderr }] = await Promise.all([text(stdout), done])
  if (exitCode === 0) return said
  const lines = stderr.toString().split('\n').filter(Boolean).slice(-5)
  throw new HostError('transfer', `${host}: ${path} could not be written`, {
    lines: lines.length > 0 ? lines : [`the script that writes it exited with ${exitCode}`],
  })
}

/** Bytes that go through, told to `progress`. */
export function counted(all: number, progress: Progress): Transform {
  let done = 0
  return passing(chunk => {
    done += chunk.length
    progress(done, all)
  })
}

/** Bytes that go through, added to `hash`. */
export function hashed(hash: Hash): Transform {
  return passing(chunk => hash.update(chunk))
}

function passing(look: (chunk: Buffer) => unknown): Transform {
  return new Transform({
    highWaterMark: 256 * 1024,
    transform(chunk: Buffer, _encoding, next) {
      look(chunk)
      next(null, chunk)
    },
  })
}
