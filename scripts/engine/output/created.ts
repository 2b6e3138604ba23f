import type { Event } from '#engine/output/events.ts'

type Changed = Event & { readonly event: 'changed' }

/** Resources of one role that a run made one after the other on a host. */
export interface Created {
  readonly events: readonly Changed[]
}

/**
 * Holds back resources that did not exist before, and gives those of a role together once another thing happens on
 * their host. What a run says of them meanwhile is in the live view.
 */
export interface CreatedGroups {
  /** True where the event is held back; first comes what `ended` gives for it. */
  holds(event: Event): event is Changed
  add(event: Changed): void
  /** The groups that this event ends; with none, all of them. */
  ended(event?: Event): readonly Created[]
}

export function createdGroups(): CreatedGroups {
  const groups = new Map<string, Changed[]>()
  const take = (host: string): readonly Created[] => {
    const events = groups.get(host)
    groups.delete(host)
    return events === undefined ? [] : [{ events }]
  }
  return {
    holds: (event): event is Changed => event.event === 'changed' && isNew(event),
    add(event) {
      groups.set(event.host, [...(groups.get(event.host) ?? []), event])
    },
    ended(event) {
      if (event === undefined || !('host' in event) || event.host === undefined)
        return event !== undefined && passing.has(event.event) ? [] : [...groups.keys()].flatMap(take)
      if (passing.has(event.event)) return []
      const first = groups.get(event.host)?.[0]
      const goesOn = event.event === 'changed' && isNew(event) && event.role === first?.role
      return goesOn ? [] : take(event.host)
    },
  }
}

/** `9 templates, 3 links, 2 directories`: how many of each kind, the most frequent first. */
export function countsOf({ events }: Created): string {
  const counts = new Map<string, number>()
  for (const { resource } of events) {
    const path = resource.indexOf(' /')
    const noun = resource.slice(0, path < 0 ? resource.lastIndexOf(' ') : path)
    counts.set(noun, (counts.get(noun) ?? 0) + 1)
  }
  return [...counts]
    .sort((a, b) => b[1] - a[1])
    .map(([noun, count]) => `${count} ${count === 1 ? noun : plural(noun)}`)
    .join(', ')
}

function isNew({ differences }: Changed): boolean {
  return (
    differences.length > 0 && differences.every(({ what, found }) => what === 'state' && found === 'absent')
  )
}

function plural(noun: string): string {
  return noun.endsWith('y') ? `${noun.slice(0, -1)}ies` : `${noun}s`
}

// What goes on in the middle of a group, and is not told above the live view.
const passing: ReadonlySet<Event['event']> = new Set([
  'changing',
  'output',
  'working',
  'progress',
  'ok',
  'run',
])
