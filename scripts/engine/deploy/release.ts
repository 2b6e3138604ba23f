/** Where a release stands, as the last line about it in the host's releases.jsonl says. */
export type ReleaseState = 'built' | 'ready' | 'live' | 'good' | 'failed' | 'bad'

/** What a release is, written beside its files once, as it was built. */
export interface ReleaseFacts {
  /** `20261122T204501Z-3f9a1c2`: when it was first shipped, and the beginning of its sha256. */
  readonly id: string
  /** Of its manifest: the same content is the same release. */
  readonly sha256: string
  readonly ref?: string
  readonly by: string
  readonly files: number
  readonly bytes: number
  /** Of its migrations; absent: it has none. */
  readonly migrations?: string
}

export interface Release extends ReleaseFacts {
  readonly state: ReleaseState
  /** When it got into that state, ISO. */
  readonly at: string
  /** Where it stands in the order of deploys, by its last one that went live; undefined: it was never live. */
  readonly order: number | undefined
  /** When and by whom it was last made live. */
  readonly activated: { readonly at: string; readonly by: string } | undefined
}

/** A release's id from the moment of its deploy and its manifest's sha256. */
export function releaseId(now: Date, sha256: string): string {
  return `${now.toISOString().replace(/[-:]|\.\d+/g, '')}-${sha256.slice(0, 7)}`
}

export function isReleaseId(word: string): boolean {
  return /^\d{8}T\d{6}Z-[0-9a-f]{7}$/.test(word)
}

/** A line of releases.jsonl. `how` tells a deploy that went live from a way back. */
export interface LogLine {
  readonly release: string
  readonly state: ReleaseState | 'migrated'
  readonly at: string
  readonly by: string
  readonly run: string
  readonly how?: 'deploy' | 'rollback' | 'back'
  readonly migrations?: string
}

/** The releases that a host has, newest deploy first, from their facts and the host's log. */
export function readReleases(facts: readonly ReleaseFacts[], log: readonly LogLine[]): readonly Release[] {
  const releases = facts.map((fact): Release => {
    const lines = log.flatMap((line, index) => (line.release === fact.id ? [{ ...line, index }] : []))
    const last = lines.at(-1)
    const live = lines.filter(({ state }) => state === 'live')
    const deployed = live.filter(({ how }) => how === 'deploy').at(-1)
    const activated = live.at(-1)
    return {
      ...fact,
      state: last === undefined || last.state === 'migrated' ? 'built' : last.state,
      at: last?.at ?? '',
      order: deployed?.index,
      activated: activated && { at: activated.at, by: activated.by },
    }
  })
  return releases.sort((a, b) => (b.order ?? -1) - (a.order ?? -1) || (a.id < b.id ? 1 : -1))
}

/** The good releases that were live before `current`, the latest first: where a rollback may go, in steps. */
export function earlier(releases: readonly Release[], current: string | undefined): readonly Release[] {
  const at = releases.findIndex(({ id }) => id === current)
  return releases.slice(at + 1).filter(({ state, order }) => state === 'good' && order !== undefined)
}

/**
 * The releases to remove: all but the live one, the one before it, `keep` good ones, and the newest of those
 * that failed, which is left to be looked at.
 */
export function toPrune(
  releases: readonly Release[],
  keep: number,
  spared: readonly (string | undefined)[],
): readonly string[] {
  const good = releases.filter(({ state }) => state === 'good').slice(0, keep)
  const failed = releases.filter(({ state }) => state !== 'good').slice(0, 1)
  const kept = new Set([...good, ...failed].map(({ id }) => id))
  return releases.flatMap(({ id }) => (kept.has(id) || spared.includes(id) ? [] : [id]))
}
