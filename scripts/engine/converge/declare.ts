import { siteIn } from '#engine/call-site.ts'
import { CapstanError } from '#engine/errors.ts'
import type { CatalogBuilder } from './catalog.ts'
import type { Role, RoleInput } from './role.ts'

/** Lets a role declare into the catalog. An error that it throws is reported with its place in the role. */
export async function declareRole(role: Role, catalog: CatalogBuilder, given: RoleInput): Promise<void> {
  try {
    await role.declare(catalog.role(role.name), given)
  } catch (error) {
    if (error instanceof CapstanError) throw inRole(error)
    throw broken(role, error)
  }
}

// A template's error knows its own line; the declaration that named it is the next thing to know.
function inRole(error: CapstanError): CapstanError {
  if (error.where !== undefined) return error
  const { code, message, lines, hint, cause } = error
  const where = siteIn(error.stack ?? '')
  return new CapstanError(code, message, {
    lines,
    cause,
    ...(hint === undefined ? {} : { hint }),
    ...(where === undefined ? {} : { where }),
  })
}

function broken(role: Role, cause: unknown): unknown {
  const where = siteIn(cause instanceof Error ? (cause.stack ?? '') : '')
  // Nothing of the role is in the stack: a bug of ours.
  if (!(cause instanceof Error) || where === undefined) return cause
  return new CapstanError('role-broken', `role ${role.name}: ${cause.message}`, {
    where,
    hint: 'The role declared something invalid, or its code threw an error; -vvv shows the stack.',
    cause,
  })
}
