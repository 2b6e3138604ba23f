import { HostError } from '#engine/errors.ts'

/** A backup of a host. */
export interface Snapshot {
  /** Hexadecimal; its first eight digits are what people use. */
  readonly id: string
  readonly time: Date
  /** The files and folders given to restic: dumps, binary logs, folders. */
  readonly paths: readonly string[]
}

/** What `restic snapshots --json` printed, the oldest first. */
export function parseSnapshots(output: unknown): readonly Snapshot[] {
  return ((output as readonly { id: string; time: string; paths: readonly string[] }[] | null) ?? [])
    .map(({ id, time, paths }) => ({ id, time: new Date(time), paths }))
    .sort((a, b) => a.time.getTime() - b.time.getTime())
}

/**
 * The backup that a restore to `at` begins with: the last one before it, or the last of all. Throws HostError where there
 * is none.
 */
export function snapshotBefore(host: string, all: readonly Snapshot[], at: Date | undefined): Snapshot {
  const found = all.findLast(({ time }) => at === undefined || time < at)
  if (found) return found
  const [first] = all
  throw new HostError(
    'no-backup',
    at && first ? `${host}: its first backup is of ${shownTime(first.time)}` : `${host}: it has no backup`,
    { hint: 'npx zx scripts/backup.mjs list shows what there is.' },
  )
}

/**
 * The backup that has the binary logs up to `at`, the first one of that time or later. Undefined: none has, the logs on the
 * host may.
 */
export function snapshotAfter(all: readonly Snapshot[], at: Date): Snapshot | undefined {
  return all.find(({ time }) => time >= at)
}

/** `2026-11-27 02:30:11 UTC`. */
export function shownTime(time: Date): string {
  return time
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, ' UTC')
}

/** A time as a person writes it, in UTC unless it says otherwise: `2026-11-27 02:30:11`. Undefined where it is none. */
export function parseTime(text: string): Date | undefined {
  const found = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(:\d\d)?\s*(Z|UTC|[+-]\d\d:?\d\d)?$/i.exec(text.trim())
  if (!found) return undefined
  const [, day, minute, second = ':00', zone = 'Z'] = found
  const time = new Date(`${day}T${minute}${second}${/utc/i.test(zone) ? 'Z' : zone}`)
  return Number.isNaN(time.getTime()) ? undefined : time
}
