import { type Activation, type Candidate, prunedOn } from './activate.ts'
import { bytes } from './host.ts'
import type { Manifest } from './manifest.ts'
import { shipment } from './transfer.ts'

/** A step that a deploy would do on a host, in a few words. */
export interface PlannedStep {
  readonly step: string
  readonly note: string
}

/** What a deploy would do on a host, in order. `candidate.found` need not have the release yet. */
export function plannedSteps(
  candidate: Candidate,
  activation: Activation,
  manifest: Manifest,
  migratesHere: boolean,
): readonly PlannedStep[] {
  const { found, run } = candidate
  const { release, migrate } = activation
  const pruned = prunedOn(candidate, activation)
  const others = found.running.filter(id => id !== release.id)
  const hooks = ['deploy/uploaded', 'deploy/before-activate', 'deploy/activated'].filter(path =>
    manifest.some(entry => entry.path === path && entry.type === 'file' && entry.mode === 755),
  )
  const steps: readonly (PlannedStep | false)[] = [
    { step: 'upload', note: uploadNote(candidate, release.id, manifest) },
    release.migrations !== undefined && {
      step: 'migrate',
      note: migrate ? (migratesHere ? migrate.command : 'on the first host') : 'unchanged, not run',
    },
    {
      step: 'health',
      note: `${run.settings.health.path} has to answer well ${run.settings.health.passes} times`,
    },
    hooks.length > 0 && { step: 'hooks', note: hooks.join(', ') },
    { step: 'switch', note: found.current === undefined ? 'the first to be live' : `from ${found.current}` },
    run.settings.workers.length > 0 && { step: 'workers', note: run.settings.workers.join(', ') },
    others.length > 0 && { step: 'drain', note: others.join(', ') },
    pruned.length > 0 && { step: 'prune', note: pruned.join(', ') },
  ]
  return steps.filter(step => step !== false)
}

function uploadNote({ found }: Candidate, id: string, manifest: Manifest): string {
  if (found.releases.some(release => release.id === id)) return 'the host has it'
  const { files, bytes: size } = shipment(manifest, found.base)
  const all = manifest.filter(({ type }) => type === 'file').length
  return `${files.length} of ${all} files, ${bytes(size)}`
}
