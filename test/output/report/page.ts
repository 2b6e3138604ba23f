import { join } from 'node:path'
import type { Event } from '#engine/output/events.ts'
import { type Collected, collectRun } from '#engine/output/report/collect.ts'
import { reportJson } from '#engine/output/report/data.ts'
import { headline } from '#engine/output/report/headline.ts'

const folder = join(import.meta.dirname, '../../../scripts/engine/output/report/page')

/** A part of the page's script, which is plain JavaScript. */
export function pagePart(name: string) {
  return import(join(folder, name))
}

/** The events of a run put together, one a second. */
export function collected(events: readonly Event[]): Collected {
  const run = collectRun()
  for (const [index, event] of events.entries()) run.on(event, index * 1000)
  return run.collected()
}

/** The JSON of a report of these events. */
export function jsonOf(events: readonly Event[], end: 'end' | NodeJS.Signals = 'end'): string {
  const run = collected(events)
  return reportJson(run, headline(run, end), { began: '2026-11-27T22:12:00.000Z', ms: 61_000 })
}

/** What the page shows of it. */
export async function shown(events: readonly Event[], end?: 'end' | NodeJS.Signals): Promise<Shown> {
  const { decode } = await pagePart('data.js')
  return decode(JSON.parse(jsonOf(events, end)))
}

interface Shown {
  readonly title: string
  readonly outcome: string
  readonly hosts: readonly {
    readonly name: string
    readonly state: string
    readonly doing: string
    readonly spans: readonly unknown[]
    readonly ok: number
  }[]
  readonly rows: readonly ShownRow[]
  readonly errors: readonly unknown[]
  readonly releases: readonly unknown[]
  readonly warnings: readonly unknown[]
  readonly notes: readonly string[]
}

interface ShownRow {
  readonly host: string
  readonly role: string
  readonly resource: string
  readonly status: string
  readonly where: string
  readonly why?: string
  readonly at: number
  readonly took: number
  readonly printed?: string
  readonly detail?: { readonly summary: string; readonly values: unknown; readonly diffs: readonly string[] }
}
