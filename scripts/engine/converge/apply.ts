import { randomBytes } from 'node:crypto'
import type { Connection } from '#engine/connection/connection.ts'
import { HostError } from '#engine/errors.ts'
import type { Emit } from '#engine/output/events.ts'
import { runDetached } from './detached.ts'
import { type Mark, markReader } from './marks.ts'
import { described, type Step, transactions } from './plan.ts'
import { stageScript } from './stage.ts'

export interface Applied {
  /** Steps that were done and stay done, in order. */
  readonly done: readonly Step[]
  /** Why the stage stopped before its end. */
  readonly error: HostError | undefined
}

/** Carries out one stage on the host, telling each step as it begins and ends. */
export async function applyStage(
  connection: Connection,
  reconnect: () => Promise<Connection>,
  stage: readonly Step[],
  options: { readonly id: string; readonly emit: Emit },
): Promise<Applied> {
  const nonce = randomBytes(16).toString('hex')
  const { host } = connection
  const story = new StageStory(host, stage, options.emit)
  await runDetached(connection, reconnect, {
    id: options.id,
    script: stageScript(stage, nonce),
    onOutput: markReader(nonce, mark => story.on(mark)),
  })
  return { done: story.done, error: story.ending(options.id) }
}

/** Turns the marks of a stage into events, and remembers what was done. */
class StageStory {
  readonly done: Step[] = []
  readonly #host: string
  readonly #stage: readonly Step[]
  readonly #emit: Emit
  readonly #groups: ReturnType<typeof transactions>
  #error: HostError | undefined
  #running: { readonly step: Step; readonly began: number } | undefined
  #text: string[] = []
  // Steps of a config set count only once the set is installed.
  #candidate: { readonly step: Step; readonly seconds: number }[] = []
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
        this.#text.push(mark.text)
        return
      case 'begin':
        this.#begin(this.#step(mark.index))
        return
      case 'end':
        this.#end(this.#step(mark.index), mark.code)
        return
      case 'tested':
        if (mark.code !== 0) this.#error = this.#rejected(mark.index, mark.code)
        return
      case 'before':
        if (mark.code !== 0 && this.#error) this.#error = brokenBefore(this.#error)
        return
      case 'installed':
        for (const { step, seconds } of this.#candidate.splice(0)) this.#finished(step, seconds)
        return
      case 'putback':
        this.#putBack(mark.index)
        return
      case 'done':
        this.#code = mark.code
    }
  }

  /** The error the stage ended with, if it did. */
  ending(id: string): HostError | undefined {
    if (this.#error || this.#code === 0) return this.#error
    const doing = this.#running ? ` while it was at ${described(this.#running.step).resource}` : ''
    return new HostError(
      'stage-killed',
      `${this.#host}: the run was ended on the host${doing}${this.#code === undefined ? '' : ` (${this.#code})`}`,
      {
        lines: this.#tail(),
        hint: `Run again: it looks first and goes on from what it finds. The log is /var/lib/capstan/runs/${id}/log.`,
      },
    )
  }

  #begin(step: Step): void {
    this.#running = { step, began: performance.now() }
    this.#text = []
    this.#emit({ event: 'changing', host: this.#host, ...described(step) })
  }

  #end(step: Step, code: number): void {
    const seconds = this.#running ? (performance.now() - this.#running.began) / 1000 : 0
    this.#running = undefined
    this.#flushText(step)
    if (code !== 0) this.#error = this.#failed(step, code)
    else if (step.type === 'resource' && step.resource.set) this.#candidate.push({ step, seconds })
    else this.#finished(step, seconds)
  }

  #finished(step: Step, seconds: number): void {
    this.done.push(step)
    this.#emit({ event: 'changed', host: this.#host, seconds, ...described(step) })
  }

  #flushText(step: Step): void {
    const text = this.#text.join('')
    if (text.trim() === '') return
    this.#emit({ event: 'output', host: this.#host, resource: described(step).resource, text })
  }

  #putBack(index: number): void {
    const steps = new Set(this.#groups[index]?.steps)
    for (let at = this.done.length - 1; at >= 0; at--)
      if (steps.has(this.done[at] as Step)) this.done.splice(at, 1)
    const set = this.#groups[index]?.set
    this.#emit({
      event: 'warning',
      host: this.#host,
      message: `${set?.name ?? 'the files'} were put back as they were`,
    })
  }

  #failed(step: Step, code: number): HostError {
    const { resource, role, where } = described(step)
    return new HostError('step-failed', `${this.#host}: ${resource} ended with ${code}`, {
      where: `${where} (role ${role})`,
      lines: this.#tail(),
      hint:
        step.type === 'handler'
          ? 'Mend what the lines above name and run again; the handler is owed until it has run.'
          : 'What came before it is done, nothing after it was begun. Mend it and run again.',
    })
  }

  #rejected(index: number, code: number): HostError {
    const group = this.#groups[index]
    const { set, steps = [] } = group ?? {}
    const members = steps.map(step => described(step))
    const first = members[0]
    this.#candidate = []
    return new HostError(
      'config-rejected',
      `${this.#host}: ${set?.name ?? 'the configuration'}: \`${set?.test.trim() ?? ''}\` ended with ${code}`,
      {
        where: `${first?.where ?? ''} (role ${set?.role ?? ''})`,
        lines: [
          ...this.#tail(),
          ...members.map(({ resource, where }) => `would have changed: ${resource}  ${where}`),
        ],
        hint: `Nothing below ${set?.root ?? ''} was touched: the test ran on a copy. Mend the template or its vars and run again.`,
      },
    )
  }

  #tail(): readonly string[] {
    return this.#text.join('').trimEnd().split('\n').filter(Boolean).slice(-12)
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
    hint: 'The files that are on the host now fail the same test: something was broken there before this run. Mend that first; this run touched nothing.',
  })
}
