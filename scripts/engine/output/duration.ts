/** Seconds as a person reads them: `0.04 s`, `3.2 s`, `41 s`, `2 min 05 s`, `3 h 12 min`, `4 d 3 h`. */
export function duration(seconds: number): string {
  if (seconds < 0.995) return `${seconds.toFixed(2)} s`
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`
  return whole(Math.round(seconds))
}

/** The time between two moments in ms, for something that still goes on: whole seconds, `3 s`, `2 min 05 s`. */
export function elapsed(since: number, now: number): string {
  return whole(Math.max(0, Math.floor((now - since) / 1000)))
}

/** A moment in ISO's form to the minute: `2026-11-22 22:09 UTC`. */
export function minute(at: string): string {
  return at.replace('T', ' ').replace(/:\d\dZ$/, ' UTC')
}

function whole(seconds: number): string {
  if (seconds < 60) return `${seconds} s`
  if (seconds < hour) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`
  if (seconds < day) return `${Math.floor(seconds / hour)} h ${two(Math.floor((seconds % hour) / 60))} min`
  return `${Math.floor(seconds / day)} d ${Math.floor((seconds % day) / hour)} h`
}

const two = (count: number) => String(count).padStart(2, '0')
const hour = 3600
const day = 24 * hour
