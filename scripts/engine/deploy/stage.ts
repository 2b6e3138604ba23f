import { randomBytes } from 'node:crypto'
import type { Connection } from '#engine/connection/connection.ts'
import { runDetached, stopFile } from '#engine/converge/detached.ts'
import { type Mark, markReader } from '#engine/converge/marks.ts'
import { HostError } from '#engine/errors.ts'
import type { Emit } from '#engine/output/events.ts'
import { type StageContext, type Step, stepsScript, switchName } from './steps.ts'

/** How a stage ended on a host. */
export interface Staged {
  /** The steps that were done, in order. */
  readonly done: readonly string[]
  /** The step that it was at when it ended otherwise. */
  readonly at: string | undefined
  /** The release was made live in it, for however long. */
  readonly switched: boolean
  readonly error: HostError | undefined
}

export interface StageOptions {
  /** Of the run and the stage: the name of its folder on the host. */
  readonly id: string
  readonly emit: Emit
  /** Once aborted, the stage ends before the switch. */
  readonly stop: AbortSignal
  readonly reconnect: () => Promise<Connection>
}

/** Runs steps on a host, detached from the connection, and tells each as it begins and ends. */
export async function runStage(
  connection: Connection,
  steps: readonly Step[],
  context: StageContext,
  options: StageOptions,
): Promise<Staged> {
  const nonce = randomBytes(16).toString('hex')
  const { id, stop, reconnect } = options
  const story = new Story(connection.host, context, steps, options)
  await runDetached(connection, {
    id,
    script: stepsScript(steps, context, { nonce, stopFile: stopFile(id) }),
    onOutput: markReader(nonce, mark => story.on(mark)),
    stop,
    reconnect,
  })
  return story.ending()
}

/** The code of the error when a step failed: `step-stand-down`. */
export function codeOf(step: string): string {
  return `step-${step.replaceAll(' ', '-')}`
}

class Story {
  readonly #done: string[] = []
  readonly #host: string
  readonly #release: string
  readonly #steps: readonly Step[]
  readonly #options: StageOptions
  #running: { readonly step: Step; readonly began: number } | undefined
  #text = ''
  #note: string | undefined
  #switched = false
  #error: HostError | undefined
  #code: number | undefined

  constructor(host: string, context: StageContext, steps: readonly Step[], options: StageOptions) {
    this.#host = host
    this.#release = context.release
    this.#steps = steps
    this.#options = options
  }

  on(mark: Mark): void {
    switch (mark.word) {
      case 'text':
        this.#text += mark.text
        return
      case 'begin':
        this.#begin(this.#step(mark.index))
        return
      case 'note':
        this.#note = mark.text
        if (this.#step(mark.index).name === switchName) this.#switched = true
        return
      case 'end':
        this.#end(this.#step(mark.index), mark.code)
        return
      case 'done':
        this.#code = mark.code
    }
  }

  ending(): Staged {
    const at = this.#running?.step.name
    const switched = this.#switched || (this.#code === undefined && at === switchName)
    if (this.#error || this.#code === 0) return { done: this.#done, at, switched, error: this.#error }
    const while_ = at === undefined ? '' : ` while it was at ${at}`
    const error = new HostError('stage-killed', `${this.#host}: the deploy was ended on the host${while_}`, {
      lines: this.#tail(),
      hint: `Run again: it looks first and goes on from what it finds. The log is /var/lib/capstan/runs/${this.#options.id}/log.`,
    })
    return { done: this.#done, at, switched, error }
  }

  #begin(step: Step): void {
    this.#running = { step, began: performance.now() }
    this.#text = ''
    this.#note = undefined
    this.#options.emit({ event: 'step', host: this.#host, step: step.name, state: 'begun' })
  }

  #end(step: Step, code: number): void {
    const seconds = (performance.now() - (this.#running?.began ?? 0)) / 1000
    const { emit } = this.#options
    if (code === 0) {
      this.#running = undefined
      this.#done.push(step.name)
      const note = !this.#note ? {} : { note: this.#note }
      emit({ event: 'step', host: this.#host, step: step.name, state: 'done', seconds, ...note })
      if (this.#text.trim() !== '')
        emit({ event: 'output', host: this.#host, resource: step.name, text: this.#text.trim() })
      return
    }
    if (step.soft) {
      this.#running = undefined
      const message = [`${step.name} ended with ${code}; the release is live all the same`, ...this.#tail()]
      emit({ event: 'warning', host: this.#host, message: message.join('\n') })
      return
    }
    this.#error = new HostError(codeOf(step.name), `${this.#host}: ${this.#release}: ${step.name} failed`, {
      lines: this.#tail(),
    })
  }

  #tail(): readonly string[] {
    return this.#text.trimEnd().split('\n').filter(Boolean).slice(-24)
  }

  #step(index: number): Step {
    const step = this.#steps[index]
    if (!step) throw new Error(`a stage of ${this.#steps.length} steps marked step ${index}`)
    return step
  }
}
