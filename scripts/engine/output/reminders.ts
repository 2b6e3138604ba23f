import type { Activities, Activity } from '#engine/output/activity.ts'

/**
 * Returns, each time it is called, the activities that a log should mention again, so that a long step is seen to be
 * alive: after 15 s, 30 s, 60 s and then every minute.
 */
export function dueReminders(activities: Activities): (now: number) => readonly Activity[] {
  const reminders = new Map<string | undefined, Reminder>()
  return now => {
    const long = activities.list().filter(activity => isDue(activity, now, reminders.get(activity.host)))
    for (const { host, since } of long) reminders.set(host, { since, at: now })
    return long
  }
}

/** When an activity, known by its beginning, was last mentioned. */
interface Reminder {
  readonly since: number
  readonly at: number
}

/** After 15 s, then when it lasts twice as long as at the last reminder, at most a minute later. */
function isDue({ since }: Activity, now: number, last: Reminder | undefined): boolean {
  if (last === undefined || last.since !== since) return now - since >= 15_000
  return now - last.at >= Math.min(last.at - since, 60_000)
}
