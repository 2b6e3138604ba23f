import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import type { Connection } from '#engine/connection/connection.ts'
import { HostError } from '#engine/errors.ts'
import { quote } from '#engine/quote.ts'

export interface LogOptions {
  /** As journalctl reads it: `1 hour ago`, `2026-11-27 09:00`. */
  readonly since: string | undefined
  /** Lines at most, the last ones. */
  readonly lines: number
  readonly follow: boolean
}

/** One line that the app, a worker or a hook of it has written. */
export interface LogLine {
  /** Microseconds since 1970. */
  readonly at: number
  readonly host: string
  /** What wrote it: `20261127T090507Z-b744ab2`, `mail 20261127T090507Z-b744ab2`, `migrate`. */
  readonly by: string
  readonly text: string
}

/** Reads the log of an app on a host, and goes on with what is added to it until `stop`, where it follows. Throws HostError `no-log`. */
export async function readLog(
  connection: Connection,
  { host, app, ...options }: LogOptions & { readonly host: string; readonly app: string },
  tell: (line: LogLine) => void,
  stop: AbortSignal,
): Promise<void> {
  const child = await connection.start(script(app, options), { shell: 'sh' })
  child.stdin.end()
  const complaint = text(child.stderr)
  const end = () => void child.kill('SIGTERM')
  stop.addEventListener('abort', end)
  for await (const line of createInterface({ input: child.stdout })) {
    const entry = readEntry(line)
    if (entry) tell({ host, by: writer(app, entry.UNIT ?? entry._SYSTEMD_UNIT ?? ''), ...timed(entry) })
  }
  stop.removeEventListener('abort', end)
  if (stop.aborted) return
  const { exitCode } = await child.ended
  if (exitCode === 0) return
  throw new HostError('no-log', `${host}: journalctl ended with ${exitCode}`, {
    lines: (await complaint).split('\n').filter(Boolean).slice(-5),
    hint: 'A time for --since is such as "1 hour ago", "yesterday" or "2026-11-27 09:00".',
  })
}

/** Shows lines of several hosts in the order of their time: those of a moment are held until the moment has passed. */
export class MergedLog {
  readonly #show: (line: LogLine) => void
  #waiting: LogLine[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(show: (line: LogLine) => void) {
    this.#show = show
  }

  /** `patience`: milliseconds that lines of other hosts are waited for; undefined: until `flush`. */
  add(line: LogLine, patience?: number): void {
    this.#waiting.push(line)
    if (patience !== undefined) this.#timer ??= setTimeout(() => this.flush(), patience)
  }

  /** Shows all that is waiting; of more than `last` lines the last ones. */
  flush(last = Number.POSITIVE_INFINITY): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const lines = this.#waiting.sort((a, b) => a.at - b.at)
    this.#waiting = []
    for (const line of lines.slice(Math.max(0, lines.length - last))) this.#show(line)
  }
}

function script(app: string, { since, lines, follow }: LogOptions): string {
  // An app's name has no dot: `blog.*@*` are the workers of blog.
  const units = [`${app}@*.service`, `${app}.*@*.service`, `capstan-*-${app}.service`]
  const flags = [
    ...units.flatMap(unit => ['-u', quote(unit)]),
    ...(since === undefined ? [] : ['--since', quote(since)]),
    ...['-n', since === undefined ? String(lines) : 'all', ...(follow ? ['-f'] : [])],
  ]
  return `exec journalctl -q -o json --no-pager --output-fields=MESSAGE,_SYSTEMD_UNIT,UNIT ${flags.join(' ')}\n`
}

interface Entry {
  readonly __REALTIME_TIMESTAMP?: string
  readonly _SYSTEMD_UNIT?: string
  /** The unit that systemd itself tells of. */
  readonly UNIT?: string
  /** Bytes, where it is no text. */
  readonly MESSAGE?: string | readonly number[] | null
}

function readEntry(line: string): Entry | undefined {
  try {
    return JSON.parse(line) as Entry
  } catch {
    return undefined
  }
}

function timed({ __REALTIME_TIMESTAMP: at, MESSAGE: said }: Entry): Pick<LogLine, 'at' | 'text'> {
  const line = typeof said === 'string' ? said : Buffer.from(said ?? []).toString()
  return { at: Number(at), text: line }
}

function writer(app: string, unit: string): string {
  const name = unit.replace(/\.service$/, '')
  if (name.startsWith('capstan-')) return name.slice('capstan-'.length, -app.length - 1)
  const [what = '', release = ''] = name.split('@')
  return [what.slice(app.length + 1), release].filter(Boolean).join(' ')
}
