import type { HostError } from '#engine/errors.ts'
import type { Mark } from './marks.ts'

/** Turns the marks of a stage into events, and keeps what was done. One for each stage. */
export abstract class StageReporter<Step> {
  /** Steps that were done and stay done, in order. */
  readonly done: Step[] = []
  /** The step at which the stage ended; absent where it was not one alone. */
  failed: Step | undefined
  protected readonly host: string
  protected error: HostError | undefined
  readonly #steps: readonly Step[]
  #running: { readonly step: Step; readonly began: number } | undefined
  #text = ''
  #note: string | undefined
  #code: number | undefined

  constructor(host: string, steps: readonly Step[]) {
    this.host = host
    this.#steps = steps
  }

  on(mark: Mark): void {
    switch (mark.word) {
      case 'text':
        this.#keep(this.read(this.#running?.step, mark.text))
        return
      case 'begin':
        this.#text = ''
        this.#note = undefined
        this.#running = { step: this.step(mark.index), began: performance.now() }
        this.begun(this.#running.step)
        return
      case 'note':
        this.#note = mark.text
        this.noted(this.step(mark.index))
        return
      case 'end':
        this.#keep(this.unread())
        this.#end(this.step(mark.index), mark.code)
        return
      case 'done':
        this.#code = mark.code
        return
      default:
        this.other(mark)
    }
  }

  /** The error that the stage ended with; undefined: it came to its end. */
  ending(): HostError | undefined {
    if (this.error || this.#code === 0) return this.error
    this.failed = this.#running?.step
    return this.killed(this.failed, this.#code)
  }

  protected abstract begun(step: Step): void
  protected abstract finished(step: Step, seconds: number, note: string | undefined): void
  /** The error of a step that exited with another code than 0; undefined: the stage goes on after it. */
  protected abstract stepFailed(step: Step, code: number): HostError | undefined
  /** The error of a stage that ended without saying so: it was killed, or its disk is full. */
  protected abstract killed(step: Step | undefined, code: number | undefined): HostError
  protected abstract printed(step: Step | undefined, text: string): void
  /** Gives what is to be kept and shown of a text; `unread` what was held back of it, at the step's end. */
  protected read(_step: Step | undefined, text: string): string {
    return text
  }
  protected unread(): string {
    return ''
  }
  protected noted(_step: Step): void {}
  protected other(_mark: Mark): void {}

  /** The last lines that the step printed, or what was printed since. */
  protected tail(lines: number): readonly string[] {
    const all = this.#text.trimEnd().split('\n').filter(Boolean).slice(-lines)
    return all.map(line => (line.length > lineLength ? `${line.slice(0, lineLength)}…` : line))
  }

  protected step(index: number): Step {
    const step = this.#steps[index]
    if (step === undefined) throw new Error(`a stage of ${this.#steps.length} steps marked step ${index}`)
    return step
  }

  #keep(text: string): void {
    this.#text = (this.#text + text).slice(-tailLength)
    if (text.trim() !== '') this.printed(this.#running?.step, text)
  }

  #end(step: Step, code: number): void {
    const seconds = this.#running ? (performance.now() - this.#running.began) / 1000 : 0
    this.#running = undefined
    if (code === 0) {
      this.finished(step, seconds, this.#note)
    } else {
      const error = this.stepFailed(step, code)
      if (error) this.failed = step
      this.error ??= error
    }
    this.#text = ''
  }
}

// Characters of output that are kept for an error, and of one line that is shown.
const tailLength = 65_536
const lineLength = 500
