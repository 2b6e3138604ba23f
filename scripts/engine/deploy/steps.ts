import type { RunIdentity } from '#engine/host/run-identity.ts'
import { stageScript } from '#engine/host/stage-script.ts'
import { quote } from '#engine/quote.ts'
import type { AppSettings, Install } from '#engine/resources/release/app.ts'
import {
  gateShell,
  goodShell,
  type ReleaseChange,
  releaseShell,
  verifyShell,
} from '#engine/resources/release/script.ts'

/** A step of a stage, as shell that runs beside release.sh. */
export interface Step {
  /** What people see: `start`, `health`, `switch`. */
  readonly name: string
  readonly shell: string
  /** Done when the step failed; what it prints is shown with the error. */
  readonly failed?: string
  /** After the switch: where it fails, a warning is emitted and the next step is done all the same. */
  readonly soft?: boolean
}

/** The script of one stage of a release. */
export function releaseScript(
  steps: readonly Step[],
  settings: AppSettings,
  change: ReleaseChange,
  { id, nonce, run }: { readonly id: string; readonly nonce: string; readonly run: RunIdentity },
): string {
  const failures = steps.map(({ failed = ':' }, index) => `failed_${index}() {\n${failed}\n}\n`)
  return stageScript({
    id,
    nonce,
    app: settings.app,
    run,
    functions: [releaseShell(settings, change), runner, ...failures].join(''),
    steps: steps.map(({ shell }) => shell),
    calls: [
      'echo "$PPID" >"$SESSION"\n',
      ...steps.map(({ soft }, index) => `${soft ? 'soft_step' : 'step'} ${index}\n`),
      'finish 0\n',
    ].join(''),
  })
}

// What comes after a step that fails is not begun, but for a soft one.
const runner = `
step() {
  perform "$1"; code=$CODE
  [ "$code" = 0 ] || ( "failed_$1" ) 8>&- 9>&-
  mark end "$1" "$code"
  [ "$code" = 0 ] || finish "$code"
}
soft_step() { perform "$1"; mark end "$1" "$CODE"; }
`

/** Makes the release from the live one, whose content it has. */
export function copyStep(live: string): Step {
  return { name: 'copy', shell: `copy ${quote(live)}`, failed: 'discard' }
}

/** Installs what the release needs beside its files, or takes that from a kept release. */
export function installStep(install: Install): Step {
  return {
    name: 'install',
    shell: `install_dependencies ${quote(installText(install))}`,
    failed: failedBefore,
  }
}

/** What dependencies.pl reads: a line for each folder and file, an empty line, and the command. */
export function installText({ command, folders, files }: Install): string {
  const head = [...folders.map(each => `folder ${each}`), ...files.map(each => `file ${each}`)]
  return `${head.join('\n')}\n\n${command}`
}

/** Steps from a release that is on the host to an instance that answers, beside the live one. */
export function startSteps(settings: AppSettings, how: ReleaseChange['how']): readonly Step[] {
  const failed = how === 'restart' ? 'discard' : 'never_live'
  return [
    { name: 'start', shell: `${how === 'rollback' ? 'intact' : 'whole'}\nstart_new`, failed },
    { name: 'health', shell: gateShell(settings), failed },
  ]
}

/** Runs the migrations in the release, as the app, and records which they were. */
export function migrateStep(command: string, digest: string): Step {
  return {
    name: 'migrate',
    shell: `migrate ${quote(command)} ${quote(digest)}`,
    failed: failedBefore,
  }
}

/**
 * The cut-over and the proof that visitors get the new release and its workers run; without it, what was live before
 * is again. A rollback takes workers as they are: the site comes first, and an older release may not have them all.
 */
export function switchSteps(
  settings: AppSettings,
  previous: string | undefined,
  how: ReleaseChange['how'],
): readonly Step[] {
  const { workers } = settings
  const back = `journal\n${backShell(previous)}`
  const steps: readonly (Step | false)[] = [
    { name: switchName, shell: 'switch_to_new', failed: back },
    { name: verifyName, shell: verifyShell(settings), failed: back },
    workers.length > 0 && {
      name: 'workers',
      shell: `start_workers ${quote(workers.join(', '))}`,
      ...(how === 'rollback' ? { soft: true } : { failed: backShell(previous) }),
    },
  ]
  return steps.filter(step => step !== false)
}

// Nothing of it runs yet.
const failedBefore = 'record failed\nhook failed'

/** The step whose note comes as soon as the release is live. */
export const switchName = 'switch'
/** The step after which the release stays live. */
export const verifyName = 'verify'

/** The first step of a release that stays live. */
export const goodName = 'good'

/** What was live before the release is live again. */
export function backStep(previous: string | undefined): Step {
  return { name: 'back', shell: backShell(previous) }
}

/** Another host could not go on: the new instance ends, nothing was switched. */
export function standDownStep(how: ReleaseChange['how']): Step {
  const shell = how === 'restart' ? 'discard' : 'stop_new\nrecord failed\nhook failed'
  return { name: 'stand down', shell }
}

/** The old instances end once they have no requests in flight, and releases beyond the kept ones are removed. */
export function endSteps(
  settings: AppSettings,
  old: readonly string[],
  pruned: readonly string[],
): readonly Step[] {
  const steps: readonly (Step | false)[] = [
    { name: goodName, shell: goodShell(settings) },
    ...drainSteps(settings, old),
    pruned.length > 0 && { name: 'prune', shell: `prune ${pruned.map(quote).join(' ')}` },
  ]
  return steps.flatMap(step => (step ? [{ ...step, soft: true }] : []))
}

/** Ends instances beside the live one once they have no requests in flight. */
export function drainSteps({ drain }: AppSettings, old: readonly string[]): readonly Step[] {
  if (old.length === 0) return []
  return [{ name: 'drain', shell: `end_others ${drain} ${old.map(quote).join(' ')}`, soft: true }]
}

function backShell(previous: string | undefined): string {
  return `back ${quote(previous ?? '')}`
}
