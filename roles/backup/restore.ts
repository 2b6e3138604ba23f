import { HostError, UsageError } from '#engine/errors.ts'
import type { Site } from '#engine/vars.ts'
import { type BackupHost, backUp, listBackups, program } from './backups.ts'
import { dumpOf, sharedFolder, zoneKeys } from './folders.ts'
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

/** Works out what is restored and from what. Changes nothing. Throws UsageError or HostError. */
export async function planRestore(host: BackupHost, request: RestoreRequest): Promise<RestorePlan> {
  const { from = host.host.name, at: text } = request
  const at = text === undefined ? undefined : parseTime(text)
  if (text !== undefined && at === undefined)
    throw new UsageError(
      'usage',
      `--at: expected a time such as 2026-11-27 02:30:00, in UTC, got ${JSON.stringify(text)}`,
    )
  if (at && at.getTime() > Date.now())
    throw new UsageError('usage', `--at: ${shownTime(at)} is in the future`)
  const wanted = stepsOf(host, request)
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

/** Carries a plan out, then backs the host up. Gives the names under which replaced databases were kept. */
export async function restore(host: BackupHost, plan: RestorePlan): Promise<readonly string[]> {
  const { snapshot, from, until, steps } = plan
  const kept: string[] = []
  for (const { what, name, as } of steps) {
    const end =
      what === 'database' && until ? [String(Math.floor(until.at.getTime() / 1000)), until.logs] : []
    const said = await program(host, [what, snapshot.id, from, name, as, ...end])
    if (what === 'database' && said.trim() !== '') kept.push(said.trim())
  }
  // Binary logs do not lead across a restore.
  if (steps.some(({ what }) => what === 'database')) await backUp(host)
  return kept
}

/** What a request may mean on this host; a backup may lack some of it: a site without uploads, a database of another host. */
function stepsOf(
  { host: { sites }, vars }: BackupHost,
  { site, database, folder, as }: RestoreRequest,
): readonly RestoreStep[] {
  if (folder !== undefined) return [{ what: 'folder', name: folder, as: as ?? folder }]
  if (database !== undefined) return [{ what: 'database', name: database, as: as ?? database }]
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
  const databases = site === undefined ? vars.databases : []
  return [
    ...chosen.flatMap(one => stepsOfSite(one, target(one))),
    ...databases.map(name => ({ what: 'database', name, as: name }) as const),
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
