import { inspect } from 'node:util'

/**
 * What the command that ends with this error exits with: 1 a host failed, 2 used wrongly, 4 a host unreachable, 75
 * another run holds the lock: the same command works later. Source: EX_TEMPFAIL of sysexits(3).
 */
export type ExitCode = 1 | 2 | 4 | 75

export interface ErrorDetails {
  /** What to do next, as one or more sentences. */
  readonly hint?: string
  /** Lines that belong to the error: the last of a command's stderr, a table of what was found. */
  readonly lines?: readonly string[]
  /** Where in the user's files: `roles/nginx/role.ts:21`, `inventory/production.yml`. */
  readonly where?: string
  readonly cause?: unknown
}

/** An error that its reader can fix. Everything else that is thrown is a bug of ours and keeps its stack. */
export class CapstanError extends Error {
  readonly code: string
  readonly exitCode: ExitCode = 1
  readonly hint: string | undefined
  readonly lines: readonly string[]
  readonly where: string | undefined

  /** `code` is stable and listed in docs/errors.md; `message` reads *where: what, wanted and got*. */
  constructor(code: string, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = new.target.name
    this.code = code
    this.hint = details.hint
    this.lines = details.lines ?? []
    this.where = details.where
  }
}

/** The command line, the inventory or a role's vars are wrong: nothing was contacted. */
export class UsageError extends CapstanError {
  override readonly exitCode = 2
}

/** A host could not be reached, or its identity or our login was refused. */
export class UnreachableError extends CapstanError {
  override readonly exitCode = 4
}

/** A host was reached and something on it went wrong. */
export class HostError extends CapstanError {}

/** Another run holds the lock that this one needs. */
export class LockedError extends HostError {
  override readonly exitCode = 75
}

/** The person at the terminal ended the command with ^C: it exits with 130, and there is nothing to explain. */
export class Interrupted extends Error {
  readonly exitCode = 130;

  [inspect.custom](): string {
    return this.message
  }
}

/** The way to the host broke in the middle: whether the script ran to its end is unknown. */
export class ConnectionLost extends UnreachableError {}

/**
 * The exit code of a run by the errors of its hosts: an unreachable host comes first, and 75 is for nothing but locks. A
 * host that waited for others in vain counts as they do.
 */
export function exitCodeOfRun(errors: readonly unknown[]): 0 | 1 | 4 | 75 {
  if (errors.length === 0) return 0
  if (errors.some(error => error instanceof UnreachableError)) return 4
  const causes = errors.filter(error => !(error instanceof CapstanError && error.code === 'others-failed'))
  return causes.every(error => error instanceof LockedError) ? 75 : 1
}
