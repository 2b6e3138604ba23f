import { cleanLines, oneLine } from '#engine/output/clean.ts'
import { elapsed } from '#engine/output/duration.ts'
import type { Event } from '#engine/output/events.ts'

/** What a host does now, since when (ms). `host` is absent for what is no host's, as building an artifact. */
export interface Activity {
  readonly host: string | undefined
  readonly what: string
  readonly since: number
  /** It comes from a `progress` event, as background work. */
  readonly progress?: true
  /** The last line that it printed, or how far it is: `42%  Unpacking nginx`. */
  readonly tail?: string
  /** How far it is, where that is known. */
  readonly doing?: string
  /** It has done its part and waits for other hosts. */
  readonly waits?: true
}

/** Follows a run: the current activity of every unfinished host, in the order of its events. */
export interface Activities {
  /** Returns the activities that this event ended. */
  on(event: Event, now: number): readonly Activity[]
  list(): readonly Activity[]
}

export function followActivities(): Activities {
  const active = new Map<string | undefined, Activity>()
  // What a host did when its connection was lost: it goes on with that.
  const interrupted = new Map<string, Activity>()

  function begin(host: string | undefined, what: string, now: number, progress?: true): readonly Activity[] {
    const before = active.get(host)
    if (host !== undefined) {
      if (!progress) interrupted.delete(host)
      else if (before && !before.progress && before.what !== connecting) interrupted.set(host, before)
    }
    active.set(host, { host, what: oneLine(what), since: now, ...(progress && { progress }) })
    return before === undefined ? [] : [before]
  }

  function end(host: string | undefined): readonly Activity[] {
    const before = active.get(host)
    active.delete(host)
    return before === undefined ? [] : [before]
  }

  /** Where a connection was lost, its host is at what it did before; undefined: none was. */
  function goOn(host: string): readonly Activity[] | undefined {
    const before = interrupted.get(host)
    if (before === undefined) return undefined
    interrupted.delete(host)
    const ended = end(host)
    active.set(host, before)
    return ended
  }

  /** A script connects in the middle of what it does at a host, and goes on with that. */
  function connected(host: string, now: number): readonly Activity[] {
    const before = active.get(host)
    if (before && before.what !== connecting && !before.waits) return []
    return begin(host, 'reading facts', now)
  }

  function on(event: Event, now: number): readonly Activity[] {
    switch (event.event) {
      case 'run':
        return [...end(undefined), ...event.hosts.flatMap(host => begin(host, connecting, now))]
      case 'progress':
        return begin(event.host, event.message, now, true)
      case 'connected':
        return [...end(undefined), ...(goOn(event.host) ?? connected(event.host, now))]
      case 'facts':
        return [...end(undefined), ...begin(event.host, 'probing', now)]
      case 'probed':
        return begin(event.host, 'comparing', now)
      case 'changing':
        return begin(event.host, `${event.role}  ${event.resource}`, now)
      case 'changed':
        return begin(event.host, 'applying', now)
      case 'step':
        return begin(event.host, event.step, now)
      case 'waiting': {
        const ended = begin(event.host, 'waiting', now)
        const waits = active.get(event.host)
        if (waits) active.set(event.host, { ...waits, waits: true })
        return ended
      }
      case 'output': {
        const running = active.get(event.host)
        const tail = cleanLines(event.text).at(-1)
        // How far it is says more than what it prints.
        if (running && !running.doing && tail) active.set(event.host, { ...running, tail: oneLine(tail) })
        return []
      }
      case 'working': {
        const running = active.get(event.host)
        const doing = `${Math.floor(event.percent)}%  ${oneLine(event.doing)}`
        if (running && !running.progress) active.set(event.host, { ...running, tail: doing, doing })
        return []
      }
      case 'failed':
      case 'finished':
        return end(event.host)
      case 'note':
        return end(undefined)
      case 'recap': {
        const all = [...active.values()]
        active.clear()
        return all
      }
      default:
        return []
    }
  }

  /** While something goes on that is no host's, the hosts that were not reached yet wait for it. */
  function list(): readonly Activity[] {
    const all = [...active.values()]
    const busy = all.filter(({ waits, host }) => !waits && host !== undefined)
    const shown = all.map(each =>
      each.waits && busy.length > 0 ? { ...each, what: waitingFor(busy) } : each,
    )
    return active.has(undefined) ? shown.filter(({ what }) => what !== connecting) : shown
  }

  return { on, list }
}

const connecting = 'connecting'

/** `waiting for web2 (migrate)`, `waiting for web2, web3 and 5 more`. */
function waitingFor(busy: readonly Activity[]): string {
  const [first, second, ...more] = busy.map(({ host = '' }) => oneLine(host))
  if (second === undefined) return `waiting for ${first} (${busy[0]?.what})`
  const rest = more.length === 0 ? '' : ` and ${more.length} more`
  return `waiting for ${first}${rest === '' ? ' and' : ','} ${second}${rest}`
}

/** Many activities in one line, without their number: `60 connecting, 20 probing, 7 nginx, the longest for 12 s`. */
export function activitySummary(activities: readonly Activity[], now: number): string {
  const counts = new Map<string, number>()
  for (const { what } of activities) {
    const kind = what.split('  ')[0] ?? what
    counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
  const kinds = [...counts].sort((a, b) => b[1] - a[1]).map(([kind, count]) => `${count} ${kind}`)
  const since = Math.min(...activities.map(activity => activity.since))
  return `${kinds.join(', ')}, the longest for ${elapsed(since, now)}`
}
