import { type CapstanError, UnreachableError } from '#engine/errors.ts'
import type { Emit, HostRecap } from '#engine/output/events.ts'
import type { HostRun } from './host.ts'
import type { ReleaseFacts } from './release.ts'
import type { AppSettings } from './settings.ts'

/** `back`: it was live for a moment, and what was live before is again. */
export type Outcome = 'live' | 'already live' | 'planned' | 'back' | 'failed'

/** How a deploy or a rollback ended, with the recap that was told. */
export interface DeployResult {
  readonly outcome: Outcome
  /** The release that is live by it; undefined where it failed before it had an id. */
  readonly release: string | undefined
  readonly hosts: Readonly<Record<string, HostRecap>>
  readonly exitCode: 0 | 1 | 4
}

/** What a run came to: the release it was about, and what was live before. */
export interface Came {
  readonly outcome: Outcome
  readonly release?: ReleaseFacts | undefined
  readonly previous?: ReleaseFacts | undefined
}

/** Runs `work`, then tells each host's error, how it ended, and the recap. */
export async function finished(
  runs: readonly HostRun[],
  how: 'deploy' | 'rollback',
  emit: Emit,
  work: () => Promise<Came>,
): Promise<DeployResult> {
  const came = await work()
  const hosts: Record<string, HostRecap> = {}
  for (const run of runs) {
    if (run.error !== undefined) emit({ event: 'failed', host: run.name, error: run.error as CapstanError })
    hosts[run.name] = await run.end()
  }
  const { outcome } = came
  const [first] = runs
  if (first) tell(first.settings, how, came, emit)
  emit({ event: 'recap', hosts })
  const unreachable = runs.some(({ error }) => error instanceof UnreachableError)
  const well = outcome !== 'failed' && outcome !== 'back'
  return { outcome, release: came.release?.id, hosts, exitCode: well ? 0 : unreachable ? 4 : 1 }
}

function tell({ app, domain }: AppSettings, how: 'deploy' | 'rollback', came: Came, emit: Emit): void {
  const { outcome, release, previous } = came
  const url = `https://${domain}/`
  emit({
    event: 'release',
    app,
    how,
    outcome,
    url,
    ...(release === undefined ? {} : { release: release.id }),
    ...(release?.ref === undefined ? {} : { ref: release.ref }),
    ...(previous === undefined || previous.id === release?.id ? {} : { previous: previous.id }),
    ...(previous?.ref === undefined ? {} : { previousRef: previous.ref }),
  })
  if (release === undefined) return
  if (outcome === 'already live') emit({ event: 'note', message: `${release.id} is already live: ${url}` })
  if (outcome === 'live') emit({ event: 'note', message: `${release.id} is live: ${url}` })
}
