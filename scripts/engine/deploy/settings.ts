import type { Connection } from '#engine/connection/connection.ts'

/** All that a deploy has to know of an app, the same on each of its hosts. */
export interface AppSettings {
  /** Its name: its folder in /srv/www, its user, its unit. */
  readonly app: string
  /** The name that visitors come to: the Host and SNI that a release is asked with. */
  readonly domain: string
  /** Folders and files of shared/ that a release gets as links: `storage`, `config/keys.json`. */
  readonly shared: readonly string[]
  readonly health: {
    readonly path: string
    /** Seconds that a new release has until it answers well. */
    readonly timeout: number
    /** Good answers in a row that are asked for. */
    readonly passes: number
  }
  /** The command that migrates the database; undefined: `deploy/migrate`, where a release has it. */
  readonly migrate: string | undefined
  /** Files and folders of the source; where none of them changed, there is nothing to migrate. */
  readonly migrations: readonly string[]
  /** Names of what runs beside the server, for the live release. */
  readonly workers: readonly string[]
  /** Seconds that the old release has for the requests that it is at. */
  readonly drain: number
  /** Hosts that switch at a time; undefined: all of them at once, after the last one is ready. */
  readonly serial: number | undefined
  /** The release before stays started. */
  readonly warm: boolean
  /** Seconds that files with a hash in their name stay reachable after their last release; 0: not at all. */
  readonly assets: number
  /** Good releases that are kept, the live one among them; the one before it always is. */
  readonly keep: number
}

export interface DeployHost {
  readonly name: string
  readonly settings: AppSettings
  connect(): Promise<Connection>
}

/** The app's folder on a host. */
export function homeOf(app: string): string {
  return `/srv/www/${app}`
}

/** Who deploys, for the log and for whom the lock keeps out. */
export interface Deployer {
  /** `alice@laptop`; on a runner its actor. */
  readonly who: string
  /** The run's address, where it has one. */
  readonly url: string | undefined
  /** Sorts by time and is unique. */
  readonly runId: string
}
