import { HostError } from '#engine/errors.ts'
import { runDirectory } from '#engine/host/paths.ts'
import { StageReporter } from '#engine/host/stage-reporter.ts'
import type { Emit } from '#engine/output/events.ts'
import { type Step, switchName } from './steps.ts'

/** Reports a stage of a release's steps. */
export class ReleaseReporter extends StageReporter<Step> {
  /** The release was made live in this stage, for however long. */
  switched = false
  readonly #release: string
  readonly #id: string
  readonly #emit: Emit

  constructor(host: string, steps: readonly Step[], release: string, id: string, emit: Emit) {
    super(host, steps)
    this.#release = release
    this.#id = id
    this.#emit = emit
  }

  protected override begun({ name }: Step): void {
    this.#emit({ event: 'step', host: this.host, step: name, state: 'begun' })
  }

  protected override noted({ name }: Step): void {
    if (name === switchName) this.switched = true
  }

  protected override finished(step: Step, seconds: number, note: string | undefined): void {
    this.done.push(step)
    const told = note ? { note } : {}
    this.#emit({ event: 'step', host: this.host, step: step.name, state: 'done', seconds, ...told })
  }

  protected override stepFailed({ name, soft }: Step, code: number): HostError | undefined {
    const lines = this.tail(24)
    if (!soft) return new HostError(codeOf(name), `${this.host}: ${this.#release}: ${name} failed`, { lines })
    const message = [`${name} exited with ${code}; the release is live anyway`, ...lines].join('\n')
    this.#emit({ event: 'warning', host: this.host, message })
    return undefined
  }

  protected override killed(step: Step | undefined): HostError {
    const at = step === undefined ? '' : ` during ${step.name}`
    return new HostError('stage-killed', `${this.host}: the deploy was killed on the host${at}`, {
      lines: this.tail(24),
      hint: `Run again: it reads the host’s state first and continues from there. The log is ${runDirectory(this.#id)}/log.`,
    })
  }

  protected override printed(step: Step | undefined, text: string): void {
    this.#emit({ event: 'output', host: this.host, resource: step?.name ?? 'stage', text })
  }
}

/** The code of the error of a stage that ended without saying so. */
export const stageKilled = 'stage-killed'

/** The code of the error when a step failed: `step-stand-down`. */
export function codeOf(step: string): string {
  return `step-${step.replaceAll(' ', '-')}`
}
