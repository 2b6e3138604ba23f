import { type CapstanError, exitCodeOfRun } from '#engine/errors.ts'
import type { Emit, HostRecap } from '#engine/output/events.ts'
import type { AppSettings } from '#engine/resources/release/app.ts'
import type { HostDeploy } from './host-deploy.ts'
import type { ReleaseFacts } from './release.ts'

/** `back`: it was live for a moment, and what was live before is again. */
export type Outcome = 'live' | 'already live' | 'planned' | 'back' | 'failed'

/** What is done to an app's releases. */
export type Operation = 'deploy' | 'rollback' | 'restart'

/** How an operation ended, with the recap that was emitted. */
export interface DeployResult {
  readonly outcome: Outcome
  /** The release that is live by it; undefined where it failed before it had an id. */
  readonly release: string | undefined
  readonly hosts: Readonly<Record<string, HostRecap>>
  readonly exitCode: 0 | 1 | 4 | 75
}

/** How an operation ended, the release it was about, and what was live before. */
export interface Ended {
  readonly outcome: Outcome
  readonly release?: ReleaseFacts | undefined
  readonly previous?: ReleaseFacts | undefined
}

/** Runs `work`, then emits each host's error, how it ended, and the recap. */
export async function finished(
  deploys: readonly HostDeploy[],
  how: Operation,
  emit: Emit,
  work: () => Promise<Ended>,
): Promise<DeployResult> {
  const ended = await work()
  const hosts: Record<string, HostRecap> = {}
  for (const deploy of deploys) {
    const { host, error } = deploy
    if (error !== undefined) emit({ event: 'failed', host, error: error as CapstanError })
    hosts[host] = await deploy.end()
  }
  const { outcome } = ended
  const [first] = deploys
  if (first) report(first.settings, how, ended, emit)
  emit({ event: 'recap', hosts })
  const well = outcome !== 'failed' && outcome !== 'back'
  const errors = deploys.flatMap(({ error }) => error ?? [])
  return { outcome, release: ended.release?.id, hosts, exitCode: well ? 0 : exitCodeOfRun(errors) || 1 }
}

function report({ app, domain }: AppSettings, how: Operation, ended: Ended, emit: Emit): void {
  const { outcome, release, previous } = ended
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
