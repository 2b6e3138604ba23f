import type { Detail } from './details.ts'

/**
 * In the order in which a list shows them: what failed first. `incomplete` began, and was not confirmed: the test of its
 * config set refused it, or the connection was lost.
 */
export const statuses = [
  ...(['failed', 'unreachable', 'incomplete', 'changed', 'would change', 'may change', 'would run'] as const),
  ...(['done', 'would do', 'skipped', 'ok'] as const),
] as const
export type Status = (typeof statuses)[number]

/** What became of a resource, a handler or a step on one host. */
export interface Row {
  readonly status: Status
  readonly role: string
  readonly resource: string
  /** `roles/nginx/role.ts:21`; empty where it is not known. */
  readonly where: string
  /** When it began, in ms since the run did. */
  readonly at: number
  /** Ms that it took; undefined: none of its own. */
  readonly took?: number | undefined
  /** Why it was skipped or is unknown, the note of a step, or the message of an error. */
  readonly why?: string | undefined
  readonly detail?: Detail | undefined
  readonly printed?: readonly string[] | undefined
}
