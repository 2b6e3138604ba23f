import { withoutCommands } from '#engine/output/actions.ts'
import { activitySummary, followActivities } from '#engine/output/activity.ts'
import { oneLine } from '#engine/output/clean.ts'
import { duration, elapsed } from '#engine/output/duration.ts'
import { atEnd } from '#engine/output/end.ts'
import type { Event } from '#engine/output/events.ts'
import { eventLines } from '#engine/output/lines.ts'
import { paintFor } from '#engine/output/paint.ts'
import type { Printer, PrinterOptions } from '#engine/output/printer.ts'
import { dueReminders } from '#engine/output/reminders.ts'
import { mask, maskedForms } from '#engine/secret.ts'
import { annotationsOf } from './annotations.ts'
import { openLanes } from './lanes.ts'
import { collectReport, type RunReport } from './run-report.ts'
import { summarize } from './summary.ts'
import { summaryFile } from './summary-file.ts'

/**
 * For a step of GitHub Actions: a group for each host and role or step, errors as annotations where they are in
 * the user's files, the outputs `changed`, `release`, `previous` and `url`, and a job summary, which is there
 * also when the run is cancelled. Every secret is masked by the runner before the first line is printed.
 */
export function githubPrinter(
  core: typeof import('@actions/core'),
  { stream, verbosity = 0, diff = false, env = process.env }: PrinterOptions,
): Printer {
  const paint = paintFor({ ...stream, isTTY: true }, env)
  // What a group holds is out of sight until it is opened, so it holds more.
  const linesOf = eventLines({ verbosity: Math.max(verbosity, 2), diff, paint, env }).of
  const activities = followActivities()
  const due = dueReminders(activities)
  const collector = collectReport(activities)
  const summary = summaryFile(env)
  const began = performance.now()
  const masked = new Set<string>()
  const lanes = openLanes({
    lines: lines => stream.write(`${lines.map(withoutCommands).join('\n')}\n`),
    open: title => core.startGroup(title),
    close: () => core.endGroup(),
  })
  const working = new Map<string, Working>()
  let signal: NodeJS.Signals | undefined
  let check = false
  let closed = false
  maskNew()

  function maskNew(): void {
    for (const form of maskedForms()) {
      if (masked.has(form)) continue
      masked.add(form)
      core.setSecret(form)
    }
  }

  function on(event: Event): void {
    maskNew()
    collector.on(event, Date.now())
    const lines = linesOf(event)
    const host = 'host' in event && event.host !== undefined ? event.host : ''
    switch (event.event) {
      case 'ok':
      case 'skipped':
        lanes.within(host, `${host}  as declared`, lines)
        break
      case 'changing':
        begin(host, event.role)
        break
      case 'planned':
      case 'changed':
        begin(host, event.role).changes += 1
        lanes.within(host, `${host}  ${event.role}`, lines)
        break
      case 'output':
        lanes.within(host, `${host}  ${working.get(host)?.role ?? event.resource}`, lines)
        break
      case 'failed':
        end(host)
        lanes.tell(host, lines)
        for (const { message, properties } of annotationsOf(event.error, event.host))
          core.error(mask(message), properties)
        break
      case 'warning':
      case 'progress':
      case 'step':
      case 'finished':
        end(host)
        lanes.tell(host, lines)
        break
      case 'note':
      case 'recap':
      case 'run':
        check ||= event.event === 'run' && event.check
        endAll()
        lanes.tell('', lines)
        break
      case 'release':
      case 'working':
      case 'waiting':
        break
      default:
        lanes.tell(host, lines)
    }
  }

  function begin(host: string, role: string): Working {
    const running = working.get(host)
    if (running?.role === role) return running
    end(host)
    const begun = { role, since: performance.now(), changes: 0 }
    working.set(host, begun)
    return begun
  }

  /** Ends a role's group, and says below it what is in it. */
  function end(host: string): void {
    const done = working.get(host)
    working.delete(host)
    lanes.close(host)
    if (!done) return
    const time = duration((performance.now() - done.since) / 1000)
    const what = done.changes === 1 ? '1 change' : `${done.changes} changes`
    lanes.tell(host, [`${host}  ${done.role}  ${check ? `${what} to make` : `${what}  ${time}`}`])
  }

  function endAll(): void {
    for (const host of working.keys()) end(host)
    lanes.closeAll()
  }

  function tellLong(): void {
    const now = Date.now()
    const long = due(now)
    if (long.length > 8) stream.write(`still    ${long.length} hosts: ${activitySummary(long, now)}\n`)
    else
      for (const { host = '', what, since } of long)
        stream.write(`${withoutCommands(`${oneLine(host)}  still    ${what}, for ${elapsed(since, now)}`)}\n`)
  }

  function write(): void {
    const seconds = (performance.now() - began) / 1000
    const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: name, GITHUB_ACTOR: actor } = env
    const repository = server && name ? `${server}/${name}` : undefined
    summary.write(summarize(collector.report(), { diff, seconds, signal, repository, actor }))
  }

  const timer = setInterval(tellLong, 1000)
  timer.unref()
  const forget = atEnd(received => {
    signal ??= received
    endAll()
    write()
  })

  return {
    on,
    close() {
      if (closed) return
      closed = true
      clearInterval(timer)
      forget()
      endAll()
      write()
      for (const [name, value] of outputsOf(collector.report())) core.setOutput(name, mask(value))
    },
  }
}

/** The role that a host is at. */
interface Working {
  readonly role: string
  readonly since: number
  changes: number
}

/** `changed` counts resources on all hosts, or with `--check` those that would change. */
function outputsOf({ recap, release }: RunReport): readonly (readonly [name: string, value: string])[] {
  const changed = Object.values(recap ?? {}).reduce((sum, one) => sum + one.changed, 0)
  return [
    ...(recap ? [['changed', String(changed)] as const] : []),
    ...(release
      ? [
          ['release', release.release ?? ''] as const,
          ['previous', release.previous ?? ''] as const,
          ['url', release.url] as const,
          ['outcome', release.outcome] as const,
        ]
      : []),
  ]
}
