import { HostError } from '#engine/errors.ts'
import type { Mark } from '#engine/host/marks.ts'
import { StageReporter } from '#engine/host/stage-reporter.ts'
import type { Emit } from '#engine/output/events.ts'
import { type AptStatus, aptStatusReader } from './apt-status.ts'
import { configRejected, setRefused, stageKilled, stepFailed, stopped } from './failures.ts'
import { described, type Step, transactions } from './plan.ts'

/** Reports a stage of resources and handlers; steps of a config set count as done once the set is installed. */
export class ConvergeReporter extends StageReporter<Step> {
  readonly #id: string
  readonly #emit: Emit
  readonly #groups: ReturnType<typeof transactions>
  #candidate: { readonly step: Step; readonly seconds: number }[] = []
  #putBack: string[] = []
  readonly #status = aptStatusReader(status => this.#working(status))
  #running: Step | undefined
  #again: number | undefined

  constructor(host: string, stage: readonly Step[], id: string, emit: Emit) {
    super(host, stage)
    this.#id = id
    this.#emit = emit
    this.#groups = transactions(stage)
  }

  protected override begun(step: Step): void {
    this.#emit({ event: 'changing', host: this.host, ...described(step) })
  }

  protected override finished(step: Step, seconds: number): void {
    if (step.type === 'resource' && step.resource.set) this.#candidate.push({ step, seconds })
    else this.#changed(step, seconds)
  }

  protected override stepFailed(step: Step, code: number): HostError {
    this.#candidate = []
    const how = { code, lines: this.tail(12), putBack: this.#putBack, again: this.#again }
    return stepFailed(this.host, step, how)
  }

  protected override killed(step: Step | undefined, code: number | undefined): HostError {
    return stageKilled(this.host, { id: this.#id, step, code, lines: this.tail(12) })
  }

  protected override read(step: Step | undefined, text: string): string {
    this.#running = step
    return this.#status.read(text)
  }

  protected override unread(): string {
    return this.#status.rest()
  }

  protected override printed(step: Step | undefined, text: string): void {
    const resource = step ? described(step).resource : 'test'
    this.#emit({ event: 'output', host: this.host, resource, text })
  }

  protected override other(mark: Mark): void {
    switch (mark.word) {
      case 'tested':
        if (mark.code === 0) return
        this.#candidate = []
        this.error = configRejected(this.host, this.#group(mark.index), mark, this.tail(12))
        return
      case 'before':
        if (mark.code !== 0 && this.error) this.error = failsBefore(this.error, mark.code)
        return
      case 'refused':
        this.error = setRefused(this.host, this.#group(mark.index), this.tail(12))
        return
      case 'installed':
        for (const { step, seconds } of this.#candidate.splice(0)) this.#changed(step, seconds)
        return
      case 'putback':
        this.#takeBack(mark.index)
        return
      case 'again':
        this.#again = mark.code
        return
      case 'stopped':
        this.error ??= stopped(this.host)
    }
  }

  #working(status: AptStatus): void {
    if (!this.#running) return
    const { resource } = described(this.#running)
    this.#emit({ event: 'working', host: this.host, resource, ...status })
  }

  #changed(step: Step, seconds: number): void {
    this.done.push(step)
    this.#emit({ event: 'changed', host: this.host, seconds, ...described(step) })
  }

  #takeBack(index: number): void {
    const { set, steps } = this.#group(index)
    const gone = new Set(steps)
    this.done.splice(0, this.done.length, ...this.done.filter(step => !gone.has(step)))
    const name = set?.name ?? 'the files'
    this.#putBack.push(name)
    const message = `${name}: the files were restored`
    this.#emit({ event: 'warning', host: this.host, message })
  }

  #group(index: number): ReturnType<typeof transactions>[number] {
    const group = this.#groups[index]
    if (!group) throw new Error(`a stage of ${this.#groups.length} groups marked group ${index}`)
    return group
  }
}

/** The files that are on the host now fail the test too: it does not tell which of the two is at fault. */
function failsBefore(error: HostError, code: number): HostError {
  const where = error.where ?? ''
  // Source: POSIX shell, exit status of a command that is not found or can't be run; dash ends with 2 at a syntax error.
  const hint =
    code === 126 || code === 127
      ? `The test itself can’t run. Fix the test of the set in ${where}. Nothing on the host was changed.`
      : `The present files on the host fail the same test and were not changed. Either they were broken before this run, or the test is wrong: run it on the host by hand, then fix the files or the test in ${where}.`
  return new HostError(error.code, error.message, { where, lines: error.lines, hint })
}
