import { HostError, UsageError } from '#engine/errors.ts'
import { checkedPath } from '#engine/resources/checked.ts'
import type { Site } from '#engine/vars.ts'
import { type BackupHost, backUp, listBackups, program } from './backups.ts'
import { databasesOf, dumpOf, sharedFolder, zoneKeys } from './folders.ts'
import { parseTime, type Snapshot, shownTime, snapshotAfter, snapshotBefore } from './snapshots.ts'

/** What to restore, and where to. */
export interface RestoreRequest {
  /** A site, with its database and its shared files; undefined: all of the host. */
  readonly site?: string | undefined
  /** One database alone. */
  readonly database?: string | undefined
  /** One folder alone. */
  readonly folder?: string | undefined
  /** The state at this time, by the binary logs; absent: that of the last backup. */
  readonly at?: string | undefined
  /** Another name for the database, another site, or another folder. */
  readonly as?: string | undefined
  /** Whose backups; absent: those of the host itself. */
  readonly from?: string | undefined
}

/** One thing to restore: `shop` into `shop_restored`. */
export interface RestoreStep {
  readonly what: 'database' | 'folder'
  readonly name: string
  readonly as: string
}

/** What a restore of a host does, and from which backup. */
export interface RestorePlan {
  /** The plan as text, a line each. */
  readonly lines: readonly string[]
  readonly steps: readonly RestoreStep[]
  readonly snapshot: Snapshot
  readonly from: string
  /** Set where databases are restored to this moment, with where the binary logs up to it are. */
  readonly until: { readonly at: Date; readonly logs: string } | undefined
}

/** What is wrong with a request, without contacting the host; undefined: nothing. */
export function problemOf(host: BackupHost, request: RestoreRequest): UsageError | undefined {
  try {
    checkRequest(host, request)
    return undefined
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    return error
  }
}

function checkRequest(host: BackupHost, request: RestoreRequest): CheckedRequest {
  const { from = host.host.name, at: text } = request
  const at = text === undefined ? undefined : parseTime(text)
  if (text !== undefined && at === undefined)
    throw new UsageError(
      'usage',
      `--at: expected a time such as 2026-11-27 02:30:00, in UTC, got ${JSON.stringify(text)}`,
    )
  if (at && at.getTime() > Date.now())
    throw new UsageError('usage', `--at: ${shownTime(at)} is in the future`)
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(from))
    throw new UsageError('usage', `--from: expected the name of a host, got ${JSON.stringify(from)}`)
  return { from, at, wanted: stepsOf(host, request) }
}

interface CheckedRequest {
  readonly from: string
  readonly at: Date | undefined
  readonly wanted: readonly RestoreStep[]
}

/** Works out what is restored and from what. Changes nothing. Throws UsageError or HostError. */
export async function planRestore(host: BackupHost, request: RestoreRequest): Promise<RestorePlan> {
  const { from, at, wanted } = checkRequest(host, request)
  const all = await listBackups(host, from)
  const snapshot = snapshotBefore(from, all, at)
  const has = ({ what, name }: RestoreStep) =>
    snapshot.paths.includes(what === 'database' ? dumpOf(name) : name)
  const steps = wanted.filter(has)
  if (steps.length === 0)
    throw new HostError('no-backup', `${from}: the backup of ${shownTime(snapshot.time)} has none of that`, {
      lines: wanted.map(({ what, name }) => `${what} ${name}`),
      hint: 'npx zx scripts/backup.mjs list shows what there is.',
    })
  const hasDatabase = steps.some(({ what }) => what === 'database')
  const until = at && hasDatabase ? { at, logs: snapshotAfter(all, at)?.id ?? 'local' } : undefined
  const replayed = until ? `, replayed to ${shownTime(until.at)}` : ''
  const lines = [
    `${host.host.name}, from the backup of ${from} of ${shownTime(snapshot.time)}${replayed}:`,
    ...steps.map(({ what, name, as }) => `  ${what} ${name}${as === name ? '' : ` as ${as}`}`),
  ]
  return { lines, steps, snapshot, from, until }
}

/**
 * Carries a plan out, then backs the host up: binary logs cannot be replayed across a restore. `onKept` gets the name under
 * which each replaced database was kept. Throws HostError at the first step that fails; those before it are done.
 */
export async function restore(
  host: BackupHost,
  { snapshot, from, until, steps }: RestorePlan,
  onKept: (database: string) => void,
): Promise<void> {
  const end = until ? [String(Math.floor(until.at.getTime() / 1000)), until.logs] : []
  for (const { what, name, as } of steps) {
    const words = [what, snapshot.id, from, name, as]
    const kept = (await program(host, what === 'database' ? [...words, ...end] : words)).trim()
    if (kept !== '') onKept(kept)
  }
  if (!steps.some(({ what }) => what === 'database')) return
  try {
    await backUp(host)
  } catch (error) {
    if (!(error instanceof HostError)) throw error
    throw new HostError(
      error.code,
      `${error.message}. The restore itself is done; this was the backup after it`,
      {
        lines: error.lines,
        ...(error.hint !== undefined && { hint: error.hint }),
      },
    )
  }
}

/** What a request may mean on this host; a backup may lack some of it: a site without uploads, a database of another host. */
function stepsOf(
  { host: { sites }, vars }: BackupHost,
  { site, database, folder, as }: RestoreRequest,
): readonly RestoreStep[] {
  if (folder !== undefined) return [{ what: 'folder', name: folder, as: targetFolder(as ?? folder) }]
  if (database !== undefined)
    return [{ what: 'database', name: database, as: targetDatabase(as ?? database) }]
  const chosen = site === undefined ? sites : sites.filter(({ app }) => app === site)
  if (chosen.length === 0)
    throw new UsageError(
      'usage',
      `no site of the host is named ${site}: ${sites.map(({ app }) => app).join(', ')}`,
    )
  const target = (one: Site) => {
    const found = as === undefined ? one : sites.find(({ app }) => app === as)
    if (found) return found
    throw new UsageError('usage', `--as: no site of the host is named ${as}`, {
      hint: 'Declare it in the inventory and run npx zx scripts/site.mjs first.',
    })
  }
  const further = site === undefined ? [zoneKeys, ...vars.folders] : []
  const named = site === undefined ? databasesOf(sites, vars) : []
  const others = named.filter(name => !sites.some(({ database: own }) => own.password && own.name === name))
  return [
    ...chosen.flatMap(one => stepsOfSite(one, target(one))),
    ...others.map(name => ({ what: 'database', name, as: name }) as const),
    ...further.map(name => ({ what: 'folder', name, as: name }) as const),
  ]
}

function stepsOfSite(one: Site, to: Site): readonly RestoreStep[] {
  return [
    ...(one.database.password
      ? [{ what: 'database', name: one.database.name, as: to.database.name } as const]
      : []),
    { what: 'folder', name: sharedFolder(one.app), as: sharedFolder(to.app) } as const,
  ]
}

/** The server's own databases cannot be replaced: it would not start again. */
function targetDatabase(name: string): string {
  const reserved = /^(mysql|sys|information_schema|performance_schema|capstan_restore.*)$/
  if (/^[a-z][a-z0-9_-]{0,31}$/.test(name) && !reserved.test(name)) return name
  throw new UsageError(
    'usage',
    `expected the name of a database of at most 32 small letters, digits, _ or -, got ${JSON.stringify(name)}`,
  )
}

function targetFolder(name: string): string {
  try {
    return checkedPath(name)
  } catch (error) {
    throw new UsageError('usage', error instanceof Error ? error.message : String(error))
  }
}
