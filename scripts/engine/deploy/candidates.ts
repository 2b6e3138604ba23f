import { HostError } from '#engine/errors.ts'
import type { Candidate } from './activate.ts'
import type { HostRun } from './host.ts'
import type { Found } from './look.ts'
import type { ReleaseFacts } from './release.ts'

/** Looks at every host; undefined where one of them can't go on, its error kept. */
export async function lookAt(
  runs: readonly HostRun[],
  look: (run: HostRun) => Promise<Found>,
): Promise<readonly Candidate[] | undefined> {
  const looked = await Promise.all(
    runs.map(async run => {
      try {
        return [{ run, found: await look(run) }]
      } catch (error) {
        run.fail(error)
        return []
      }
    }),
  )
  const candidates = looked.flat()
  return candidates.length === runs.length ? candidates : undefined
}

/** What is live, as the first host has it. */
export function liveOn([first]: readonly Candidate[]): ReleaseFacts | undefined {
  return first?.found.releases.find(({ id }) => id === first.found.current)
}

/** Keeps an error for each host where deploys are frozen; true where there is one. */
export function refuseFrozen(candidates: readonly Candidate[]): boolean {
  const frozen = candidates.filter(({ found }) => found.frozen !== undefined)
  for (const { run, found } of frozen)
    run.fail(
      new HostError('frozen', `${run.name}: deploys of ${run.settings.app} are frozen: ${found.frozen}`, {
        hint: 'Nothing was changed. npx zx scripts/releases.mjs thaw allows them again; a rollback is not held up by this.',
      }),
    )
  return frozen.length > 0
}

/** Whether a release is live there, was found good and runs. */
export function isLive({ current, releases, running }: Found, id: string): boolean {
  const state = releases.find(release => release.id === id)?.state
  return current === id && state === 'good' && running.includes(id)
}
