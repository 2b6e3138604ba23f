import type { Site } from '#engine/vars.ts'
import type { BackupVars } from './vars.ts'

/** The files of a site that are no part of its releases: uploads, among others. */
export function sharedFolder(app: string): string {
  return `/srv/www/${app}/shared`
}

/** The keys of signed zones, where the host has some: with other keys, resolvers refuse a zone until its DS record is changed. */
export const zoneKeys = '/var/lib/powerdns/dnssec'

/** The databases of sites and those that the vars name. */
export function databasesOf(sites: readonly Site[], vars: Pick<BackupVars, 'databases'>): readonly string[] {
  return vars.databases ?? sites.flatMap(({ database }) => (database.password ? [database.name] : []))
}

/** The dump of a database, as a path of a snapshot. */
export function dumpOf(database: string): string {
  return `/var/backups/capstan/databases/${database}.sql`
}
