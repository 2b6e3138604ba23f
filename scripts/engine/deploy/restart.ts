import { HostError, UsageError } from '#engine/errors.ts'
import type { RunIdentity } from '#engine/host/run-identity.ts'
import type { Emit } from '#engine/output/events.ts'
import { activate } from './activate.ts'
import type { Candidate } from './candidate.ts'
import { inspectAll, liveOn } from './candidates.ts'
import { HostDeploy } from './host-deploy.ts'
import { type DeployResult, type Ended, finished } from './outcome.ts'
import { releaseId } from './release.ts'
import type { DeployHost } from './settings.ts'

export interface RestartOptions {
  readonly hosts: readonly DeployHost[]
  readonly run: RunIdentity
  readonly emit: Emit
  /** Seconds to wait for another deploy to end. */
  readonly wait: number
  readonly stop: AbortSignal
}

/**
 * Replaces the live release by a new instance of the same content, with the host's present configuration, on all hosts
 * or on none. No request is lost. Throws only UsageError.
 */
export function restartRelease(options: RestartOptions): Promise<DeployResult> {
  if (options.hosts.length === 0) throw new UsageError('no-hosts', 'there is no host to restart on')
  const deploys = options.hosts.map(host => new HostDeploy(host, options))
  return finished(deploys, 'restart', options.emit, () => restart(deploys))
}

async function restart(deploys: readonly HostDeploy[]): Promise<Ended> {
  const hosts = await inspectAll(deploys, deploy => deploy.inspect(''))
  if (!hosts) return { outcome: 'failed' }
  const now = new Date()
  const candidates = hosts.flatMap(({ deploy, state }): readonly Candidate[] => {
    const live = state.releases.find(({ id }) => id === state.current)
    if (!live) {
      deploy.fail(nothingLive(deploy))
      return []
    }
    const { id, copyOf = id } = live
    return [{ deploy, state, release: { ...live, id: releaseId(now, live.sha256), copyOf }, isCopy: true }]
  })
  if (candidates.length < hosts.length) return { outcome: 'failed' }
  const ended = { release: candidates[0]?.release, previous: liveOn(hosts) }
  return { outcome: await activate(candidates, { how: 'restart', migrate: undefined }), ...ended }
}

function nothingLive({ host, settings }: HostDeploy): HostError {
  return new HostError('nothing-live', `${host}: no release of ${settings.app} is live`, {
    hint: 'Nothing was changed. npx zx scripts/deploy.mjs ships one.',
  })
}
