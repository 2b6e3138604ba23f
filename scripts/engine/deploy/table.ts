import { oneLine } from '#engine/output/clean.ts'
import { minute } from '#engine/output/duration.ts'
import { aligned } from '#engine/output/table.ts'
import { bytes } from './bytes.ts'
import type { AppState } from './inspect.ts'
import type { Release } from './release.ts'

/** A host's releases for people, the newest deploy first; the live one has an arrow. */
export function releaseTable({
  releases,
  current,
  running,
  frozen,
  maintenance,
}: AppState): readonly string[] {
  const rows = releases.map(release => [
    release.id === current ? '→' : '',
    release.id,
    release.state,
    running.includes(release.id) ? 'running' : '',
    bytes(release.bytes),
    minute(release.activated?.at ?? release.at),
    release.activated?.by ?? release.by,
    release.ref ?? '',
  ])
  return [
    ...(frozen === undefined ? [] : [`deploys are frozen: ${oneLine(frozen)}`]),
    ...(maintenance ? ['visitors get the maintenance page'] : []),
    ...(rows.length === 0 ? ['nothing was deployed yet'] : aligned(rows)),
  ]
}

/** The same for programs. */
export function releaseJson(
  host: string,
  { releases, current, running, frozen, maintenance }: AppState,
): object {
  const shown = (release: Release) => ({
    ...release,
    live: release.id === current,
    running: running.includes(release.id),
  })
  return { host, current, frozen, maintenance, releases: releases.map(shown) }
}
