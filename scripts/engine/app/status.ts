import { readFileSync } from 'node:fs'
import type { Connection } from '#engine/connection/connection.ts'
import { type AppState, inspectScript, parseAppState, readPairs, unreadable } from '#engine/deploy/inspect.ts'
import type { Release } from '#engine/deploy/release.ts'
import { quote } from '#engine/quote.ts'
import type { AppSettings } from '#engine/resources/release/app.ts'
import { ask } from '#engine/resources/release/script.ts'
import { functions } from '#engine/resources/workers.ts'

/** What the live release of an app is doing on a host. */
export interface AppStatus {
  readonly host: string
  readonly site: string
  /** Undefined: nothing is live. */
  readonly release: Release | undefined
  /** Why deploys are frozen; undefined: they aren't. */
  readonly frozen: string | undefined
  /** Visitors get the maintenance page. */
  readonly maintenance: boolean
  /** How a visitor is answered: `200 in 4 ms`, or why not. Undefined during maintenance, and where nothing is live. */
  readonly answer: { readonly good: boolean; readonly said: string } | undefined
  /** The app's own unit first, then its workers. */
  readonly units: readonly UnitStatus[]
  readonly bytesFree: number
}

/** A unit of the live release. */
export interface UnitStatus {
  /** `app`, or the name of a worker. */
  readonly name: string
  readonly unit: string
  /** systemd's: `running`, `exited`, `failed`, `dead`, `auto-restart`; of a timer, that of its job. */
  readonly state: string
  /** It does what it should: it runs, or its last run ended well. */
  readonly good: boolean
  /** Seconds since it was started; undefined: it does not run. */
  readonly age: number | undefined
  /** How often systemd started it again. */
  readonly restarts: number
  /** Bytes; undefined: not counted, or not limited. */
  readonly memory: number | undefined
  readonly memoryLimit: number | undefined
  /** Processes and threads; undefined: not counted, or not limited. */
  readonly tasks: number | undefined
  readonly tasksLimit: number | undefined
  /** How it ended last: `exit code 1`, `signal 9`, `oom-kill`; undefined: well, or it runs. */
  readonly ended: string | undefined
  /** Of a worker with a timer: seconds until its next run, and since its last one ended; undefined: there is none. */
  readonly timer: { readonly next: number | undefined; readonly last: number | undefined } | undefined
}

/** What the app does on a host, in one trip. Throws HostError where it is not set up there. */
export async function appStatus(connection: Connection, settings: AppSettings): Promise<AppStatus> {
  const { host } = connection
  const { stdout, stderr } = await connection.run(statusScript(settings))
  return parseStatus(host, settings, stdout, stderr.toString())
}

/** Every part of it is as it should be; deploys that are frozen and maintenance, which somebody has asked for, are. */
export function isHealthy({ release, answer, units }: AppStatus): boolean {
  return release !== undefined && (answer?.good ?? true) && units.every(({ good }) => good)
}

/** Shell that prints what `parseStatus` reads. */
export function statusScript(settings: AppSettings): string {
  const { app, domain, ca, health } = settings
  const variables = { APP: app, NAME: domain, HEALTH: health.path, CA: ca, LIMIT: '5', ASK: ask }
  const set = Object.entries(variables).map(([name, value]) => `${name}=${quote(value)}\n`)
  return [`${inspectScript(settings, '', false).trimEnd()} || exit\n`, functions, ...set, script].join('')
}

/** What `statusScript` printed. Throws HostError where the app is not set up, and where it came to no end, with its stderr. */
export function parseStatus(host: string, settings: AppSettings, output: Buffer, stderr = ''): AppStatus {
  const { app } = settings
  const state: AppState = parseAppState(host, settings, output)
  const { values } = readPairs(output)
  const one = (key: string) => values.get(key)?.[0]
  if (one('inodes') === undefined || (state.current !== undefined && one('units') === undefined))
    throw unreadable(host, settings, stderr)
  const now = Number(one('now'))
  const all = (one('units') ?? '')
    .split('\n\n')
    .map(block => new Map(block.split('\n').map(line => pairOf(line))))
    .filter(unit => unit.has('Id'))
  const { frozen, maintenance, bytesFree } = state
  const [good, bad] = [one('good'), one('bad')]
  return {
    host,
    site: app,
    release: state.releases.find(({ id }) => id === state.current),
    frozen,
    maintenance,
    answer:
      good === undefined && bad === undefined
        ? undefined
        : { good: bad === undefined, said: answerOf(bad ?? good ?? '') },
    units: unitsOf(app, all, now),
    bytesFree,
  }
}

type Properties = ReadonlyMap<string, string>

function unitsOf(app: string, all: readonly Properties[], now: number): readonly UnitStatus[] {
  const named = new Map(all.map(unit => [unit.get('Id') ?? '', unit]))
  return [...named].flatMap(([id, unit]) => {
    const timer = id.endsWith('.service') ? named.get(id.replace(/service$/, 'timer')) : undefined
    return id.endsWith('.service') ? [unitStatus(app, id, unit, timer, now)] : []
  })
}

function unitStatus(
  app: string,
  id: string,
  unit: Properties,
  timer: Properties | undefined,
  now: number,
): UnitStatus {
  const [name = ''] = id.split('@')
  const state = unit.get('SubState') ?? ''
  const isActive = ['active', 'reloading'].includes(unit.get('ActiveState') ?? '')
  const isStarting = unit.get('ActiveState') === 'activating' && state !== 'auto-restart'
  const result = unit.get('Result') ?? ''
  const count = (key: string) => countOf(unit.get(key))
  const since = (key: string, from = unit) => secondsBetween(from.get(key), now)
  const next = timer && since('NextElapseUSecRealtime', timer)
  return {
    name: name === app ? 'app' : name.slice(app.length + 1),
    unit: id,
    state,
    good: timer ? timer.get('ActiveState') === 'active' && result === 'success' : isActive,
    age: isActive || isStarting ? since('ActiveEnterTimestamp') : undefined,
    restarts: Number(unit.get('NRestarts') ?? 0),
    memory: isActive ? count('MemoryCurrent') : undefined,
    memoryLimit: count('MemoryMax'),
    tasks: isActive ? count('TasksCurrent') : undefined,
    tasksLimit: count('TasksMax'),
    ended: isActive || result === 'success' ? undefined : endOf(result, unit.get('ExecMainStatus') ?? ''),
    timer: timer && {
      next: next === undefined ? undefined : -next,
      last: since('ExecMainExitTimestamp'),
    },
  }
}

// Whether the answer names the release is for the health check of a deploy.
function answerOf(said: string): string {
  return said.trim().replace(/, names its release$/, '')
}

function endOf(result: string, status: string): string {
  if (result === 'exit-code') return `exit code ${status}`
  if (result === 'signal' || result === 'core-dump') return `signal ${status}`
  return result
}

function pairOf(line: string): readonly [string, string] {
  const at = line.indexOf('=')
  return [line.slice(0, at), line.slice(at + 1)]
}

function countOf(text = ''): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined
}

// `Fri 2026-11-27 18:56:14 UTC`; systemd 249 of Ubuntu 22.04 has no other form.
function secondsBetween(then: string | undefined, now: number): number | undefined {
  const at = Date.parse(then?.replace(/^\w+ /, '') ?? '')
  return Number.isNaN(at) ? undefined : now - at / 1000
}

const script = readFileSync(new URL('status.sh', import.meta.url), 'utf8')
