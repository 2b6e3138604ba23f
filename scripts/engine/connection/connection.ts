import type { Readable, Writable } from 'node:stream'
import type { HostShell } from './preamble.ts'

/** How a script ended. `stdout` is bytes as they came; `stderr` likewise, for the error that is shown. */
export interface Outcome {
  readonly exitCode: number
  readonly stdout: Buffer
  readonly stderr: Buffer
  readonly seconds: number
}

export interface RunOptions {
  /** Seconds after which what the script runs is killed and `run` rejects; 120 by default. */
  readonly deadline?: number
  /** Gets stdout as it comes, for a script that is followed; `Outcome.stdout` is then empty. */
  readonly onOutput?: (chunk: Buffer) => void
  /** Runs in the session's own shell instead of a subshell, so that what it opens (a lock) stays open. */
  readonly keep?: boolean
  /** The script gets what `write` sends meanwhile, on descriptor 7. */
  readonly listens?: boolean
}

export interface StreamOptions {
  /** Seconds after which the script is killed and `done` rejects; 600 by default, Infinity for none. */
  readonly deadline?: number
}

/** A script on a channel of its own, with its stdin and stdout as byte streams: an upload, a lock's holder. */
export interface HostStream {
  /** The script's stdin; its end is the script's end of file. */
  readonly stdin: Writable
  /** The script's stdout; it has to be read or resumed, or the script waits. */
  readonly stdout: Readable
  /** Resolves whatever the exit code, with an empty `stdout`; rejects as `Connection.run` does. */
  readonly done: Promise<Outcome>
  /** Closes the channel: the script sees the end of its stdin, and `done` rejects unless it had ended. */
  close(): void
}

export interface ProcessOptions {
  /** Another user than the session's; only root can become one. */
  readonly user?: string | undefined
  readonly shell: HostShell
}

/** How a process on a host ended: `exitCode` is null where `signal` (`TERM`) ended it. */
export interface ProcessEnd {
  readonly exitCode: number | null
  readonly signal: string | undefined
}

/** A script that runs on the host as a process of its own, with all three byte streams. */
export interface HostProcess {
  /** The script's stdin; its end is the script's end of file. */
  readonly stdin: Writable
  /** Both outputs have to be read or resumed, or the script waits. */
  readonly stdout: Readable
  readonly stderr: Readable
  /** Rejects with ConnectionLost where the end is unknown, with HostError where the script never began. */
  readonly ended: Promise<ProcessEnd>
  /** Of the shell that runs the script; undefined where it never began. */
  readonly pid: Promise<number | undefined>
  /** Sends a signal to all that the script started in its session; false where that is not known to have worked. */
  kill(signal: NodeJS.Signals): Promise<boolean>
  /** Closes the channel; the script sees the end of its stdin. */
  close(): void
}

/**
 * The one port to a machine, with three twins: ssh, local, recorder. A connection is one shell that reads whole
 * scripts from its stdin, entered as root (by sudo where the login is not root); a script costs one round trip.
 */
export interface Connection {
  readonly host: string
  /** Scripts sent so far: the number the recap prints as trips. */
  readonly trips: number
  /**
   * Runs a POSIX sh script (LC_ALL=C, fixed PATH, umask 022, in /, stdin empty) and resolves whatever its exit
   * code. A half-received script runs nothing; one with a syntax error neither, and exits with 2. What it leaves
   * in the background must not hold its stdout. Calls queue. Rejects with HostError on a deadline or more than
   * 32 MiB of stdout, and with ConnectionLost when the way to the host broke: the script's end is then unknown.
   */
  run(script: string, options?: RunOptions): Promise<Outcome>
  /**
   * Runs a script beside the session, as the same user, with the bytes of a stream as its stdin. Costs the round
   * trips of a new channel. The script is read line by line: keep it short, and send what is long as the stream.
   */
  openStream(script: string, options?: StreamOptions): Promise<HostStream>
  /**
   * Starts a script as a process of its own. Waits where the host allows no further session (MaxSessions) until an
   * earlier process ends. Throws as `openStream` does.
   */
  start(script: string, options: ProcessOptions): Promise<HostProcess>
  /**
   * Sends a line of shell without waiting for the script that runs: one that listens gets it as text, else the shell
   * runs it after that script. What it prints is dropped. Costs no trip; does nothing on a connection that is lost.
   */
  write(line: string): void
  /** Whether the connection keeps this process from ending by itself; it does until told otherwise. */
  keepAlive(held: boolean): void
  close(): Promise<void>
}

/** Opens a connection; `seconds` bounds how long that may take. */
export type Connect = (seconds?: number) => Promise<Connection>
