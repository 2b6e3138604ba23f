import { bytes } from '#engine/deploy/bytes.ts'
import { oneLine } from '#engine/output/clean.ts'
import { elapsed, minute } from '#engine/output/duration.ts'
import type { Paint } from '#engine/output/paint.ts'
import { padTo } from '#engine/output/width.ts'
import { type AppStatus, isHealthy, type UnitStatus } from './status.ts'

/**
 * The status of an app for people:
 *
 *     shop on web1  healthy
 *       release  20261122T220331Z-15df161
 *       app      running for 4 d 3 h, 84 of 512 MiB, 12 of 200 tasks
 *       mail     failed, exit code 1, 3 restarts
 */
export function statusLines(status: AppStatus, paint: Paint): readonly string[] {
  const { host, site, release, frozen, maintenance, answer, units, bytesFree } = status
  const rows: (readonly [name: string, text: string, good: boolean])[] = []
  if (release === undefined) rows.push(['release', 'nothing is live', false])
  else {
    rows.push(['release', [release.id, release.ref].filter(Boolean).join('  '), true])
    const { activated } = release
    if (activated) rows.push(['live', `since ${minute(activated.at)}, by ${activated.by}`, true])
  }
  if (answer) rows.push(['answers', answer.said, answer.good])
  if (maintenance) rows.push(['answers', 'visitors get the maintenance page', true])
  for (const unit of units) rows.push([unit.name, unitText(unit), unit.good])
  if (frozen !== undefined) rows.push(['deploys', `frozen: ${frozen}`, true])
  rows.push(['disk', `${bytes(bytesFree)} free`, true])
  const width = Math.max(...rows.map(([name]) => name.length))
  const state = isHealthy(status)
    ? paint('green', maintenance ? 'maintenance' : 'healthy')
    : paint(['red', 'bold'], 'unhealthy')
  return [
    `${site} on ${host}  ${state}`,
    ...rows.map(([name, text, good]) => {
      const line = oneLine(text)
      return `  ${padTo(name, width)}  ${good ? line : paint('red', line)}`
    }),
  ]
}

/** What a unit does, in a few words. */
export function unitText(unit: UnitStatus): string {
  const { timer, restarts, ended } = unit
  const parts = timer ? timerParts(unit, timer) : serviceParts(unit)
  if (ended !== undefined && !timer) parts.push(ended)
  if (restarts > 0) parts.push(`${restarts} restart${restarts === 1 ? '' : 's'}`)
  return parts.join(', ')
}

function serviceParts({ state, age, memory, memoryLimit, tasks, tasksLimit }: UnitStatus): string[] {
  const what = state === 'exited' ? 'set up, no process of its own' : state
  const parts = [state === 'exited' || age === undefined ? what : `${what} for ${whole(age)}`]
  if (state === 'exited') return parts
  if (memory !== undefined) parts.push(share(mebibytes(memory), memoryLimit && mebibytes(memoryLimit), 'MiB'))
  if (tasks !== undefined) parts.push(share(tasks, tasksLimit, tasks === 1 && !tasksLimit ? 'task' : 'tasks'))
  return parts
}

function timerParts({ age, ended }: UnitStatus, { next, last }: NonNullable<UnitStatus['timer']>): string[] {
  const parts = [
    age !== undefined
      ? `running for ${whole(age)}`
      : next === undefined
        ? 'not scheduled'
        : `next run in ${whole(next)}`,
  ]
  if (ended !== undefined) parts.push(`last run failed: ${ended}`)
  else if (last !== undefined) parts.push(`last run ended well ${whole(last)} ago`)
  return parts
}

function share(used: number, limit: number | undefined, unit: string): string {
  return `${used}${limit === undefined ? '' : ` of ${limit}`} ${unit}`
}

function mebibytes(count: number): number {
  return Math.round(count / 1024 / 1024)
}

function whole(seconds: number): string {
  return elapsed(0, seconds * 1000)
}
