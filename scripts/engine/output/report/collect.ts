import { UnreachableError } from '#engine/errors.ts'
import { followActivities } from '../activity.ts'
import { type ErrorText, read } from '../errors.ts'
import type { Event, ReleaseReport } from '../events.ts'
import { collectDetails } from './details.ts'
import { HostCollector, type ReportedHost } from './host.ts'
import { collectPrintedTexts } from './printed.ts'

export interface ReportedError extends ErrorText {
  readonly host: string | undefined
  readonly at: number
  readonly isUnreachable: boolean
}

/** All that a report shows. A deploy of several sites is several runs. */
export interface Collected {
  readonly runs: readonly (Event & { readonly event: 'run' })[]
  readonly hosts: readonly ReportedHost[]
  readonly errors: readonly ReportedError[]
  readonly warnings: readonly { readonly host: string | undefined; readonly message: string }[]
  readonly releases: readonly ReleaseReport[]
  readonly notes: readonly string[]
  /** What goes on now. */
  readonly doing: readonly { readonly host: string | undefined; readonly what: string }[]
}

export interface Collector {
  /** `now` in ms since the run began. */
  on(event: Event, now: number): void
  collected(): Collected
}

/** Puts the events of a run together. */
export function collectRun(): Collector {
  const activities = followActivities()
  const details = collectDetails()
  const texts = collectPrintedTexts()
  const hosts = new Map<string, HostCollector>()
  const runs: (Event & { event: 'run' })[] = []
  const errors: ReportedError[] = []
  const warnings: { host: string | undefined; message: string }[] = []
  const releases: ReleaseReport[] = []
  const notes: string[] = []

  function of(name: string, now: number): HostCollector {
    const known = hosts.get(name) ?? new HostCollector(name, now, details, texts)
    hosts.set(name, known)
    return known
  }

  return {
    on(event, now) {
      activities.on(event, now)
      if (event.event === 'run') {
        runs.push(event)
        for (const name of event.hosts) of(name, now)
      } else if (event.event === 'warning')
        warnings.push({
          host: event.host,
          message: [event.message, event.hint].filter(Boolean).join('\n'),
        })
      else if (event.event === 'note') notes.push(event.message)
      else if (event.event === 'release') {
        releases.push(event)
        for (const host of hosts.values()) host.nameSteps(`${event.how} ${event.app}`)
      } else if (event.event === 'recap')
        for (const [name, recap] of Object.entries(event.hosts)) of(name, now).addRecap(recap)
      else if (event.event === 'failed') {
        const isUnreachable = event.error instanceof UnreachableError
        errors.push({ ...read(event.error), host: event.host, at: now, isUnreachable })
        if (event.host !== undefined) of(event.host, now).failed(event.error, now)
      } else if ('host' in event && event.host !== undefined) of(event.host, now).on(event, now)
    },
    collected: () => ({
      runs: [...runs],
      hosts: [...hosts.values()],
      errors: [...errors],
      warnings: [...warnings],
      releases: [...releases],
      notes: [...notes],
      doing: activities.list(),
    }),
  }
}
