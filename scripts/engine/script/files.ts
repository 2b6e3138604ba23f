import { createHash, randomBytes } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { Readable, Transform, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { HostError, UsageError } from '#engine/errors.ts'
import type { HostConnection } from '#engine/host/host-connection.ts'
import { quote } from '#engine/quote.ts'
import { Secret } from '#engine/secret.ts'
import { zx } from '#engine/zx.ts'

/** What a file that is written gets; absent: root's, 644, or what the file had before. */
export interface FileOptions {
  /** `0o600` */
  readonly mode?: number
  readonly owner?: string
  readonly group?: string
}

/** How far a transfer is, in bytes. */
export type Progress = (done: number, all: number) => void

/** The bytes of a file of the host, 32 MiB at most. Throws HostError `no-file`. */
export async function readHostFile(connection: HostConnection, path: string): Promise<Buffer> {
  const { stdout, exitCode, stderr } = await connection.run(`cat -- ${quote(path)}\n`)
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
  connection: HostConnection,
  path: string,
  content: string | Buffer | Secret,
  options: FileOptions = {},
): Promise<boolean> {
  const bytes = Buffer.from(content instanceof Secret ? content.reveal() : content)
  return receive(connection, path, Readable.from([bytes]), options)
}

/** Brings a file or a folder of this machine to the host; what is in a folder there and not here stays. True: something changed. */
export async function uploadTo(
  connection: HostConnection,
  from: string,
  to: string,
  { progress = () => {}, ...options }: FileOptions & { readonly progress?: Progress } = {},
): Promise<boolean> {
  const { isFolder, size } = await kindOf(from)
  if (!isFolder) return receive(connection, to, createReadStream(from).pipe(counted(size, progress)), options)
  const archive = zx()({ quiet: true })`tar -C ${from} -cf - .`
  const source = archive.stdout.pipe(counted(0, progress))
  const changed = await unpack(connection, to, source, options)
  await archive
  return changed
}

/** Brings a file or a folder of the host to this machine, whole or not at all. */
export async function downloadFrom(
  connection: HostConnection,
  from: string,
  to: string,
  progress: Progress = () => {},
): Promise<void> {
  const about = await connection.run(
    `p=${quote(from)}; if [ -d "$p" ]; then echo folder; elif [ -f "$p" ]; then stat -Lc %s -- "$p"; sha256sum <"$p"; else exit 1; fi\n`,
  )
  if (about.exitCode !== 0) throw new HostError('no-file', `${connection.host}: there is no ${from}`)
  const [kind = '', sum = ''] = about.stdout.toString().split('\n')
  const partial = `${resolve(to)}.partial-${randomBytes(4).toString('hex')}`
  await mkdir(dirname(partial), { recursive: true })
  try {
    if (kind === 'folder') await downloadFolder(connection, from, partial, progress)
    else
      await downloadFile(connection, from, partial, { size: Number(kind), sum: sum.slice(0, 64), progress })
    if (kind === 'folder') await rm(to, { recursive: true, force: true })
    await rename(partial, to)
  } finally {
    await rm(partial, { recursive: true, force: true })
  }
}

async function downloadFile(
  connection: HostConnection,
  from: string,
  to: string,
  { size, sum, progress }: { readonly size: number; readonly sum: string; readonly progress: Progress },
): Promise<void> {
  const { stdin, stdout, done } = await connection.openStream(`exec cat -- ${quote(from)}`)
  stdin.end()
  const hash = createHash('sha256')
  const hashing = new Transform({
    transform(chunk: Buffer, _encoding, next) {
      hash.update(chunk)
      next(null, chunk)
    },
  })
  await pipeline(stdout, counted(size, progress), hashing, createWriteStream(to))
  await done
  if (hash.digest('hex') !== sum)
    throw new HostError('file-changed', `${connection.host}: ${from} changed while it was read`, {
      hint: 'Run again, or copy the file on the host first.',
    })
}

async function downloadFolder(
  connection: HostConnection,
  from: string,
  to: string,
  progress: Progress,
): Promise<void> {
  await mkdir(to)
  const { stdin, stdout, done } = await connection.openStream(`exec tar -C ${quote(from)} -cf - .`)
  stdin.end()
  const unpacking = zx()({ quiet: true, input: stdout.pipe(counted(0, progress)) })`tar -C ${to} -xf -`
  const [{ exitCode, stderr }] = await Promise.all([done, unpacking])
  if (exitCode !== 0)
    throw new HostError('transfer', `${connection.host}: ${from} could not be read whole`, {
      lines: stderr.toString().trim().split('\n').slice(-5),
    })
}

/** A stream to a file of the host: written beside it, checked by its hash there, and renamed over it. */
async function receive(
  connection: HostConnection,
  path: string,
  content: Readable,
  options: FileOptions,
): Promise<boolean> {
  const hash = createHash('sha256')
  const script = `
set -eu
p=${quote(path)}; d=$(dirname -- "$p"); n=$(mktemp -- "$d/.capstan-XXXXXXXX"); trap 'rm -f -- "$n"' EXIT
cat >"$n"
${same(options)}
sha256sum <"$n"
if [ -f "$p" ] && [ "$(stat -c '%a %U %G' -- "$p")" = "$(stat -c '%a %U %G' -- "$n")" ] && cmp -s -- "$p" "$n"; then echo same; exit; fi
sync -- "$n"; mv -fT -- "$n" "$p"; trap - EXIT; echo changed
`
  const { stdin, stdout, done } = await connection.openStream(script)
  const said = collect(stdout)
  for await (const chunk of content) {
    hash.update(chunk as Buffer)
    if (!stdin.write(chunk)) await drained(stdin)
  }
  stdin.end()
  const { exitCode, stderr } = await done
  return outcomeOf(connection.host, path, { exitCode, stderr, said: await said, sum: hash.digest('hex') })
}

/** An archive to a folder of the host: unpacked beside it, checked by its hash there, and copied into it. */
async function unpack(
  connection: HostConnection,
  path: string,
  archive: Readable,
  { mode, owner = 'root', group = owner }: FileOptions,
): Promise<boolean> {
  const script = `
set -eu
p=${quote(path)}; mkdir -p -- "$p"; t=$(mktemp -d -- "$p.capstan-XXXXXXXX"); trap 'rm -rf -- "$t"' EXIT
mkdir -- "$t/new"; mkfifo -- "$t/pipe"; sha256sum <"$t/pipe" >"$t/sum" &
tee -- "$t/pipe" | tar -C "$t/new" --no-same-owner -xf -; wait
chown -R -- ${quote(`${owner}:${group}`)} "$t/new"
${mode === undefined ? '' : `find "$t/new" -type f -exec chmod ${mode.toString(8)} -- {} +`}
(cd -- "$t/new" && find . ! -type d -print0) >"$t/names"
state() { (cd -- "$p" && xargs -0r sha256sum <"$t/names"; xargs -0r stat -c '%n %a %U %G' <"$t/names") 2>&1 || :; }
cat -- "$t/sum"
before=$(state); cp -a -- "$t/new/." "$p/"; after=$(state)
[ "$before" = "$after" ] && echo same || echo changed
`
  const hash = createHash('sha256')
  const { stdin, stdout, done } = await connection.openStream(script)
  const said = collect(stdout)
  for await (const chunk of archive) {
    hash.update(chunk as Buffer)
    if (!stdin.write(chunk)) await drained(stdin)
  }
  stdin.end()
  const { exitCode, stderr } = await done
  return outcomeOf(connection.host, path, { exitCode, stderr, said: await said, sum: hash.digest('hex') })
}

function drained(stream: Writable): Promise<unknown> {
  return new Promise(resume => stream.once('drain', resume).once('close', resume))
}

function outcomeOf(
  host: string,
  path: string,
  {
    exitCode,
    stderr,
    said,
    sum,
  }: { readonly exitCode: number; readonly stderr: Buffer; readonly said: string; readonly sum: string },
): boolean {
  const [found = '', outcome] = said.split('\n')
  if (exitCode === 0 && found.slice(0, 64) === sum) return outcome === 'changed'
  throw new HostError('transfer', `${host}: ${path} could not be written`, {
    lines: stderr.toString().split('\n').filter(Boolean).slice(-5),
  })
}

// A file keeps what it had; a new one is root's.
function same({ mode, owner, group }: FileOptions): string {
  const kept = `if [ -f "$p" ]; then chown --reference="$p" -- "$n"; chmod --reference="$p" -- "$n"; else chmod 644 -- "$n"; fi`
  const chown =
    owner === undefined && group === undefined
      ? ''
      : `chown -- ${quote(`${owner ?? ''}:${group ?? owner ?? ''}`)} "$n"`
  return [kept, chown, mode === undefined ? '' : `chmod ${mode.toString(8)} -- "$n"`].join('\n')
}

async function kindOf(path: string): Promise<{ readonly isFolder: boolean; readonly size: number }> {
  const found = await stat(path).catch(() => undefined)
  if (found) return { isFolder: found.isDirectory(), size: found.size }
  throw new UsageError('no-file', `there is no ${join(dirname(path), basename(path))} on this machine`)
}

function counted(all: number, progress: Progress): Transform {
  let done = 0
  return new Transform({
    highWaterMark: 1024 * 1024,
    transform(chunk: Buffer, _encoding, next) {
      done += chunk.length
      progress(done, all)
      next(null, chunk)
    },
  })
}

async function collect(stream: Readable): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}
