import { CapstanError, ConnectionLost, UnreachableError } from '#engine/errors.ts'
import { runDirectory } from './paths.ts'

/** Whether a connection can't be used any more. A session whose lease ran out was killed on the host. */
export function isLost(error: unknown): boolean {
  return error instanceof ConnectionLost || (error instanceof CapstanError && error.code === 'shell-ended')
}

/** `the connection was lost: the host stopped answering`. */
export function lostMessage(host: string, cause: unknown): string {
  if (!(cause instanceof CapstanError)) return 'the connection was lost'
  const message = cause.message.replace(`${host}: `, '')
  return message.startsWith('connection lost: ') ? `the ${message.replace('lost', 'was lost')}` : message
}

/** The error of a host that was not reached again; `id` is of the stage that was followed there. */
export function lostForGood(host: string, id: string | undefined, cause: UnreachableError): UnreachableError {
  const log = id === undefined ? '' : ` The log of what it does is ${runDirectory(id)}/log.`
  return new UnreachableError(
    'lost-for-good',
    `${host}: the connection was lost and could not be re-established`,
    {
      lines: [cause.message, ...cause.lines],
      hint: `The host finishes its current step on its own.${log} Run again when the host answers.`,
      cause,
    },
  )
}
