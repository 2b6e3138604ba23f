import { HostError, UsageError } from '#engine/errors.ts'
import type { Emit } from '#engine/output/events.ts'
import { activate, type Candidate } from './activate.ts'
import { isLive, liveOn, lookAt } from './candidates.ts'
import { type Came, type DeployResult, finished } from './ending.ts'
import { HostRun } from './host.ts'
import type { Found } from './look.ts'
import { earlier, type Release } from './release.ts'
import type { Deployer, DeployHost } from './settings.ts'

/** Where a rollback goes: to one release, or so many good ones back in the order of deploys. */
export type RollbackTarget = { readonly to: string } | { readonly steps: number }

export interface RollbackOptions {
  readonly hosts: readonly DeployHost[]
  readonly target: RollbackTarget
  readonly by: Deployer
  readonly emit: Emit
  /** Seconds to wait for another deploy to end. */
  readonly wait: number
  readonly stop: AbortSignal
}

/** Makes a kept release live again, by the path of a deploy from its start on. Throws only UsageError. */
export function rollbackRelease(options: RollbackOptions): Promise<DeployResult> {
  if (options.hosts.length === 0) throw new UsageError('no-hosts', 'there is no host to roll back')
  const runs = options.hosts.map(host => new HostRun(host, options))
  return finished(runs, 'rollback', options.emit, () => rollback(runs, options))
}

async function rollback(runs: readonly HostRun[], { target, emit }: RollbackOptions): Promise<Came> {
  const candidates = await lookAt(runs, run => run.look(''))
  if (!candidates) return { outcome: 'failed' }
  const release = chosenOnAll(candidates, target)
  if (!release) return { outcome: 'failed' }
  const about = { release, previous: liveOn(candidates) }
  if (candidates.every(({ found }) => isLive(found, release.id))) return { outcome: 'already live', ...about }
  for (const { run, found } of candidates) warnOfMigrations(run.name, found, release, emit)
  return { outcome: await activate(candidates, { release, how: 'rollback', migrate: undefined }), ...about }
}

/** The first host's history decides; every other one must have that release too. */
function chosenOnAll(candidates: readonly Candidate[], target: RollbackTarget): Release | undefined {
  const [first] = candidates
  if (!first) return undefined
  const chosen = chooseRelease(first.run.name, first.found, target)
  if (chosen instanceof HostError) {
    first.run.fail(chosen)
    return undefined
  }
  for (const { run, found } of candidates) {
    const own = chooseRelease(run.name, found, { to: chosen.id })
    if (own instanceof HostError) run.fail(own)
  }
  return candidates.some(({ run }) => run.error !== undefined) ? undefined : chosen
}

/** The release to go back to, or the error that says which there are. */
export function chooseRelease(host: string, found: Found, target: RollbackTarget): Release | HostError {
  const { releases, current } = found
  if ('steps' in target) {
    const before = earlier(releases, current)
    const chosen = before[target.steps - 1]
    if (chosen) return chosen
    const there = before.length === 0 ? 'no good release' : `only ${before.length} good release(s)`
    return refusal(`${host}: ${there} before ${current ?? 'the first'}, wanted ${target.steps} back`, found)
  }
  const matching = releases.filter(({ id }) => id === target.to || id.endsWith(`-${target.to}`))
  const [release, ...others] = matching
  if (!release) return refusal(`${host}: there is no release ${target.to}`, found)
  if (others.length > 0) return refusal(`${host}: ${target.to} is more than one release`, found)
  if (release.state === 'good' || release.id === current) return release
  return refusal(`${host}: ${release.id} is ${release.state}, a rollback goes to good ones`, found)
}

function refusal(message: string, { releases, current }: Found): HostError {
  const good = releases.filter(({ state, id }) => state === 'good' && id !== current)
  return new HostError('no-such-release', message, {
    lines: good.map(({ id, ref }) => `${id}${ref === undefined ? '' : `  ${ref}`}`),
    hint:
      good.length === 0
        ? 'There is none to go back to: deploy the older content again.'
        : 'These are good: give one with --to.',
  })
}

function warnOfMigrations(host: string, { migrated }: Found, release: Release, emit: Emit): void {
  if (migrated === undefined || migrated.digest === release.migrations) return
  emit({
    event: 'warning',
    host,
    message: `the database was migrated by ${migrated.release}, after ${release.id} was made`,
    hint: 'A rollback leaves the database as it is. See that the older code can work with it.',
  })
}
