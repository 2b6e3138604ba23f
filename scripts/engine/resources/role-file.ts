import { readFileSync, realpathSync } from 'node:fs'
import { join, relative } from 'node:path'
import { CapstanError } from '#engine/errors.ts'
import type { RolePlace } from './resource.ts'

/** The path on this computer of a file or folder of a role: `files/setup.sh`. Throws where it leads out of the role. */
export function rolePath(role: RolePlace, name: string): string {
  const at = join(role.directory, name)
  const shown = relative(process.cwd(), at)
  const real = orUndefined(() => realpathSync(at))
  if (real === undefined)
    throw new CapstanError('role-file', `${shown}: no such file`, {
      hint: 'Paths of files of a role begin at the role’s folder: files/setup.sh.',
    })
  if (!`${real}/`.startsWith(`${realpathSync(role.directory)}/`))
    throw new CapstanError('role-file', `${shown}: is outside of the role`, {
      hint: 'A role holds all its files, so that it can be moved and reviewed as one folder.',
    })
  return real
}

export function readRoleFile(role: RolePlace, name: string): Buffer {
  return readFileSync(rolePath(role, name))
}

function orUndefined<T>(get: () => T): T | undefined {
  try {
    return get()
  } catch {
    return undefined
  }
}
