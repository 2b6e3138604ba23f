import { closeSync, openSync, readFileSync, readSync } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import type { Connection } from '#engine/connection/connection.ts'
import { CapstanError, HostError } from '#engine/errors.ts'
import { holderFile } from '#engine/host/paths.ts'
import type { RunIdentity } from '#engine/host/run-identity.ts'
import { quoteAll } from '#engine/quote.ts'
import { homeOf, manifest } from '#engine/resources/release/script.ts'
import type { AppState } from './inspect.ts'
import { entryLine, type FileEntry, type Manifest, shown } from './manifest.ts'
import type { ReleaseFacts } from './release.ts'

/** What has to go to a host for it to have a release. */
export interface Shipment {
  /** The kept release that `changes` are to; undefined: to nothing. */
  readonly base: string | undefined
  readonly changes: readonly string[]
  /** Files whose content no kept release has, each content once. */
  readonly files: readonly FileEntry[]
  readonly bytes: number
}

/** What a host lacks of a release. */
export function shipment(manifest: Manifest, base: AppState['base']): Shipment {
  const had = new Map((base?.manifest ?? []).map(entry => [entry.path, entryLine(entry)]))
  const have = new Set(base?.more)
  for (const entry of base?.manifest ?? []) if (entry.type === 'file') have.add(entry.sha256)
  const paths = new Set(manifest.map(({ path }) => path))
  const gone = [...had]
    .filter(([path]) => !paths.has(path))
    .map(([, line]) => `-${line.slice(line.lastIndexOf('\t') + 1)}`)
  const changed = manifest
    .map(entryLine)
    .filter((line, index) => had.get(manifest[index]?.path ?? '') !== line)
  const files = manifest.filter((entry): entry is FileEntry => {
    if (entry.type !== 'file' || have.has(entry.sha256)) return false
    have.add(entry.sha256)
    return true
  })
  return {
    base: base?.id,
    changes: [...gone, ...changed.map(line => `+${line}`)],
    files,
    bytes: files.reduce((sum, { size }) => sum + size, 0),
  }
}

/** What an upload did; `sentBytes` went over the wire, compressed. */
export interface Transferred {
  readonly sent: number
  readonly linked: number
  readonly copied: number
  readonly sentBytes: number
}

/**
 * Sends a shipment and has the host build the release from it and from what it has, verify every file, and give
 * it its name. Throws HostError `tampered` where a kept release is not what it was; nothing is left then.
 */
export async function transfer(
  connection: Pick<Connection, 'host' | 'openStream'>,
  source: string,
  facts: ReleaseFacts,
  { base, changes, files }: Shipment,
  run: {
    readonly app: string
    readonly run: RunIdentity
    readonly onBytes: (bytes: number) => void
  },
): Promise<Transferred> {
  const script = `exec perl -e ${quoteAll([receive, '--', homeOf(run.app), holderFile(run.app), JSON.stringify(facts), JSON.stringify(run.run.who)])}`
  const stream = await connection.openStream(script)
  const said: Buffer[] = []
  stream.stdout.on('data', (chunk: Buffer) => said.push(chunk))
  const head = `${facts.id} ${facts.sha256} ${base ?? '-'} ${run.run.runId}\n${changes.map(line => `${line}\n`).join('')}.\n`
  const gzip = createGzip({ level: 4 })
  let sentBytes = 0
  gzip.on('data', (chunk: Buffer) => {
    sentBytes += chunk.length
  })
  // The receiver may end first, with a reason of its own: that is the error to tell, not the broken pipe.
  const sending = pipeline(contents(source, head, files, run.onBytes), gzip, stream.stdin).catch(
    (error: unknown) => {
      stream.close()
      return error
    },
  )
  const [outcome, failure] = await Promise.all([stream.done.catch((error: unknown) => error), sending])
  if (failure instanceof CapstanError) throw failure
  if (outcome instanceof Error) throw outcome
  const { exitCode, stderr } = outcome as Awaited<typeof stream.done>
  if (exitCode !== 0) throw refused(connection.host, exitCode, stderr.toString().trimEnd())
  const [sent = 0, linked = 0, copied = 0] = Buffer.concat(said).toString().trim().split(' ').map(Number)
  return { sent, linked, copied, sentBytes }
}

function refused(host: string, exitCode: number, said: string): HostError {
  const lines = said.split('\n').slice(-5)
  if (exitCode === 65)
    return new HostError('tampered', `${host}: a release can’t be built from the kept ones`, { lines })
  const full = /No space left|Disk quota/.test(said)
  return new HostError(
    'upload',
    `${host}: ${full ? 'the disk is full' : 'the upload could not be written'}`,
    {
      lines,
      hint: full
        ? 'The upload was removed, and the site is unchanged. Free some space, for example with a lower app.release.keep, and run again.'
        : 'The upload was removed, and the site is unchanged.',
    },
  )
}

async function* contents(
  source: string,
  head: string,
  files: readonly FileEntry[],
  onBytes: (bytes: number) => void,
): AsyncGenerator<Buffer> {
  let read = 0
  yield Buffer.from(head, 'latin1')
  for (const file of files) {
    yield Buffer.from(`${file.sha256} ${file.size}\n`)
    for (const block of content(source, file)) {
      yield block
      read += block.length
      onBytes(read)
    }
  }
}

function* content(source: string, { path, size }: FileEntry): Generator<Buffer> {
  const file = openSync(Buffer.concat([Buffer.from(`${source}/`), Buffer.from(path, 'latin1')]), 'r')
  try {
    let left = size
    while (left > 0) {
      const block = Buffer.allocUnsafe(Math.min(left, 256 * 1024))
      const length = readSync(file, block, 0, block.length, null)
      if (length === 0)
        throw new CapstanError('source-changed', `${shown(path)}: became shorter while it was sent`, {
          hint: 'The site is unchanged. Wait until nothing writes to the source, and run again.',
        })
      left -= length
      yield block.subarray(0, length)
    }
  } finally {
    closeSync(file)
  }
}

const receive = readFileSync(new URL('receive.pl', import.meta.url), 'utf8') + manifest
