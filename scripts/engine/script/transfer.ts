import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { HostError, UsageError } from '#engine/errors.ts'
import type { HostConnection } from '#engine/host/host-connection.ts'
import { quote } from '#engine/quote.ts'
import { downloadFile, type FileOptions, uploadFile } from './files.ts'
import { downloadFolder, uploadFolder } from './folders.ts'
import type { Progress } from './streams.ts'

/** Brings a file or a folder of this machine to the host. True: something changed. Throws UsageError where there is none. */
export async function upload(
  connection: HostConnection,
  from: string,
  to: string,
  options: FileOptions & { readonly progress: Progress },
): Promise<boolean> {
  const found = await stat(from).catch(() => undefined)
  if (!found) throw new UsageError('no-file', `there is no ${resolve(from)} on this machine`)
  return found.isDirectory()
    ? uploadFolder(connection, from, to, options)
    : uploadFile(connection, from, to, { ...options, size: found.size })
}

/** Brings a file or a folder of the host to this machine. Throws HostError where there is none. */
export async function download(
  connection: HostConnection,
  from: string,
  to: string,
  progress: Progress,
): Promise<void> {
  const about = await connection.read(
    `p=${quote(from)}; if [ -d "$p" ]; then echo folder; elif [ -f "$p" ]; then stat -Lc %s -- "$p"; sha256sum <"$p"; else exit 1; fi\n`,
  )
  if (about.exitCode !== 0) throw new HostError('no-file', `${connection.host}: there is no ${from}`)
  const [kind = '', sum = ''] = about.stdout.toString().split('\n')
  if (kind === 'folder') return downloadFolder(connection, from, to, progress)
  return downloadFile(connection, from, to, { size: Number(kind), sum: sum.slice(0, 64), progress })
}
