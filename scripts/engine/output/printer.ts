import type { Event } from '#engine/output/events.ts'

/** Turns events into text. `close` ends it: nothing is drawn any more and no timer or listener is left. */
export interface Printer {
  on(event: Event): void
  close(): void
  /** Calls `write`, which writes whole lines to the same terminal, so that the live view does not stand in their way. */
  beside?(write: () => void): void
}

/** What a printer writes to: process.stdout, or anything with a `write`. Columns and rows are a terminal's. */
export interface OutputStream {
  write(text: string): unknown
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
  readonly rows?: number | undefined
  on?(event: 'error', listener: (error: Error) => void): unknown
}

export type Environment = Readonly<Record<string, string | undefined>>

/**
 * `verbosity` counts the v's: 0 what changed and failed, 1 also what was ok or skipped, 2 also what a change
 * printed on the host, 3 every event. `diff` adds unified diffs. `env` is process.env where absent.
 */
export interface PrinterOptions {
  readonly stream: OutputStream
  readonly verbosity?: number
  readonly diff?: boolean
  readonly env?: Environment
}
