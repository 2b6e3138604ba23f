import { type LogLine, MergedLog, readLog } from '#engine/app/log.ts'
import { appProcesses, processTable } from '#engine/app/processes.ts'
import { harmless } from '#engine/output/actions.ts'
import { cleanLines } from '#engine/output/clean.ts'
import { jsonLine } from '#engine/output/json.ts'
import type { Environment } from '#engine/output/printer.ts'
import type { ReachableHost } from '#engine/run/reach.ts'
import { mask } from '#engine/secret.ts'
import type { CommandInput } from './main.ts'

/** Prints the log of an app on all hosts by time, and what is added to it until ^C where it follows. */
export async function showLogs(
  ways: readonly ReachableHost[],
  app: string,
  {
    since,
    lines,
    follow,
    json,
  }: {
    readonly since?: string | undefined
    readonly lines: number
    readonly follow: boolean
    readonly json: boolean
  },
  { stdout, environment }: CommandInput,
): Promise<number> {
  const isNamed = ways.length > 1
  const show = (line: LogLine) =>
    stdout.write(`${json ? jsonLine(line) : shown(line, isNamed, environment)}\n`)
  const merged = new MergedLog(show)
  const stop = new AbortController()
  const end = () => stop.abort()
  process.once('SIGINT', end).once('SIGTERM', end)
  // Nobody reads any more.
  stdout.on?.('error', end)
  await Promise.all(
    ways.map(async way => {
      const connection = await way.connect()
      const add = (line: LogLine) => merged.add(line, follow ? 300 : undefined)
      const options = { host: way.host.name, app, since, lines, follow }
      await readLog(connection, options, add, stop.signal).finally(() => connection.close())
    }),
  )
  merged.flush(since === undefined && !follow ? lines : undefined)
  process.off('SIGINT', end).off('SIGTERM', end)
  return 0
}

function shown({ at, host, by, text }: LogLine, isNamed: boolean, environment: Environment): string {
  const time = new Date(at / 1000).toISOString().replace('T', ' ').replace('Z', '')
  return cleanLines(text)
    .map(line => harmless(mask([time, ...(isNamed ? [host] : []), by, line].join('  ')), environment))
    .join('\n')
}

/** Prints the processes of an app on all hosts. */
export async function showProcesses(
  ways: readonly ReachableHost[],
  app: string,
  json: boolean,
  { stdout, environment }: CommandInput,
): Promise<number> {
  const all = await Promise.all(
    ways.map(async way => {
      const connection = await way.connect()
      return appProcesses(connection, app).finally(() => connection.close())
    }),
  )
  const lines = json
    ? all.flat().map(jsonLine)
    : processTable(all.flat()).map(line => harmless(mask(line), environment))
  stdout.write(lines.map(line => `${line}\n`).join(''))
  return 0
}
