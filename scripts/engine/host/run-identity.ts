/** Who changes a host, and in which run: for its lock and its logs. */
export interface RunIdentity {
  /** `alice@laptop`; on a GitHub runner its actor. */
  readonly who: string
  /** The run's web page; undefined: it has none. */
  readonly url: string | undefined
  /** Sorts by time and is unique: `20261122T204501Z-3f9a`. */
  readonly runId: string
}
