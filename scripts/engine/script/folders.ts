import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import type { Options, ProcessPromise, Shell } from 'zx/core'
import { HostError, UsageError } from '#engine/errors.ts'
import type { HostConnection } from '#engine/host/host-connection.ts'
import { quote } from '#engine/quote.ts'
import { zx } from '#engine/zx.ts'
import type { FileOptions } from './files.ts'
import { Output } from './flow.ts'
import { counted, hashed, type Progress, receivedBy, sendTo } from './streams.ts'

/**
 * Brings a folder of this machine to the host; what is in a folder there and not here stays. Two trips: the archive is
 * unpacked beside the folder, and copied into it once it was whole on both sides. True: something changed.
 */
export async function uploadFolder(
  connection: HostConnection,
  from: string,
  to: string,
  { progress, ...options }: FileOptions & { readonly progress: Progress },
): Promise<boolean> {
  const hash = createHash('sha256')
  const stream = await connection.openStream(unpack(to))
  const received = receivedBy(connection.host, to, stream)
  received.catch(() => {})
  // Only now: what it says before anyone reads it is lost.
  const archive = local()`tar -C ${from} -cf - .`
  await sendTo(stream, archive.stdout.pipe(hashed(hash)).pipe(counted(0, progress)))
  const [folder = '', sum = ''] = (await received).split('\n')
  const { exitCode, stderr } = await archive
  const isWhole = exitCode === 0 && sum.slice(0, 64) === hash.digest('hex')
  const second = await connection.openStream(isWhole ? copyInto(to, folder, options) : remove(folder))
  second.stdin.end()
  const outcome = await receivedBy(connection.host, to, second)
  if (!isWhole) throw new UsageError('archive', `${from} could not be read whole`, { lines: lastOf(stderr) })
  return outcome.trim() === 'changed'
}

/** Brings a folder of the host to `to`, whole or not at all. Throws UsageError where there is something already. */
export async function downloadFolder(
  connection: HostConnection,
  from: string,
  to: string,
  progress: Progress,
): Promise<void> {
  if (existsSync(to))
    throw new UsageError('exists', `${to} is there already: a folder is downloaded to a new place`)
  const partial = `${to}.partial`
  await mkdir(partial, { recursive: true })
  try {
    const stream = await connection.openStream(`exec tar -C ${quote(from)} -cf - .`)
    stream.stdin.end()
    const unpacking = local(stream.stdout.pipe(counted(0, progress)))`tar -C ${partial} -xf -`
    const [sent, unpacked] = await Promise.all([stream.done, unpacking])
    if (sent.exitCode !== 0 || unpacked.exitCode !== 0)
      throw new HostError('transfer', `${connection.host}: ${from} could not be read whole`, {
        lines: [...lastOf(sent.stderr.toString()), ...lastOf(unpacked.stderr)],
      })
    await rename(partial, to)
  } finally {
    await rm(partial, { recursive: true, force: true })
  }
}

/** zx here, for a command whose output is a stream: zx itself would keep all of it. */
function local(
  input?: Readable,
): (pieces: TemplateStringsArray, ...values: readonly string[]) => ProcessPromise {
  const store = new Output()
  store.stream()
  const options = { quiet: true, nothrow: true, store, ...(input && { input }) }
  return zx()(options as unknown as Partial<Options>) as Shell
}

/** Prints the folder that it unpacked the archive on stdin into, and the archive's hash. */
function unpack(to: string): string {
  return `
set -eu
p=${quote(to)}; mkdir -p -- "$p"; t=$(mktemp -d -- "$p.capstan-XXXXXXXX")
trap '[ $? = 0 ] || rm -rf -- "$t"' EXIT
mkdir -- "$t/new"; mkfifo -- "$t/pipe"; sha256sum <"$t/pipe" >"$t/sum" &
tee -- "$t/pipe" | tar -C "$t/new" --no-same-owner -xf -; wait
printf '%s\\n' "$t"; cat -- "$t/sum"
`
}

/** Gives what was unpacked its owner and mode, copies it into the folder and prints whether that changed anything. */
function copyInto(to: string, folder: string, { mode, owner = 'root', group = owner }: FileOptions): string {
  return `
set -eu
p=${quote(to)}; t=${quote(folder)}; trap 'rm -rf -- "$t"' EXIT
chown -R -- ${quote(`${owner}:${group}`)} "$t/new"
${mode === undefined ? '' : `find "$t/new" -type f -exec chmod ${mode.toString(8)} -- {} +`}
(cd -- "$t/new" && find . ! -type d -print0) >"$t/names"
state() { (cd -- "$p" && xargs -0r sha256sum <"$t/names"; xargs -0r stat -c '%n %a %U %G' <"$t/names") 2>&1 || :; }
before=$(state); cp -a -- "$t/new/." "$p/"; after=$(state)
[ "$before" = "$after" ] && echo same || echo changed
`
}

function remove(folder: string): string {
  return `rm -rf -- ${quote(folder)}`
}

function lastOf(text: string): readonly string[] {
  return text.split('\n').filter(Boolean).slice(-5)
}
