import { HostError, UsageError } from '#engine/errors.ts'
import type { Host } from '#engine/script/host.ts'
import { credentials } from './credentials.ts'
import { parseSnapshots, type Snapshot } from './snapshots.ts'
import type { BackupVars } from './vars.ts'

/** A host of a script, and its vars of the role. */
export interface BackupHost {
  readonly host: Host
  readonly vars: BackupVars
}

/**
 * Backs a host up: its databases, the shared files of its sites, its further folders. Gives a line for each file or folder
 * that could not be read: `/srv/mail: no such folder`.
 */
export async function backUp(host: BackupHost): Promise<readonly string[]> {
  return (await program(host, ['now'])).split('\n').filter(Boolean)
}

/** The backups of a host, the oldest first; those of another one where `from` names it. */
export async function listBackups(host: BackupHost, from = host.host.name): Promise<readonly Snapshot[]> {
  return parseSnapshots(JSON.parse(await program(host, ['snapshots', from], { readOnly: true })))
}

/** Reads all data of a host's backups, or a part such as `1/8`, and loads the last one beside the live databases. */
export async function verifyBackups(host: BackupHost, part?: string): Promise<void> {
  await program(host, ['verify', ...(part === undefined ? [] : [part])])
}

/**
 * Runs capstan-backup with the host's credentials on stdin, and gives its stdout. Throws UsageError where the host has no
 * `backup.repository`, and HostError `backup` with its reason and what to do.
 */
export async function program(
  { host, vars }: BackupHost,
  args: readonly string[],
  { readOnly = false }: { readonly readOnly?: boolean } = {},
): Promise<string> {
  if (vars.repository === undefined)
    throw new UsageError('no-repository', `${host.name}: backup.repository is not set`, {
      hint: 'docs/backup.md shows what it can be.',
    })
  const run = host.$({ input: credentials(vars), nothrow: true, readOnly })
  const { exitCode, stdout, stderr } = await run`/usr/local/sbin/capstan-backup ${args}`
  if (exitCode === 0) return stdout
  if (exitCode === 127 && /capstan-backup: (No such file|not found)/.test(stderr))
    throw new HostError('backup', `${host.name}: capstan-backup is not installed`, {
      hint: 'npx zx scripts/site.mjs -t backup installs it.',
    })
  const lines = stderr.split('\n').filter(Boolean)
  const hints = lines.filter(line => line.startsWith('hint: '))
  const said = lines.filter(line => !hints.includes(line))
  const message = said.at(-1) ?? `capstan-backup exited with ${exitCode}`
  throw new HostError('backup', `${host.name}: ${message}`, {
    lines: said.slice(-8, -1),
    ...(hints.length > 0 && { hint: hints.map(line => line.slice(6)).join(' ') }),
  })
}
