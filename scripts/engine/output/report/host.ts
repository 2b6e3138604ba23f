import { UnreachableError } from '#engine/errors.ts'
import { oneLine } from '../clean.ts'
import { read } from '../errors.ts'
import type { Event, HostFacts, HostRecap, PlannedChange } from '../events.ts'
import type { Details } from './details.ts'
import { collectPrinted, type Printed, type PrintedTexts } from './printed.ts'
import type { Row } from './row.ts'
import { addSpan, type Span } from './spans.ts'

export interface ReportedHost {
  readonly name: string
  readonly rows: Row[]
  readonly spans: Span[]
  facts: HostFacts | undefined
  /** Of all runs of the report together; undefined: none came to its end here. */
  recap: HostRecap | undefined
}

/** Puts the events of one host together. */
export class HostCollector implements ReportedHost {
  readonly name: string
  readonly rows: Row[] = []
  readonly spans: Span[] = []
  facts: HostFacts | undefined
  recap: HostRecap | undefined
  readonly #details: Details
  readonly #texts: PrintedTexts
  /** What has begun and not ended, by its resource or step. */
  readonly #open = new Map<string, { readonly at: number; readonly change?: PlannedChange }>()
  readonly #printed = new Map<string, Printed>()
  #mark: number

  constructor(name: string, now: number, details: Details, texts: PrintedTexts) {
    this.name = name
    this.#mark = now
    this.#details = details
    this.#texts = texts
  }

  on(event: Event, now: number): void {
    switch (event.event) {
      case 'connected':
        this.#span('connect', this.#mark, now)
        return
      case 'facts':
        this.facts = event.facts
        this.#span(inspecting, this.#mark, now)
        return
      case 'probed':
        this.#span(inspecting, this.#mark, now)
        return
      case 'ok':
        this.rows.push({ status: 'ok', role: event.role, resource: event.resource, where: '', at: now })
        return
      case 'skipped': {
        const begun = this.#ended(event.resource)
        const { role, resource, why } = event
        if (begun?.change === undefined)
          this.rows.push({ status: 'skipped', role, resource, where: '', why, at: now })
        else
          this.rows.push({
            ...this.#change(begun.change),
            status: 'incomplete',
            why: unconfirmed,
            at: begun.at,
          })
        return
      }
      case 'planned': {
        const status = event.unknown ? 'may change' : event.handler ? 'would run' : 'would change'
        this.rows.push({ ...this.#change(event), status, why: event.unknown, at: now })
        return
      }
      case 'changing':
        this.#open.set(event.resource, { at: now, change: event })
        return
      case 'changed': {
        const at = this.#ended(event.resource)?.at ?? now - event.seconds * 1000
        this.rows.push({ ...this.#change(event), status: 'changed', at, took: event.seconds * 1000 })
        this.#span(event.role, at, now)
        return
      }
      case 'step':
        this.#step(event, now)
        return
      case 'output': {
        const printed = this.#printed.get(event.resource) ?? collectPrinted()
        this.#printed.set(event.resource, printed)
        printed.add(event.text)
        return
      }
      case 'waiting':
        this.#mark = now
    }
  }

  #step({ step, state, seconds, note, readOnly }: Event & { readonly event: 'step' }, now: number): void {
    if (state === 'begun') {
      this.#open.set(step, { at: now })
      return
    }
    const took = seconds === undefined ? undefined : seconds * 1000
    const at = this.#ended(step)?.at ?? now - (took ?? 0)
    const row = { role: steps, resource: step, where: '', why: note, at, took, printed: this.#linesOf(step) }
    this.rows.push({ ...row, status: state === 'planned' ? 'would do' : readOnly ? 'ok' : 'done' })
    if (state === 'done') this.#span(step, at, now)
  }

  failed(error: unknown, now: number): void {
    const { message, where = '' } = read(error)
    const why = message.startsWith(`${this.name}: `) ? message.slice(this.name.length + 2) : message
    const status = error instanceof UnreachableError ? 'unreachable' : 'failed'
    const [resource, begun] = [...this.#open].at(-1) ?? ['']
    const role = begun?.change?.role ?? /^roles\/([^/]+)\//.exec(where)?.[1] ?? (begun ? steps : '')
    const at = begun?.at ?? this.#mark
    const took = begun === undefined ? undefined : now - at
    const printed = this.#linesOf(resource)
    const known = { ...this.#change(begun?.change), ...(where === '' ? {} : { where }), printed }
    this.rows.push({ ...known, status, role, resource, why, at, took })
    const label = role === steps ? resource : role || (status === 'unreachable' ? 'connect' : inspecting)
    this.#span(label, at, now, true)
    this.#open.clear()
  }

  addRecap(recap: HostRecap): void {
    const before = this.recap
    const names = Object.keys(recap) as (keyof HostRecap)[]
    const sums = names.map(name => [name, recap[name] + (before?.[name] ?? 0)])
    this.recap = Object.fromEntries(sums) as unknown as HostRecap
  }

  /** Which release they are of is known at its end. */
  nameSteps(role: string): void {
    for (const [index, row] of this.rows.entries())
      if (row.role === steps) this.rows[index] = { ...row, role }
  }

  #ended(resource: string) {
    const begun = this.#open.get(resource)
    this.#open.delete(resource)
    return begun
  }

  #change(change: PlannedChange | undefined) {
    if (change === undefined) return { role: '', resource: '', where: '' }
    const { role, resource, where, handler, differences } = change
    const printed = this.#linesOf(resource)
    return {
      ...{ role, resource, where, detail: this.#details.of(resource, differences), printed },
      ...(handler ? { why: 'handler' } : {}),
    }
  }

  #linesOf(resource: string): readonly string[] | undefined {
    const lines = this.#printed.get(resource)?.lines() ?? []
    this.#printed.delete(resource)
    return this.#texts.keep(lines)
  }

  #span(label: string, from: number, to: number, isFailed = false): void {
    addSpan(this.spans, { label: oneLine(label), from, to, isFailed })
    this.#mark = to
  }
}

const unconfirmed = 'it began, and was not confirmed: see the failure of this host'
const inspecting = 'inspect'
const steps = 'steps'
