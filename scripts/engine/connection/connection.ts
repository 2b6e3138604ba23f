/** How a script ended. `stdout` is bytes as they came; `stderr` likewise, for the error that is shown. */
export interface Outcome {
  readonly exitCode: number
  readonly stdout: Buffer
  readonly stderr: Buffer
  readonly seconds: number
}

export interface RunOptions {
  /** Seconds after which the script's process group is killed and `run` rejects; 120 unless told. */
  readonly deadline?: number
  /** Gets stdout as it comes, for a script that is followed; `Outcome.stdout` is then empty. */
  readonly onOutput?: (chunk: Buffer) => void
  /** Runs in the session's own shell instead of a subshell, so that what it opens (a lock) stays open. */
  readonly keep?: boolean
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
   * Runs a POSIX sh script (LC_ALL=C, fixed PATH, umask 022, stdin empty) and resolves whatever its exit code.
   * A half-received script runs nothing. Calls queue. Rejects with HostError on a deadline and with
   * ConnectionLost when the way to the host broke: the script's end is then unknown.
   */
  run(script: string, options?: RunOptions): Promise<Outcome>
  close(): Promise<void>
}
