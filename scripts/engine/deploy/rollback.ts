import { HostError, UsageError } from '#engine/errors.ts'
import type { RunIdentity } from '#engine/host/run-identity.ts'
import type { Emit } from '#engine/output/events.ts'
import { activate } from './activate.ts'
import type { Candidate } from './candidate.ts'
import { type Inspected, inspectAll, isLive, liveOn, withContent } from './candidates.ts'
import { HostDeploy } from './host-deploy.ts'
import type { AppState } from './inspect.ts'
import { type DeployResult, type Ended, finished } from './outcome.ts'
import { earlier, type Release } from './release.ts'
import type { DeployHost } from './settings.ts'

/** Where a rollback goes: to one release, or so many good ones back in the order of deploys. */
export type RollbackTarget = { readonly to: string } | { readonly steps: number }

export interface RollbackOptions {
  readonly hosts: readonly DeployHost[]
  readonly target: RollbackTarget
  readonly run: RunIdentity
  readonly emit: Emit
  /** Seconds to wait for another deploy to end. */
  readonly wait: number
  readonly stop: AbortSignal
}

/** Makes a kept release live again, by the path of a deploy from its start on. Throws only UsageError. */
export function rollbackRelease(options: RollbackOptions): Promise<DeployResult> {
  if (options.hosts.length === 0) throw new UsageError('no-hosts', 'there is no host to roll back')
  const deploys = options.hosts.map(host => new HostDeploy(host, options))
  return finished(deploys, 'rollback', options.emit, () => rollback(deploys, options))
}

async function rollback(deploys: readonly HostDeploy[], { target, emit }: RollbackOptions): Promise<Ended> {
  const hosts = await inspectAll(deploys, deploy => deploy.inspect(''))
  const candidates = hosts && chosenOnAll(hosts, target)
  if (!candidates) return { outcome: 'failed' }
  const release = candidates[0]?.release
  const ended = { release, previous: liveOn(hosts) }
  if (release && hosts.every(({ state }) => isLive(state, release.sha256)))
    return { outcome: 'already live', ...ended }
  for (const candidate of candidates) warnOfMigrations(candidate, emit)
  return { outcome: await activate(candidates, { how: 'rollback', migrate: undefined }), ...ended }
}

/** The first host's history decides; every other one must have a release of that content too. */
function chosenOnAll(hosts: readonly Inspected[], target: RollbackTarget): readonly Candidate[] | undefined {
  const [first] = hosts
  if (!first) return undefined
  const chosen = chooseRelease(first.deploy.host, first.state, target)
  if (chosen instanceof HostError) {
    first.deploy.fail(chosen)
    return undefined
  }
  const candidates = hosts.flatMap(({ deploy, state }): readonly Candidate[] => {
    const own = withContent(state, chosen.sha256)?.id ?? chosen.id
    const release = chooseRelease(deploy.host, state, { to: own })
    if (!(release instanceof HostError)) return [{ deploy, state, release }]
    deploy.fail(release)
    return []
  })
  return candidates.length === hosts.length ? candidates : undefined
}

/** The release to go back to, or the error that says which there are. */
export function chooseRelease(host: string, state: AppState, target: RollbackTarget): Release | HostError {
  const { releases, current } = state
  if ('steps' in target) {
    const before = earlier(releases, current)
    const chosen = before[target.steps - 1]
    if (chosen) return chosen
    const there = before.length === 0 ? 'no good release' : `only ${before.length} good release(s)`
    return refusal(`${host}: ${there} before ${current ?? 'the first'}, wanted ${target.steps} back`, state)
  }
  const matching = releases.filter(({ id }) => id === target.to || id.endsWith(`-${target.to}`))
  const [release, ...others] = matching
  if (!release) return refusal(`${host}: there is no release ${target.to}`, state)
  if (others.some(({ sha256 }) => sha256 !== release.sha256))
    return refusal(`${host}: ${target.to} is more than one release`, state)
  if (release.state === 'good' || release.id === current) return release
  return refusal(`${host}: ${release.id} is ${release.state}, a rollback goes to good ones`, state)
}

function refusal(message: string, { releases, current }: AppState): HostError {
  const good = releases.filter(({ state, id }) => state === 'good' && id !== current)
  return new HostError('no-such-release', message, {
    lines: good.map(({ id, ref }) => `${id}${ref === undefined ? '' : `  ${ref}`}`),
    hint:
      good.length === 0
        ? 'There is no other good release: deploy the older content again.'
        : 'These releases are good: select one with --to.',
  })
}

function warnOfMigrations({ deploy, state, release }: Candidate, emit: Emit): void {
  const { migrated } = state
  if (migrated === undefined || migrated.digest === release.migrations) return
  emit({
    event: 'warning',
    host: deploy.host,
    message: `the database was migrated by ${migrated.release}, after ${release.id} was created`,
    hint: 'A rollback does not change the database. Check that the older code works with it.',
  })
}
