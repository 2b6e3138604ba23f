import { createHash } from 'node:crypto'
import { UsageError } from '#engine/errors.ts'
import type { AppSettings } from '#engine/resources/release/app.ts'
import { isWithin } from '#engine/within.ts'
import { entryLine, type Manifest } from './manifest.ts'
import type { Source } from './source.ts'

const script = 'deploy/migrate'
const folder = 'migrations'

/**
 * A digest of the command that migrates, of all that it may depend on and of the database: as long as it is the same,
 * the migrations need not run again. Undefined: the release migrates nothing. Throws UsageError for a path of
 * `app.release.migrations` that the source does not have.
 */
export function migrationsDigest(
  { manifest, folder: source }: Pick<Source, 'manifest' | 'folder'>,
  { migrate, migrations, database }: Pick<AppSettings, 'migrate' | 'migrations' | 'database'>,
): string | undefined {
  const command = migrate ?? (manifest.some(({ path }) => path === script) ? script : undefined)
  if (command === undefined) return undefined
  const missing = (migrations ?? []).filter(path => !has(manifest, path))
  if (missing.length > 0)
    throw new UsageError('migrations', `app.release.migrations: ${missing.join(', ')}: not in ${source}`, {
      hint: 'List the folders and files of the migrations by their path in the source. Nothing was sent.',
    })
  const paths = migrations ?? (has(manifest, folder) ? [folder] : undefined)
  // If the files of the migrations are unknown, any change may be one of theirs.
  const entries =
    paths === undefined
      ? manifest
      : manifest.filter(({ path }) => [script, ...paths].some(one => isWithin(path, one)))
  return createHash('sha256')
    .update([command, database, ...entries.map(entryLine)].join('\n'))
    .digest('hex')
}

function has(manifest: Manifest, path: string): boolean {
  return manifest.some(entry => isWithin(entry.path, path))
}
