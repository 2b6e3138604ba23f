import { type Activities, type Activity, followActivities } from '#engine/output/activity.ts'
import { type ErrorText, read } from '#engine/output/errors.ts'
import type { Event, HostRecap, PlannedChange, ReleaseReport } from '#engine/output/events.ts'

/** A change as the summary shows it. */
export interface ReportedChange extends PlannedChange {
  readonly host: string
  readonly seconds: number | undefined
}

export interface ReportedStep {
  readonly host: string
  readonly step: string
  readonly seconds: number | undefined
  readonly note: string | undefined
}

export interface ReportedError extends ErrorText {
  readonly host: string | undefined
}

/** A run as its summary needs it: all events so far, put together. */
export interface RunReport {
  readonly command: string
  readonly inventory: string | undefined
  readonly hosts: readonly string[]
  readonly check: boolean
  readonly changes: readonly ReportedChange[]
  readonly steps: readonly ReportedStep[]
  readonly errors: readonly ReportedError[]
  readonly warnings: readonly { readonly host: string | undefined; readonly message: string }[]
  readonly release: ReleaseReport | undefined
  /** Absent: the run did not come to its end. */
  readonly recap: Readonly<Record<string, HostRecap>> | undefined
  /** What is going on now. */
  readonly doing: readonly Activity[]
}

export interface ReportCollector {
  on(event: Event, now: number): void
  report(): RunReport
}

/** Puts events together; `activities` may be shared with a printer that follows them itself. */
export function collectReport(activities: Activities = followActivities()): ReportCollector {
  const changes: ReportedChange[] = []
  const steps: ReportedStep[] = []
  const errors: ReportedError[] = []
  const warnings: { host: string | undefined; message: string }[] = []
  let run: (Event & { event: 'run' }) | undefined
  let release: ReleaseReport | undefined
  let recap: RunReport['recap']

  return {
    on(event, now) {
      activities.on(event, now)
      if (event.event === 'run') run = event
      else if (event.event === 'changed') changes.push(event)
      else if (event.event === 'planned') changes.push({ ...event, seconds: undefined })
      else if (event.event === 'failed') errors.push({ ...read(event.error), host: event.host })
      else if (event.event === 'warning') warnings.push({ host: event.host, message: event.message })
      else if (event.event === 'release') release = event
      else if (event.event === 'recap') recap = event.hosts
      else if (event.event === 'step' && event.state !== 'begun')
        steps.push({ host: event.host, step: event.step, seconds: event.seconds, note: event.note })
    },
    report: () => ({
      command: run?.command ?? 'run',
      inventory: run?.inventory,
      hosts: run?.hosts ?? [],
      check: run?.check ?? false,
      changes: [...changes],
      steps: [...steps],
      errors: [...errors],
      warnings: [...warnings],
      release,
      recap,
      doing: activities.list(),
    }),
  }
}
