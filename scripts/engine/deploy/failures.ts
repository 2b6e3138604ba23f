import { HostError } from '#engine/errors.ts'
import { type Candidate, previousOf } from './candidate.ts'
import { namesOf, reasonsOf } from './candidates.ts'
import type { HostDeploy } from './host-deploy.ts'
import { stageKilled } from './reporter.ts'

/** A failed step, with what the host has now. `switched`: the release was live for a moment. */
export function explained(candidate: Candidate, error: HostError | undefined, switched: boolean): HostError {
  const previous = previousOf(candidate)
  const rest = previous === undefined ? 'Nothing is live, as before.' : `${previous} is live again.`
  const hint = switched
    ? `The release was live for a moment and is now marked bad. ${rest}`
    : `The site is unchanged${previous === undefined ? '' : `: ${previous} is live`}.`
  const { code = stageKilled, message = candidate.deploy.host, lines = [] } = error ?? {}
  return new HostError(code, message, { lines, hint })
}

/** The run was interrupted before anything was switched. */
export function interrupted({ host }: HostDeploy): HostError {
  return new HostError('interrupted', `${host}: the run was interrupted before the switch`, {
    hint: 'The site is unchanged. Run again to continue: the upload is kept.',
  })
}

/** A host that was ready, where another one was not. */
export function notSwitched({ host }: HostDeploy, failed: readonly Candidate[]): HostError {
  return new HostError('others-failed', `${host}: not switched, because ${named(failed)} failed`, {
    lines: reasons(failed),
    hint: 'The site is unchanged on every host.',
  })
}

/** A host that had switched, where another one could not. */
export function wentBack({ host }: HostDeploy, failed: readonly Candidate[]): HostError {
  return new HostError('others-failed', `${host}: switched back, because ${named(failed)} failed`, {
    lines: reasons(failed),
    hint: 'Every host is back on its previous release.',
  })
}

function named(candidates: readonly Candidate[]): string {
  return namesOf(candidates.map(({ deploy }) => deploy))
}

function reasons(candidates: readonly Candidate[]): readonly string[] {
  return reasonsOf(candidates.map(({ deploy }) => deploy))
}
