import { type Activation, type Candidate, othersRunning, previousOf, prunedOn } from './candidate.ts'
import { explained, interrupted, notSwitched, wentBack } from './failures.ts'
import type { Staged } from './host-deploy.ts'
import { stageKilled } from './reporter.ts'
import {
  backStep,
  copyStep,
  endSteps,
  goodName,
  installStep,
  migrateStep,
  type Step,
  standDownStep,
  startSteps,
  switchSteps,
  verifyName,
} from './steps.ts'

/** `back`: it was live for a moment, and what was live before is again. */
export type Ending = 'live' | 'back' | 'failed'

/**
 * Makes a release the live one on all hosts: started and healthy on all of them before the first switches, verified on
 * all of them or live on none. Where it ends otherwise, each host's error is kept in its `deploy`. With the setting
 * `serial` that many hosts at a time, and where a later one fails those before it go back.
 */
export async function activate(candidates: readonly Candidate[], activation: Activation): Promise<Ending> {
  const { length } = candidates
  const serial = Math.min(candidates[0]?.deploy.settings.serial ?? length, length)
  for (let done = 0; done < length; done += serial) {
    const batch = candidates.slice(done, done + serial)
    // The database is migrated once, before the first host switches.
    const own = done === 0 ? activation : { ...activation, migrate: undefined }
    const ending = await (batch.length === 1 ? alone(batch, own) : together(batch, own))
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
    ...fileSteps(candidate, activation),
    ...migrateSteps(activation),
    ...startSteps(candidate.deploy.settings, activation.how),
    ...switchSteps(candidate.deploy.settings, previousOf(candidate), activation.how),
    ...lastSteps(candidate, activation),
  ]
  return runSteps(candidate, steps, activation)
}

async function together(candidates: readonly Candidate[], activation: Activation): Promise<Ending> {
  const [first] = candidates
  if (!first) return 'failed'
  const migrations = migrateSteps(activation)
  // Where there is nothing to migrate, all that comes before the switch is one stage.
  if (migrations.length > 0) {
    const lacking = candidates.filter(candidate => fileSteps(candidate, activation).length > 0)
    const incomplete = await onAll(lacking, candidate =>
      runSteps(candidate, fileSteps(candidate, activation), activation),
    )
    if (incomplete.length > 0) return standDown(candidates, activation, incomplete)
    if ((await runSteps(first, migrations, activation)) !== 'live')
      return standDown(candidates, activation, [first])
  }
  const notReady = await onAll(candidates, candidate => {
    const files = migrations.length > 0 ? [] : fileSteps(candidate, activation)
    const start = startSteps(candidate.deploy.settings, activation.how)
    return runSteps(candidate, [...files, ...start], activation)
  })
  if (notReady.length > 0) return standDown(candidates, activation, notReady)

  const failed = await onAll(candidates, candidate =>
    runSteps(
      candidate,
      switchSteps(candidate.deploy.settings, previousOf(candidate), activation.how),
      activation,
    ),
  )
  if (failed.length > 0) return allBack(candidates, activation, failed)
  await onAll(candidates, candidate => runSteps(candidate, lastSteps(candidate, activation), activation))
  return 'live'
}

/** The candidates on which it did not come to its end. */
async function onAll(
  candidates: readonly Candidate[],
  work: (candidate: Candidate) => Promise<Ending>,
): Promise<readonly Candidate[]> {
  const endings = await Promise.all(
    candidates.map(async candidate => {
      const ending = await work(candidate)
      candidate.deploy.waits()
      return ending
    }),
  )
  return candidates.filter((_candidate, index) => endings[index] !== 'live')
}

async function standDown(
  candidates: readonly Candidate[],
  activation: Activation,
  failed: readonly Candidate[],
): Promise<Ending> {
  await onOthers(candidates, failed, async candidate => {
    await stage(candidate, [standDownStep(activation.how)], activation)
    candidate.deploy.fail(notSwitched(candidate.deploy, failed))
  })
  return 'failed'
}

async function allBack(
  candidates: readonly Candidate[],
  activation: Activation,
  failed: readonly Candidate[],
): Promise<Ending> {
  await onOthers(candidates, failed, async candidate => {
    const { error } = await stage(candidate, [backStep(previousOf(candidate))], activation)
    candidate.deploy.fail(error ?? wentBack(candidate.deploy, failed))
  })
  return 'back'
}

function onOthers(
  candidates: readonly Candidate[],
  failed: readonly Candidate[],
  work: (candidate: Candidate) => Promise<void>,
): Promise<unknown> {
  const others = candidates.filter(candidate => !failed.includes(candidate))
  return Promise.all(others.map(candidate => work(candidate).catch(error => candidate.deploy.fail(error))))
}

/** Runs steps on a host; where they end in the middle, the host is brought to where it was and its error kept. */
async function runSteps(
  candidate: Candidate,
  steps: readonly Step[],
  activation: Activation,
): Promise<Ending> {
  const { deploy } = candidate
  try {
    // What is live is brought to its end.
    if (deploy.interrupted && steps[0]?.name !== goodName) throw interrupted(deploy)
    const staged = await stage(candidate, steps, activation)
    if (!staged.error) return 'live'
    if (staged.error.code === stageKilled) return await recover(candidate, staged, activation)
    deploy.fail(explained(candidate, staged.error, staged.switched))
    return staged.switched ? 'back' : 'failed'
  } catch (error) {
    deploy.fail(error)
    return 'failed'
  }
}

/**
 * After the stage was killed on the host and all that it had started is gone: what the host has now says how far it
 * came. On to the end where the release was verified, else back.
 */
async function recover(candidate: Candidate, staged: Staged, activation: Activation): Promise<Ending> {
  const { deploy, release } = candidate
  const isLive = (await deploy.peek()).current === release.id
  if (isLive && staged.done.includes(verifyName)) {
    await stage(candidate, lastSteps(candidate, activation), activation)
    return 'live'
  }
  const step = isLive ? backStep(previousOf(candidate)) : standDownStep(activation.how)
  const { error } = await stage(candidate, [step], activation)
  deploy.fail(error ?? explained(candidate, staged.error, isLive))
  return isLive ? 'back' : 'failed'
}

function stage({ deploy, release }: Candidate, steps: readonly Step[], { how }: Activation): Promise<Staged> {
  return deploy.stage(steps, release, how)
}

function migrateSteps({ migrate }: Activation): readonly Step[] {
  return migrate ? [migrateStep(migrate.command, migrate.digest)] : []
}

/** Up to a release that has all its files. A copy has what its original has, and a rollback what it had. */
function fileSteps({ deploy, state, isCopy }: Candidate, { how }: Activation): readonly Step[] {
  if (isCopy) return state.current === undefined ? [] : [copyStep(state.current)]
  const { install } = deploy.settings
  return how === 'rollback' || install === undefined ? [] : [installStep(install)]
}

/** Drain and stop what else runs, and remove what is not kept. */
function lastSteps(candidate: Candidate, activation: Activation): readonly Step[] {
  const { settings } = candidate.deploy
  return endSteps(settings, othersRunning(candidate), prunedOn(candidate, activation))
}
