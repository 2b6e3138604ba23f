import { HostError } from '#engine/errors.ts'
import type { HostRun } from './host.ts'
import type { Found } from './look.ts'
import { earlier, type Release, type ReleaseFacts, toPrune } from './release.ts'
import type { Staged } from './stage.ts'
import {
  backStep,
  endSteps,
  migrateStep,
  type Step,
  standDownStep,
  startSteps,
  switchSteps,
} from './steps.ts'

/** A host on which a release is to be made live; it has the release. */
export interface Candidate {
  readonly run: HostRun
  readonly found: Found
}

export interface Activation {
  readonly release: ReleaseFacts
  readonly how: 'deploy' | 'rollback'
  /** Undefined: there is nothing to migrate. */
  readonly migrate: { readonly command: string; readonly digest: string } | undefined
}

/** `back`: it was live for a moment, and what was live before is again. */
export type Ending = 'live' | 'back' | 'failed'

/**
 * Makes a release that all hosts have the live one: started and healthy on all of them before the first switches,
 * verified on all of them or on none. Where it ends otherwise, each host's error is kept in its run. With the
 * setting `serial` that many hosts at a time, and where a later one fails those before it go back.
 */
export async function activate(candidates: readonly Candidate[], activation: Activation): Promise<Ending> {
  const { length } = candidates
  const serial = Math.min(candidates[0]?.run.settings.serial ?? length, length)
  for (let done = 0; done < length; done += serial) {
    const batch = candidates.slice(done, done + serial)
    // The database is migrated once, before the first host switches.
    const about = done === 0 ? activation : { ...activation, migrate: undefined }
    const ending = await (batch.length === 1 ? alone(batch, about) : together(batch, about))
    if (ending === 'live') continue
    if (done === 0) return ending
    return allBack([...candidates.slice(0, done), ...batch], activation, batch)
  }
  return 'live'
}

// One host needs no barrier: all is one script, which comes to its end also when the controller is lost after the switch.
async function alone(candidates: readonly Candidate[], activation: Activation): Promise<Ending> {
  const [candidate] = candidates
  if (!candidate) return 'failed'
  const steps = [
    ...migrateSteps(activation),
    ...startSteps(candidate.run.settings),
    ...switchSteps(candidate.run.settings, previousOf(candidate, activation), activation.how),
    ...lastSteps(candidate, activation),
  ]
  return stageOn(candidate, steps, activation)
}

async function together(candidates: readonly Candidate[], activation: Activation): Promise<Ending> {
  const [first] = candidates
  if (!first) return 'failed'
  const migrations = migrateSteps(activation)
  if (migrations.length > 0 && (await stageOn(first, migrations, activation)) !== 'live') {
    return standDown(candidates, activation, [first])
  }
  const started = await onAll(candidates, candidate =>
    stageOn(candidate, startSteps(candidate.run.settings), activation),
  )
  if (started.length > 0) return standDown(candidates, activation, started)

  const failed = await onAll(candidates, candidate =>
    stageOn(
      candidate,
      switchSteps(candidate.run.settings, previousOf(candidate, activation), activation.how),
      activation,
    ),
  )
  if (failed.length > 0) return allBack(candidates, activation, failed)
  await onAll(candidates, candidate => stageOn(candidate, lastSteps(candidate, activation), activation))
  return 'live'
}

/** The candidates on which it did not come to its end. */
async function onAll(
  candidates: readonly Candidate[],
  work: (candidate: Candidate) => Promise<Ending>,
): Promise<readonly Candidate[]> {
  const endings = await Promise.all(candidates.map(work))
  return candidates.filter((_candidate, index) => endings[index] !== 'live')
}

async function standDown(
  candidates: readonly Candidate[],
  activation: Activation,
  failed: readonly Candidate[],
): Promise<Ending> {
  await onOthers(candidates, failed, async ({ run }) => {
    await stage(run, [standDownStep()], activation)
    run.fail(notSwitched(run, failed))
  })
  return 'failed'
}

async function allBack(
  candidates: readonly Candidate[],
  activation: Activation,
  failed: readonly Candidate[],
): Promise<Ending> {
  await onOthers(candidates, failed, async candidate => {
    const { error } = await stage(candidate.run, [backStep(previousOf(candidate, activation))], activation)
    candidate.run.fail(error ?? wentBack(candidate.run, failed))
  })
  return 'back'
}

function onOthers(
  candidates: readonly Candidate[],
  failed: readonly Candidate[],
  work: (candidate: Candidate) => Promise<void>,
): Promise<unknown> {
  const others = candidates.filter(candidate => !failed.includes(candidate))
  return Promise.all(others.map(candidate => work(candidate).catch(error => candidate.run.fail(error))))
}

/** Runs steps on a host; where they end in the middle, the host is brought to where it was and its error kept. */
async function stageOn(
  candidate: Candidate,
  steps: readonly Step[],
  activation: Activation,
): Promise<Ending> {
  const { run } = candidate
  try {
    if (run.interrupted && steps.some(({ name }) => name === 'switch')) throw interrupted(run)
    const staged = await stage(run, steps, activation)
    if (!staged.error) return 'live'
    if (staged.error.code === 'stage-killed') return await mend(candidate, staged, activation)
    run.fail(explained(staged.error, staged, candidate, activation))
    return staged.switched ? 'back' : 'failed'
  } catch (error) {
    run.fail(error)
    return 'failed'
  }
}

/** After the host's own script was killed: on to the end where the release was verified, else back. */
async function mend(candidate: Candidate, staged: Staged, activation: Activation): Promise<Ending> {
  const { run } = candidate
  if (staged.done.includes('verify')) {
    await stage(run, lastSteps(candidate, activation), activation)
    return 'live'
  }
  const switched = staged.switched
  const step = switched ? backStep(previousOf(candidate, activation)) : standDownStep()
  const { error } = await stage(run, [step], activation)
  run.fail(error ?? explained(staged.error, staged, candidate, activation))
  return switched ? 'back' : 'failed'
}

function stage(run: HostRun, steps: readonly Step[], { release, how }: Activation): Promise<Staged> {
  return run.stage(steps, { release: release.id, ref: release.ref ?? '', how })
}

function migrateSteps({ migrate }: Activation): readonly Step[] {
  return migrate ? [migrateStep(migrate.command, migrate.digest)] : []
}

/** Drain and stop what else runs, and remove what is not kept. */
function lastSteps(candidate: Candidate, activation: Activation): readonly Step[] {
  const { settings } = candidate.run
  const { release } = activation
  const previous = previousOf(candidate, activation)
  return endSteps(
    settings,
    candidate.found.running.filter(id => id !== release.id && !(settings.warm && id === previous)),
    prunedOn(candidate, activation),
  )
}

/** The releases that a host no longer keeps once this one is live. */
export function prunedOn(candidate: Candidate, activation: Activation): readonly string[] {
  const { release } = activation
  const others = candidate.found.releases.filter(({ id }) => id !== release.id)
  const now: Release = {
    ...release,
    state: 'good',
    at: '',
    order: Number.POSITIVE_INFINITY,
    activated: undefined,
  }
  const { keep } = candidate.run.settings
  return toPrune([now, ...others], keep, [release.id, previousOf(candidate, activation)])
}

/** What is live again when the release turns out to be no good; undefined: nothing was live before. */
function previousOf({ found }: Candidate, { release }: Activation): string | undefined {
  if (found.current !== release.id) return found.current
  return earlier(found.releases, release.id)[0]?.id
}

function explained(
  error: HostError | undefined,
  staged: Staged,
  candidate: Candidate,
  activation: Activation,
): HostError {
  const previous = previousOf(candidate, activation)
  const switched = staged.switched
  const rest = previous === undefined ? 'Nothing is live, as before.' : `${previous} is live again.`
  const hint = switched
    ? `The release was live for a moment and is marked bad. ${rest}`
    : `The site is untouched${previous === undefined ? '' : `: ${previous} is live`}.`
  const { code = 'stage-killed', message = candidate.run.name, lines = [] } = error ?? {}
  return new HostError(code, message, { lines, hint })
}

function interrupted({ name }: HostRun): HostError {
  return new HostError('interrupted', `${name}: the run was interrupted before the switch`, {
    hint: 'The site is untouched. Run again to go on: what was sent is kept.',
  })
}

function notSwitched(run: HostRun, failed: readonly Candidate[]): HostError {
  return new HostError('others-failed', `${run.name}: not switched, because ${named(failed)} could not`, {
    hint: 'The site is untouched on every host.',
  })
}

function wentBack(run: HostRun, failed: readonly Candidate[]): HostError {
  return new HostError('others-failed', `${run.name}: switched back, because ${named(failed)} failed`, {
    hint: 'Every host is where it was before.',
  })
}

function named(candidates: readonly Candidate[]): string {
  return candidates.map(({ run }) => run.name).join(', ')
}
