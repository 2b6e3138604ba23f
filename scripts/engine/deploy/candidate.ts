import type { HostDeploy } from './host-deploy.ts'
import type { AppState } from './inspect.ts'
import type { Operation } from './outcome.ts'
import { earlier, type Release, type ReleaseFacts, toPrune } from './release.ts'

/** A host on which a release is to be made live. */
export interface Candidate {
  readonly deploy: HostDeploy
  readonly state: AppState
  /** The release there. Hosts may have the same content by different names, after one was restarted alone. */
  readonly release: ReleaseFacts
  /** The host makes it from its live release, which has the same content; absent: the host has it. */
  readonly isCopy?: boolean
}

export interface Activation {
  readonly how: Operation
  /** Undefined: there is nothing to migrate. */
  readonly migrate: { readonly command: string; readonly digest: string } | undefined
}

/** The instances that are to end once the release is live. */
export function othersRunning({ deploy, state, release }: Candidate): readonly string[] {
  const warm = deploy.settings.warm ? earlier(withRelease(state, release), release.id)[0]?.id : undefined
  return state.running.filter(id => id !== release.id && id !== warm)
}

/** The releases that a host no longer keeps once this one is live; none where its records are in doubt. */
export function prunedOn(candidate: Candidate, { how }: Activation): readonly string[] {
  const { deploy, state, release, isCopy } = candidate
  if (state.doubts.length > 0) return []
  // A copy takes the place of the release that it was made from; otherwise that is the way back.
  const spared = isCopy ? [release.id] : [release.id, previousOf(candidate)]
  return toPrune(withRelease(state, release, how), deploy.settings.keep, spared)
}

function withRelease(
  { releases }: AppState,
  release: ReleaseFacts,
  how: Operation = 'deploy',
): readonly Release[] {
  const before = releases.find(({ id }) => id === release.id)
  const others = releases.filter(({ id }) => id !== release.id)
  // What is deployed comes first in the order of deploys; a rollback leaves that order as it is.
  const order = how === 'rollback' ? before?.order : Number.POSITIVE_INFINITY
  const now: Release = { ...release, state: 'good', at: '', order, activated: undefined }
  return [now, ...others].sort((a, b) => (b.order ?? -1) - (a.order ?? -1))
}

/** What is live again when the release turns out to be no good; undefined: nothing was live before. */
export function previousOf({ state, release }: Candidate): string | undefined {
  if (state.current !== release.id) return state.current
  return earlier(state.releases, release.id)[0]?.id
}
