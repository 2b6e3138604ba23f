import type { Readable, Writable } from 'node:stream'

/** How a channel's command ended. `exitCode` null without a signal: nobody said, the way to the host broke. */
export interface ChannelEnd {
  readonly exitCode: number | null
  readonly signal?: string | undefined
  /** Why the way broke, in a few words for the error. */
  readonly cause?: string | undefined
}

/** One remote or local command with three byte streams. No event of it is ever left without a handler. */
export interface Channel {
  readonly stdin: Writable
  readonly stdout: Readable
  readonly stderr: Readable
  /** Resolves, never rejects, once the command has ended or the way to it is lost. */
  readonly ended: Promise<ChannelEnd>
  destroy(): void
}

/** Starts `command` by the login shell of the host (any shell: plain words and single quotes only). */
export type OpenChannel = (command: string) => Promise<Channel>
