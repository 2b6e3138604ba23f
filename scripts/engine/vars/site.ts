import type { Secret } from '#engine/secret.ts'

/** What every role may know of a site. Read from the inventory's `site` or `sites` by roles/site.ts. */
export interface Site {
  /** The apex: `foobar.com`. */
  readonly domain: string
  /** The other names that the site answers to: `['www.foobar.com']`; the first is the canonical one. */
  readonly www: readonly string[]
  /** The address that DNS gives for it; absent: the host's own. */
  readonly address: string | undefined
  /** The name of the site, and of its app: its unix user, database and folder. */
  readonly app: string
  /** What runs the app: `php`, `node`. */
  readonly runtime: string
  /** The domain of the site whose hosts it takes over. */
  readonly replaces?: string | undefined
  readonly database: {
    readonly name: string
    readonly user: string
    /** Absent: the site has no database. */
    readonly password: Secret | undefined
  }
  /** The largest upload: `64m`. */
  readonly upload: string
  /** Who is written to about the zone and the certificates. */
  readonly email: string
}
