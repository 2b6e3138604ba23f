/** The state of a release, from the last line about it in the host's releases.jsonl. */
export type ReleaseState = 'built' | 'ready' | 'live' | 'good' | 'failed' | 'bad'

/** What a release is, written beside its files once, as it was built. */
export interface ReleaseFacts {
  /** `20261122T204501Z-3f9a1c2`: when it was first shipped, and the beginning of its sha256. */
  readonly id: string
  /** Of its manifest. */
  readonly sha256: string
  readonly ref?: string
  readonly by: string
  readonly files: number
  readonly bytes: number
  /** Of its migrations; absent: it has none. */
  readonly migrations?: string
  /** The release that was first shipped with this content, where this one took its place by a restart. */
  readonly copyOf?: string
}

export interface Release extends ReleaseFacts {
  readonly state: ReleaseState
  /** When it got into that state, ISO. */
  readonly at: string
  /** Its position in the order of deploys, by the last one that went live; undefined: it was never live. */
  readonly order: number | undefined
  /** When and by whom it was last made live. */
  readonly activated: { readonly at: string; readonly by: string } | undefined
}

/** A release's id from the moment of its deploy and its manifest's sha256. */
export function releaseId(now: Date, sha256: string): string {
  return `${now.toISOString().replace(/[-:]|\.\d+/g, '')}-${sha256.slice(0, 7)}`
}

/** A line of releases.jsonl. `how` tells a deploy that went live from a way back or a restart. */
export interface LogLine {
  readonly release: string
  readonly state: ReleaseState | 'migrated'
  readonly at: string
  readonly by: string
  readonly run: string
  readonly how?: 'deploy' | 'rollback' | 'back' | 'restart'
  readonly migrations?: string
}

/**
 * The releases that a host has, newest deploy first: from their facts, the host's log, and the state that each has
 * written beside its files, which counts where the log does not tell how it ended.
 */
export function readReleases(
  facts: readonly ReleaseFacts[],
  log: readonly LogLine[],
  states: ReadonlyMap<string, ReleaseState> = new Map(),
): readonly Release[] {
  const releases = facts.map((fact): Release => {
    const own = log.flatMap((line, index) => (line.release === fact.id ? [{ ...line, index }] : []))
    // A restart does not change the position of a release in the order of deploys.
    const origin = log.flatMap((line, index) => (line.release === fact.copyOf ? [{ ...line, index }] : []))
    const last = own.filter(({ state }) => state !== 'migrated').at(-1)
    const state = endedAs(last?.state as ReleaseState | undefined, states.get(fact.id))
    const live = own.filter(({ state }) => state === 'live')
    const deployed = [...origin, ...own].filter(({ state, how }) => state === 'live' && how === 'deploy')
    const activated = live.at(-1)
    return {
      ...fact,
      state,
      at: last?.at ?? '',
      order: deployed.at(-1)?.index ?? (state === 'good' ? placeByName(fact.id, log) : undefined),
      activated: activated && { at: activated.at, by: activated.by },
    }
  })
  return releases.sort((a, b) => (b.order ?? -1) - (a.order ?? -1) || (a.id < b.id ? 1 : -1))
}

function endedAs(logged: ReleaseState | undefined, written: ReleaseState | undefined): ReleaseState {
  const isEnd = logged === 'good' || logged === 'failed' || logged === 'bad'
  return isEnd ? logged : (written ?? logged ?? 'built')
}

// The log has lost when it went live: its name tells when it was shipped.
function placeByName(id: string, log: readonly LogLine[]): number {
  const later = log.findIndex(({ at }) => at.replace(/[-:]/g, '') > id.slice(0, 16))
  return (later < 0 ? log.length : later) - 0.5
}

/** The good releases that were live before `current`, the latest first, of other content: where a rollback may go, in steps. */
export function earlier(releases: readonly Release[], current: string | undefined): readonly Release[] {
  const at = releases.findIndex(({ id }) => id === current)
  const content = releases[at]?.sha256
  return releases
    .slice(at + 1)
    .filter(({ state, order, sha256 }) => state === 'good' && order !== undefined && sha256 !== content)
}

/**
 * The releases to remove: all but those that are `spared`, `keep` good ones of different content, and the newest of
 * those that failed, which is left to be looked at.
 */
export function toPrune(
  releases: readonly Release[],
  keep: number,
  spared: readonly (string | undefined)[],
): readonly string[] {
  const good = releases.filter(
    (release, index) =>
      release.state === 'good' &&
      !releases.slice(0, index).some(({ state, sha256 }) => state === 'good' && sha256 === release.sha256),
  )
  const failed = releases.filter(({ state }) => state !== 'good')
  const kept = new Set([...good.slice(0, keep), ...failed.slice(0, 1)].map(({ id }) => id))
  return releases.flatMap(({ id }) => (kept.has(id) || spared.includes(id) ? [] : [id]))
}
