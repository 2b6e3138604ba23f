import type { Activities, Activity } from '#engine/output/activity.ts'

/**
 * Gives, each time it is called, the activities that are to be told again, so that the log of a long step shows
 * that it lives: after 15 s, 30 s, 60 s and then every minute.
 */
export function longActivities(activities: Activities): (now: number) => readonly Activity[] {
  const told = new Map<string | undefined, Told>()
  return now => {
    const long = activities.list().filter(activity => isDue(activity, now, told.get(activity.host)))
    for (const { host, since } of long) told.set(host, { since, at: now })
    return long
  }
}

/** When an activity, known by its beginning, was last told. */
interface Told {
  readonly since: number
  readonly at: number
}

/** Whether it has lasted for 15 s, or twice as long as when it was last told, or a minute since then. */
function isDue({ since }: Activity, now: number, last: Told | undefined): boolean {
  if (last === undefined || last.since !== since) return now - since >= 15_000
  return now - last.at >= Math.min(last.at - since, 60_000)
}
