import { HostError } from '#engine/errors.ts'
import type { Emit } from '#engine/output/events.ts'
import { configRejected, setRefused, stageKilled, stepFailed, stopped } from './failures.ts'
import type { Mark } from './marks.ts'
import { described, type Step, transactions } from './plan.ts'

/** Turns the marks of a stage into events, and remembers what was done. */
export class StageStory {
  /** Steps that were done and stay done, in order. */
  readonly done: Step[] = []
  /** The step that ended the stage. */
  failed: Step | undefined
  readonly #host: string
  readonly #stage: readonly Step[]
  readonly #emit: Emit
  readonly #groups: ReturnType<typeof transactions>
  #error: HostError | undefined
  #running: { readonly step: Step; readonly began: number } | undefined
  // The end of what was printed since the last mark, for the error.
  #text = ''
  // Steps of a config set count only once the set is installed.
  #candidate: { readonly step: Step; readonly seconds: number }[] = []
  #putBack: string[] = []
  #again: number | undefined
  #code: number | undefined

  constructor(host: string, stage: readonly Step[], emit: Emit) {
    this.#host = host
    this.#stage = stage
    this.#emit = emit
    this.#groups = transactions(stage)
  }

  on(mark: Mark): void {
    switch (mark.word) {
      case 'text':
        this.#print(mark.text)
        return
      case 'begin':
        this.#begin(this.#step(mark.index))
        return
      case 'end':
        this.#end(this.#step(mark.index), mark.code)
        return
      case 'tested':
        if (mark.code === 0) return
        this.#candidate = []
        this.#error = configRejected(this.#host, this.#group(mark.index), mark, this.#tail())
        return
      case 'before':
        if (mark.code !== 0 && this.#error) this.#error = brokenBefore(this.#error)
        return
      case 'refused':
        this.#error = setRefused(this.#host, this.#group(mark.index), this.#tail())
        return
      case 'installed':
        for (const { step, seconds } of this.#candidate.splice(0)) this.#finished(step, seconds)
        return
      case 'putback':
        this.#takeBack(mark.index)
        return
      case 'again':
        this.#again = mark.code
        return
      case 'stopped':
        this.#error ??= stopped(this.#host)
        return
      case 'done':
        this.#code = mark.code
    }
  }

  /** The error the stage ended with, if it did. */
  ending(id: string): HostError | undefined {
    if (this.#error || this.#code === 0) return this.#error
    this.failed = this.#running?.step
    return stageKilled(this.#host, { id, step: this.failed, code: this.#code, lines: this.#tail() })
  }

  #begin(step: Step): void {
    this.#running = { step, began: performance.now() }
    this.#text = ''
    this.#emit({ event: 'changing', host: this.#host, ...described(step) })
  }

  #end(step: Step, code: number): void {
    const seconds = this.#running ? (performance.now() - this.#running.began) / 1000 : 0
    this.#running = undefined
    if (code !== 0) {
      this.failed = step
      this.#candidate = []
      this.#error = stepFailed(this.#host, step, {
        code,
        lines: this.#tail(),
        putBack: this.#putBack,
        again: this.#again,
      })
    } else if (step.type === 'resource' && step.resource.set) this.#candidate.push({ step, seconds })
    else this.#finished(step, seconds)
    this.#text = ''
  }

  #finished(step: Step, seconds: number): void {
    this.done.push(step)
    this.#emit({ event: 'changed', host: this.#host, seconds, ...described(step) })
  }

  #print(text: string): void {
    this.#text = (this.#text + text).slice(-16_384)
    if (text.trim() === '') return
    const resource = this.#running ? described(this.#running.step).resource : 'test'
    this.#emit({ event: 'output', host: this.#host, resource, text })
  }

  #takeBack(index: number): void {
    const { set, steps } = this.#group(index)
    const gone = new Set(steps)
    this.done.splice(0, this.done.length, ...this.done.filter(step => !gone.has(step)))
    const name = set?.name ?? 'the files'
    this.#putBack.push(name)
    this.#emit({
      event: 'warning',
      host: this.#host,
      message: `${name}: the files were put back as they were`,
    })
  }

  #tail(): readonly string[] {
    return this.#text.trimEnd().split('\n').filter(Boolean).slice(-12)
  }

  #group(index: number): ReturnType<typeof transactions>[number] {
    const group = this.#groups[index]
    if (!group) throw new Error(`a stage of ${this.#groups.length} groups marked group ${index}`)
    return group
  }

  #step(index: number): Step {
    const step = this.#stage[index]
    if (!step) throw new Error(`a stage of ${this.#stage.length} steps marked step ${index}`)
    return step
  }
}

function brokenBefore(error: HostError): HostError {
  return new HostError(error.code, error.message, {
    where: error.where ?? '',
    lines: error.lines,
    hint: 'The files that are on the host now fail the same test: something was broken there before this run, which left them as they were. Mend that first.',
  })
}
