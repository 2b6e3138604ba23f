import { readFileSync } from 'node:fs'
import { quote } from '#engine/quote.ts'
import { functions as workers } from '#engine/resources/workers.ts'
import { type AppSettings, type Deployer, homeOf } from './settings.ts'

/** A step of a stage, as shell that host.sh runs. */
export interface Step {
  /** What people see: `start`, `health`, `switch`. */
  readonly name: string
  readonly shell: string
  /** Done when the step failed; what it prints is told with the error. */
  readonly failed?: string
  /** After the switch: where it fails, a warning is told and the next step is done all the same. */
  readonly soft?: boolean
}

/** What a stage is about. */
export interface StageContext {
  readonly settings: AppSettings
  readonly release: string
  /** What it was made from; an empty string: not known. */
  readonly ref: string
  readonly how: 'deploy' | 'rollback'
  readonly by: Deployer
  /** The pid of the session's shell on the host, which is there as long as the controller is. */
  readonly session: number
}

/** The script of one stage, to be run from a file of its own; its marks are those that converge's stages print. */
export function stepsScript(
  steps: readonly Step[],
  context: StageContext,
  { nonce, stopFile }: { readonly nonce: string; readonly stopFile: string },
): string {
  const { settings, release, ref, how, by, session } = context
  const variables = {
    NONCE: nonce,
    APP: settings.app,
    BASE: homeOf(settings.app),
    RELEASE: release,
    REF: ref,
    WARM: settings.warm ? '1' : '',
    RUN: by.runId,
    BY: JSON.stringify(by.who),
    HOW: how,
    SESSION: String(session),
    STOP: stopFile,
    LIMIT: '900',
    ANSWERED: `/run/capstan/deploy-${settings.app}.answered`,
    PROBE: probe,
    DRAIN: drainer,
  }
  return [
    ...Object.entries(variables).map(([name, value]) => `${name}=${quote(value)}\n`),
    'SINCE=$(date +%s)\n',
    workers,
    host,
    ...steps.map(
      ({ shell, failed = ':' }, index) =>
        `step_${index}() {\n${shell}\n}\nfailed_${index}() {\n${failed}\n}\n`,
    ),
    ...steps.map(({ soft }, index) => `${soft ? 'tail_step' : 'step'} ${index}\n`),
    'finish 0\n',
  ].join('')
}

/** Steps from a release that is on the host to an instance that answers, beside the live one. */
export function startSteps({ app, domain, health }: AppSettings): readonly Step[] {
  const before = 'never_live'
  const at = [`/run/nginx-gate/${app}.sock`, health.path, domain]
  return [
    { name: 'start', shell: 'whole\nstart_new', failed: before },
    {
      name: 'health',
      shell: `gate ${at.map(quote).join(' ')} ${health.passes} ${health.timeout}\nrecord ready`,
      failed: before,
    },
  ]
}

/** Runs the migrations in the release, as the app, and writes down which they were. */
export function migrateStep(command: string, digest: string): Step {
  return {
    name: 'migrate',
    shell: `whole\ninside migrate sh -c ${quote(command)}\nrecord migrated '"migrations":"${digest}"'`,
    failed: 'record failed\nhook failed',
  }
}

/**
 * The cut-over and the proof that visitors get the new release and its workers run; without it, what was live before
 * is again. A rollback takes workers as they are: the site comes first, and an older release may not have them all.
 */
export function switchSteps(
  { domain, health, workers: names }: AppSettings,
  previous: string | undefined,
  how: 'deploy' | 'rollback',
): readonly Step[] {
  const back = `journal\n${backShell(previous)}`
  const verifyTime = Math.min(health.timeout, 3)
  const steps: readonly (Step | false)[] = [
    { name: switchName, shell: 'switch_to_new', failed: back },
    {
      name: 'verify',
      shell: `verify ${quote(health.path)} ${quote(domain)} ${health.passes} ${verifyTime}`,
      failed: back,
    },
    names.length > 0 && {
      name: 'workers',
      shell: `hold_workers ${quote(names.join(', '))}`,
      ...(how === 'deploy' ? { failed: backShell(previous) } : { soft: true }),
    },
  ]
  return steps.filter(step => step !== false)
}

/** The step whose note comes as soon as the release is live. */
export const switchName = 'switch'
const backName = 'back'

/** What was live before `release` is live again. */
export function backStep(previous: string | undefined): Step {
  return { name: backName, shell: backShell(previous) }
}

/** Another host could not go on: the new instance ends, nothing was switched. */
export function standDownStep(): Step {
  return { name: 'stand down', shell: 'stop_new\nrecord failed\nhook failed' }
}

/** The old instances end once they have answered, and releases beyond the kept ones go. */
export function endSteps(
  { drain, app, assets }: AppSettings,
  old: readonly string[],
  pruned: readonly string[],
): readonly Step[] {
  const each = old.map(quote).join(' ')
  const drained = old.map(release => `drain ${quote(release)} ${drain}\n`).join('')
  const steps: readonly (Step | false)[] = [
    { name: 'good', shell: `found_good ${quote(`${app}.service`)} ${Math.ceil(assets / 60)}` },
    old.length > 0 && { name: 'drain', shell: `${drained}stop_old ${each}` },
    pruned.length > 0 && { name: 'prune', shell: `prune ${pruned.map(quote).join(' ')}` },
  ]
  return steps.flatMap(step => (step ? [{ ...step, soft: true }] : []))
}

function backShell(previous: string | undefined): string {
  return `back ${quote(previous ?? '')}`
}

const host = readFileSync(new URL('host.sh', import.meta.url), 'utf8')
const probe = readFileSync(new URL('probe.pl', import.meta.url), 'utf8')
const drainer = readFileSync(new URL('drain.pl', import.meta.url), 'utf8')
