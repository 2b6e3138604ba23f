/** All that the shell functions of a release have to know of its app. */
export interface ReleaseApp {
  /** Its name: its folder in /srv/www, its user, its unit. */
  readonly app: string
  /** The name that visitors come to: the Host and SNI that a release is asked with. */
  readonly domain: string
  /** The file of the CA that the site's certificate is checked with; where it is absent, the system's CAs. */
  readonly ca: string
  readonly health: {
    readonly path: string
    /** Seconds that a new release has until it answers well. */
    readonly timeout: number
    /** Good answers in a row that are asked for. */
    readonly passes: number
  }
  /** Names of what runs beside the server, for the live release. */
  readonly workers: readonly string[]
  /** Seconds that the old release has for the requests in flight. */
  readonly drain: number
  /** The release before stays started. */
  readonly warm: boolean
  /** Seconds that files with a hash in their name stay reachable after their last release; 0: not at all. */
  readonly assets: number
  /** Seconds that installing its dependencies may take. */
  readonly installTimeout: number
  /** Seconds that a migration may take. */
  readonly migrateTimeout: number
  /** Seconds that each of the release's hooks may take. */
  readonly hookTimeout: number
}

/** All that a deploy has to know of an app, the same on each of its hosts. */
export interface AppSettings extends ReleaseApp {
  /** Folders and files of shared/ that a release gets as links: `storage`, `config/keys.json`. */
  readonly shared: readonly string[]
  /** How a host installs what a release needs beside its files; undefined: it does not. */
  readonly install: Install | undefined
  /** The command that migrates the database; undefined: `deploy/migrate`, where a release has it. */
  readonly migrate: string | undefined
  /**
   * Files and folders of the source: as long as they are unchanged, there is nothing to migrate. Undefined: the folder
   * `migrations`; where a source has none, all of the source.
   */
  readonly migrations: readonly string[] | undefined
  /** Which database is migrated: `foobar on /run/mysqld/mysqld.sock`. */
  readonly database: string
  /** Each host has that database for itself: what one host migrates, the others lack. */
  readonly ownDatabase: boolean
  /** Hosts that switch at a time; undefined: all of them at once, after the last one is ready. */
  readonly serial: number | undefined
  /** Good releases that are kept, the live one among them; the one before it always is. */
  readonly keep: number
}

/** A command that fills folders of a release on the host. */
export interface Install {
  readonly command: string
  /** Such as `node_modules`. */
  readonly folders: readonly string[]
  /** Files and folders of the source: while they are unchanged, a release gets the folders of an earlier one. */
  readonly files: readonly string[]
}
