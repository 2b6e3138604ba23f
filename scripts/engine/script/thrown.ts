import { inspect } from 'node:util'
import type { ProcessOutput } from 'zx/core'
import { CapstanError, HostError, Interrupted } from '#engine/errors.ts'

/** The hosts whose commands failed, and the commands, by what was thrown. */
const commands = new WeakMap<object, CommandOf>()

interface CommandOf {
  readonly host: string
  readonly command: string
  readonly where: string | undefined
  /** Seconds after which it was ended. */
  readonly deadline: number | undefined
}

/** Keeps which command an output is of, for the error that it may become. */
export function rememberCommand(output: ProcessOutput, of: CommandOf): void {
  commands.set(output, of)
}

/**
 * What a script threw while it was at a host, as an error to report: a failed command of that or another host becomes a
 * HostError `command`. Anything that is no failure of a host stays what it is.
 */
export function reportable(host: string, thrown: unknown): Error {
  if (thrown instanceof CapstanError || thrown instanceof Interrupted) return thrown
  const of = typeof thrown === 'object' && thrown !== null ? commands.get(thrown) : undefined
  if (!of) return thrown instanceof Error ? thrown : new Error(inspect(thrown))
  const { exitCode, signal, stderr, stdout } = thrown as ProcessOutput
  const ended = exitCode === null ? `was ended by ${signal}` : `exited with ${exitCode}`
  const how = of.deadline === undefined ? ended : `ran longer than its deadline of ${of.deadline} s`
  const said = stderr.trim() === '' ? stdout : stderr
  return new HostError(
    'command',
    `${of.host === host ? host : `${host}: on ${of.host}`}: ${firstLine(of.command)} ${how}`,
    {
      lines: said.split('\n').filter(Boolean).slice(-10),
      ...(of.where !== undefined && { where: of.where }),
    },
  )
}

function firstLine(command: string): string {
  const [first = '', ...more] = command.trim().split('\n')
  return more.length === 0 ? first : `${first} …`
}

/** Hosts failed, and each of them has been reported: what ends the script needs no more words than that. */
export class HostsFailed extends CapstanError {
  /** By host. */
  readonly failures: ReadonlyMap<string, Error>

  constructor(failures: ReadonlyMap<string, Error>, notBegun: number) {
    const names = [...failures.keys()]
    const rest = notBegun === 0 ? '' : `; ${notBegun} ${notBegun === 1 ? 'host was' : 'hosts were'} not begun`
    super('hosts-failed', `${names.join(', ')} failed${rest}`)
    this.failures = failures
  }

  [inspect.custom](): string {
    return this.message
  }
}
