/** One thing on the way to a host, and how it stands. */
export interface Check {
  /** Absent: of this machine. */
  readonly host?: string
  /** `name`, `port`, `host key`, `login`, `sudo`, `system`, `disk`, `clock`, `versions`. */
  readonly what: string
  /** `skipped`: what comes before it failed, or there is no such thing on this way. */
  readonly state: 'ok' | 'warning' | 'failed' | 'skipped'
  /** What was found, in a few words. */
  readonly found: string
  /** What to do about it, for all that is not ok. */
  readonly cure?: string
}

/** The order in which a host is looked at: what fails keeps the rest from being looked at. */
export const order = [
  'name',
  'port',
  'host key',
  'login',
  'sudo',
  'system',
  'disk',
  'clock',
  'versions',
] as const

export type What = (typeof order)[number]
