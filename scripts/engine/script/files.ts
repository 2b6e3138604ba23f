import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { HostError } from '#engine/errors.ts'
import type { HostConnection } from '#engine/host/host-connection.ts'
import { quote } from '#engine/quote.ts'
import { Secret } from '#engine/secret.ts'
import { counted, hashed, type Progress, receivedBy, sendTo } from './streams.ts'

/** What a file that is written gets; absent: root's, 644, or what the file had before. */
export interface FileOptions {
  /** `0o600` */
  readonly mode?: number
  readonly owner?: string
  readonly group?: string
}

/** The bytes of a file of the host, 32 MiB at most. Throws HostError `no-file`. */
export async function readHostFile(connection: HostConnection, path: string): Promise<Buffer> {
  const { stdout, exitCode, stderr } = await connection.read(`cat -- ${quote(path)}\n`)
  if (exitCode === 0) return stdout
  throw new HostError('no-file', `${connection.host}: ${path} can’t be read`, {
    lines: [stderr.toString().trim()],
  })
}

/**
 * Replaces a file at once by a new one with this content, if it differs in content, mode or owner; true where it did. The
 * content goes by stdin, so that it may be secret.
 */
export async function writeHostFile(
  connection: Pick<HostConnection, 'host' | 'openStream'>,
  path: string,
  content: string | Buffer | Secret,
  options: FileOptions = {},
): Promise<boolean> {
  const bytes = Buffer.from(content instanceof Secret ? content.reveal() : content)
  return replace(
    connection,
    path,
    options,
    createHash('sha256').update(bytes).digest('hex'),
    Readable.from([bytes]),
  )
}

/** Brings a file of this machine to the host, whole or not at all; true where something changed. */
export async function uploadFile(
  connection: HostConnection,
  from: string,
  to: string,
  { size, progress, ...options }: FileOptions & { readonly size: number; readonly progress: Progress },
): Promise<boolean> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(from), hash)
  const content = createReadStream(from).pipe(counted(size, progress))
  return replace(connection, to, options, hash.digest('hex'), content)
}

/** Brings a file of the host to `to`, which is replaced once all of it has come. */
export async function downloadFile(
  connection: HostConnection,
  from: string,
  to: string,
  { size, sum, progress }: { readonly size: number; readonly sum: string; readonly progress: Progress },
): Promise<void> {
  const stream = await connection.openStream(`exec cat -- ${quote(from)}`)
  stream.stdin.end()
  const hash = createHash('sha256')
  const partial = `${to}.partial`
  try {
    await pipeline(stream.stdout, counted(size, progress), hashed(hash), createWriteStream(partial))
    await stream.done
    if (hash.digest('hex') !== sum)
      throw new HostError('file-changed', `${connection.host}: ${from} changed while it was read`, {
        hint: 'Run again, or copy the file on the host first.',
      })
    await rename(partial, to)
  } finally {
    stream.close()
    await rm(partial, { force: true })
  }
}

/** A stream to a file of the host: written beside it, compared with its hash there, and renamed over it. */
async function replace(
  connection: Pick<HostConnection, 'host' | 'openStream'>,
  path: string,
  options: FileOptions,
  sum: string,
  content: Readable,
): Promise<boolean> {
  const script = `
set -eu
p=${quote(path)}; d=$(dirname -- "$p"); n=$(mktemp -- "$d/.capstan-XXXXXXXX"); trap 'rm -f -- "$n"' EXIT
cat >"$n"
s=$(sha256sum <"$n"); [ "\${s%% *}" = ${sum} ] || { echo "what arrived is not what was sent" >&2; exit 1; }
${attributes(options)}
if [ -f "$p" ] && [ "$(stat -c '%a %U %G' -- "$p")" = "$(stat -c '%a %U %G' -- "$n")" ] && cmp -s -- "$p" "$n"; then echo same; exit; fi
sync -- "$n"; mv -fT -- "$n" "$p"; trap - EXIT; echo changed
`
  const stream = await connection.openStream(script)
  const said = receivedBy(connection.host, path, stream)
  await sendTo(stream, content)
  return (await said).trim() === 'changed'
}

// A file keeps what it had; a new one is root's.
function attributes({ mode, owner, group }: FileOptions): string {
  const kept =
    'if [ -f "$p" ]; then chown --reference="$p" -- "$n"; chmod --reference="$p" -- "$n"; else chmod 644 -- "$n"; fi'
  const chown =
    owner === undefined && group === undefined
      ? ''
      : `chown -- ${quote(`${owner ?? ''}:${group ?? owner ?? ''}`)} "$n"`
  return [kept, chown, mode === undefined ? '' : `chmod ${mode.toString(8)} -- "$n"`].join('\n')
}
