import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** The names of the project's roles, sorted: the folders of `roles/` that hold a `role.ts`. */
export async function roleNames(root: string): Promise<readonly string[]> {
  const names = await readdir(join(root, 'roles')).catch(() => [])
  return names.filter(name => existsSync(join(root, 'roles', name, 'role.ts'))).sort()
}
