import { bytes } from './bytes.ts'
import { type Activation, type Candidate, othersRunning, prunedOn } from './candidate.ts'
import type { Manifest } from './manifest.ts'
import { shipment } from './transfer.ts'

/** A step that a deploy would do on a host, in a few words. */
export interface PlannedStep {
  readonly step: string
  readonly note: string
}

/** What a deploy would do on a host, in order. `candidate.state` need not have the release yet. */
export function plannedSteps(
  candidate: Candidate,
  activation: Activation,
  manifest: Manifest,
  migratesHere: boolean,
): readonly PlannedStep[] {
  const { deploy, state, release } = candidate
  const { migrate } = activation
  const pruned = prunedOn(candidate, activation)
  const others = othersRunning(candidate)
  const hooks = ['deploy/uploaded', 'deploy/before-activate', 'deploy/activated'].filter(path =>
    manifest.some(entry => entry.path === path && entry.type === 'file' && entry.mode === 755),
  )
  const steps: readonly (PlannedStep | false)[] = [
    { step: 'upload', note: uploadNote(candidate, manifest) },
    deploy.settings.install !== undefined && {
      step: 'install',
      note: `${deploy.settings.install.folders.join(', ')}, unless an earlier release has the same`,
    },
    release.migrations !== undefined && {
      step: 'migrate',
      note: migrate ? (migratesHere ? migrate.command : 'on the first host') : 'unchanged, not run',
    },
    {
      step: 'health',
      note: `${deploy.settings.health.path} must return 200 ${deploy.settings.health.passes} times in a row`,
    },
    hooks.length > 0 && { step: 'hooks', note: hooks.join(', ') },
    {
      step: 'switch',
      note: state.current === undefined ? 'the first live release' : `from ${state.current}`,
    },
    deploy.settings.workers.length > 0 && { step: 'workers', note: deploy.settings.workers.join(', ') },
    others.length > 0 && { step: 'drain', note: others.join(', ') },
    pruned.length > 0 && { step: 'prune', note: pruned.join(', ') },
  ]
  return steps.filter(step => step !== false)
}

function uploadNote({ state, release }: Candidate, manifest: Manifest): string {
  if (state.releases.some(({ id }) => id === release.id)) return 'the host has it'
  const { files, bytes: size } = shipment(manifest, state.base)
  const all = manifest.filter(({ type }) => type === 'file').length
  return `${files.length} of ${all} files, ${bytes(size)}`
}
