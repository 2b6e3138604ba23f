import { harmless } from '#engine/output/actions.ts'
import { type Activity, activitySummary, followActivities } from '#engine/output/activity.ts'
import { oneLine } from '#engine/output/clean.ts'
import { elapsed } from '#engine/output/duration.ts'
import { eventLines } from '#engine/output/lines.ts'
import { paintFor } from '#engine/output/paint.ts'
import type { Printer, PrinterOptions } from '#engine/output/printer.ts'
import { dueReminders } from '#engine/output/reminders.ts'
import { displayWidth, padTo } from '#engine/output/width.ts'

/**
 * Lines for logs and CI. A long activity is printed again after 15 s, 30 s, 60 s and then every minute, so that
 * the log shows progress.
 */
export function plainPrinter({
  stream,
  verbosity = 0,
  diff = false,
  env = process.env,
}: PrinterOptions): Printer {
  const paint = paintFor(stream, env)
  // A terminal that can't move its cursor has a width too.
  const columns = () => (stream.isTTY && stream.columns) || undefined
  const lines = eventLines({ verbosity, diff, paint, env, columns })
  const activities = followActivities()
  const due = dueReminders(activities)
  let hostWidth = 0

  function write(all: readonly string[]): void {
    if (all.length > 0) stream.write(`${all.map(line => harmless(line, env)).join('\n')}\n`)
  }

  function tellLong(): void {
    const now = Date.now()
    const long = due(now)
    if (long.length > 8)
      write([
        paint(
          'dim',
          `${' '.repeat(hostWidth)}  still    ${long.length} hosts: ${activitySummary(long, now)}`,
        ),
      ])
    else for (const activity of long) write([paint('dim', still(activity, now))])
  }

  function still({ host = '', what, since, progress, doing }: Activity, now: number): string {
    const [word, now_] = progress
      ? ['', what]
      : ['still    ', doing === undefined ? what : `${what}  ${doing}`]
    return `${padTo(oneLine(host), hostWidth)}  ${word}${now_}, for ${elapsed(since, now)}`
  }

  const timer = setInterval(tellLong, 1000)
  timer.unref()

  return {
    on(event) {
      if (event.event === 'run')
        hostWidth = Math.max(0, ...event.hosts.map(host => displayWidth(oneLine(host))))
      activities.on(event, Date.now())
      write(lines.of(event))
    },
    close() {
      clearInterval(timer)
      write(lines.rest())
    },
  }
}
