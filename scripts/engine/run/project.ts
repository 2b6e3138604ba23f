import { existsSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { type PackagedRole, packagedRole, type Role } from '#engine/converge/role.ts'
import { UsageError } from '#engine/errors.ts'
import { orNearest } from '#engine/nearest.ts'
import type { Site, Vars } from '#engine/vars.ts'
import type { AppDefinition, ReleaseDefinition } from './release-hosts.ts'

/** The vars of the site, as the project's roles/site.ts declares them. */
export function siteVars(root: string): Vars<Site> {
  return (load(root, 'roles/site.ts') as { readonly default: Vars<Site> }).default
}

/** A role of the project by its name, the folder's below roles/. Throws UsageError where there is none. */
export function roleNamed(root: string, name: string): Role {
  const folders = readdirSync(join(root, 'roles'), { withFileTypes: true }).filter(one => one.isDirectory())
  const names = folders
    .map(folder => folder.name)
    .filter(one => existsSync(join(root, 'roles', one, 'role.ts')))
  if (!names.includes(name))
    throw new UsageError('no-role', `no role is named ${JSON.stringify(name)}${orNearest(name, names)}`)
  return (load(root, `roles/${name}/role.ts`) as { readonly default: Role }).default
}

/** The role that an npm package exports. Throws UsageError where it is none. */
export function packaged(role: PackagedRole): Role {
  try {
    return packagedRole(role)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw new UsageError('no-role', `a role of a play: ${error.message}`, { cause: error })
  }
}

/** What releases need of the project: the site's vars, the role `app` and its settings. Throws UsageError where there is no such role. */
export function releaseDefinition(root: string): AppDefinition {
  const { default: app } = load(root, 'roles/app/role.ts') as { readonly default: Role }
  const { appSettings: settings } = load(root, 'roles/app/release.ts') as {
    readonly appSettings: ReleaseDefinition['settings']
  }
  const { reservedVariable } = load(root, 'roles/app/names.ts') as Pick<AppDefinition, 'reservedVariable'>
  const { consoles } = load(root, 'roles/app/kinds.ts') as Pick<AppDefinition, 'consoles'>
  return { site: siteVars(root), app, settings, reservedVariable, consoles }
}

function load(root: string, file: string): unknown {
  try {
    return createRequire(join(root, 'package.json'))(join(root, file))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error
    throw new UsageError('no-role', `there is no ${file} in ${root}`)
  }
}
