import { type Activity, activitySummary, followActivities } from '#engine/output/activity.ts'
import { oneLine } from '#engine/output/clean.ts'
import { duration, elapsed } from '#engine/output/duration.ts'
import { atEnd } from '#engine/output/end.ts'
import { eventLines } from '#engine/output/lines.ts'
import { type Paint, paintFor } from '#engine/output/paint.ts'
import type { Printer, PrinterOptions } from '#engine/output/printer.ts'
import { cutTo, displayWidth, padTo, shortenLabel, shortenTo } from '#engine/output/width.ts'

const braille = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']
const ascii = ['|', '/', '-', '\\']
const interval = 100

/**
 * The live view: what is finished scrolls up, in the lines of the plain printer; below stands one line for each
 * host that is at work, with what it does and for how long, redrawn ten times a second at most. The cursor is
 * never hidden and nothing is left behind, however the process ends.
 */
export function terminalPrinter({
  stream,
  verbosity = 0,
  diff = false,
  env = process.env,
}: PrinterOptions): Printer {
  const paint = paintFor(stream, env)
  const lines = eventLines({ verbosity, diff, paint, env, columns })
  const activities = followActivities()
  // The font of the Linux console has no braille.
  const look = { paint, frames: env['TERM'] === 'linux' ? ascii : braille }
  let waiting: string[] = []
  let drawn: readonly string[] = []
  let drawnAt = Number.NEGATIVE_INFINITY
  let timer: NodeJS.Timeout | undefined

  function columns(): number {
    return stream.columns || 80
  }

  /** Writes the waiting lines above `live`, over what was drawn before. A line that wraps takes more rows. */
  function draw(live: readonly string[]): void {
    if (waiting.length === 0 && live.join('\n') === drawn.join('\n')) return
    const rows = drawn.reduce((sum, line) => sum + Math.max(1, Math.ceil(displayWidth(line) / columns())), 0)
    stream.write(`${eraseRows(rows)}${waiting.map(line => `${line}\n`).join('')}${live.join('\n')}`)
    waiting = []
    drawn = live
  }

  function redraw(): void {
    const now = Date.now()
    drawnAt = now
    draw(liveLines(activities.list(), now, { columns: columns(), rows: stream.rows || 24 }, look))
    schedule()
  }

  function schedule(): void {
    clearTimeout(timer)
    timer = undefined
    if (waiting.length === 0 && activities.list().length === 0) return
    timer = setTimeout(redraw, Math.max(0, drawnAt + interval - Date.now()))
    timer.unref()
  }

  function erase(): void {
    draw([])
  }

  const forget = atEnd(erase)

  return {
    on(event) {
      const now = Date.now()
      // Running activities are shown below; a finished one is printed above, with its seconds.
      for (const ended of activities.on(event, now)) if (ended.progress) waiting.push(...over(ended, now))
      if (event.event !== 'progress') waiting.push(...lines.of(event))
      if (timer === undefined) schedule()
    },
    beside(write) {
      erase()
      write()
      schedule()
    },
    close() {
      clearTimeout(timer)
      for (const { progress, ...left } of activities.list())
        if (progress) waiting.push(...over(left, Date.now()))
      waiting.push(...lines.rest())
      erase()
      forget()
    },
  }

  function over({ host, what, since }: Activity, now: number): readonly string[] {
    const message = `${what}  ${duration((now - since) / 1000)}`
    return lines.of({ event: 'progress', message, ...(host !== undefined && { host }) })
  }
}

/** Empties the row of the cursor and those above it. Row by row: tmux keeps what a clear to the end takes away. */
function eraseRows(rows: number): string {
  return rows === 0 ? '' : `\r\x1b[2K${'\x1b[1A\x1b[2K'.repeat(rows - 1)}`
}

// More would push what is finished out of sight; the rest are counted in one line.
const most = 10

function liveLines(
  activities: readonly Activity[],
  now: number,
  size: { readonly columns: number; readonly rows: number },
  { paint, frames }: { readonly paint: Paint; readonly frames: readonly string[] },
): readonly string[] {
  const room = Math.max(1, Math.min(most, size.rows - 3))
  const shown = activities.slice(0, activities.length > room ? room - 1 : room)
  const rest = activities.slice(shown.length)
  const frame = frames[Math.floor(now / interval) % frames.length] ?? ''
  // The last column stays free: there terminals differ in when they wrap.
  const width = size.columns - 1
  const widest = Math.max(0, ...shown.map(({ host = '' }) => displayWidth(oneLine(host))))
  const hostWidth = Math.min(widest, Math.max(8, Math.floor(size.columns / 4)))

  const lines = shown.map(({ host = '', what, since, tail }) => {
    const name = hostWidth === 0 ? '' : `${padTo(shortenTo(oneLine(host), hostWidth), hostWidth)}  `
    const line = `${name}${frame} ${elapsed(since, now).padStart(5)}  `
    const left = width - displayWidth(line)
    // A path is shortened before what is done with it is cut.
    const said = shortenLabel(
      what,
      Math.max(1, tail === undefined ? left : Math.max(24, Math.floor(left / 2))),
    )
    return paint('cyan', cutTo(`${line}${said}  ${tail ?? ''}`.trimEnd(), width))
  })
  if (rest.length === 0) return lines
  return [...lines, paint('cyan', cutTo(`${rest.length} more: ${activitySummary(rest, now)}`, width))]
}
