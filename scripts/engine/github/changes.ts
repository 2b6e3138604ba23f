import { isWithin } from '#engine/within.ts'
import type { GithubApi } from './api.ts'

/** What a push has to test and to deploy. */
export interface Changes {
  /** The project itself has changed: its tests run. */
  readonly project: boolean
  /** The sites that have changed or may have, in the order of the inventory. */
  readonly sites: readonly string[]
  /** The first paths that say so, a line for each thing that has changed. */
  readonly reasons: readonly string[]
}

/** A site, and the files and folders that its release is made from, relative to the project; `''` is all of it. */
export interface SitePaths {
  readonly name: string
  readonly paths: readonly string[]
}

/**
 * Whom the changed paths, relative to the project, belong to. The longest file or folder that a path lies in decides; one that lies in none is of
 * the project. What is of the inventory may be about any site, and is tested by the run that applies it.
 */
export function changesOf(changed: readonly string[], sites: readonly SitePaths[]): Changes {
  const owners = [
    ...sites.flatMap(({ name, paths }) => paths.map(path => ({ name, path }))),
    ...ofProject.map(path => ({ name: project, path })),
    { name: inventory, path: 'inventory' },
  ]
  const found = new Map<string, string[]>()
  for (const path of changed) {
    const around = owners.filter(owner => isOf(path, owner.path))
    const longest = Math.max(...around.map(owner => owner.path.length))
    const names = around.filter(owner => owner.path.length === longest).map(({ name }) => name)
    for (const name of names.length === 0 ? [project] : new Set(names))
      found.set(name, [...(found.get(name) ?? []), path])
  }
  const isAny = found.has(project) || found.has(inventory)
  return {
    project: found.has(project),
    sites: sites.map(({ name }) => name).filter(name => isAny || found.has(name)),
    reasons: [...found].map(([name, paths]) => `${name}: ${firstOf(paths)}`),
  }
}

/** The commit of the last run of this workflow on a branch that succeeded: all of it is tested and live. Undefined: none did. */
export async function lastGood(
  api: GithubApi,
  workflow: string,
  branch: string,
): Promise<string | undefined> {
  const query = new URLSearchParams({ branch, status: 'success', per_page: '1' })
  const path = `/actions/workflows/${encodeURIComponent(workflow)}/runs?${query}`
  const { workflow_runs: runs } = (await api.call('GET', path)) as {
    readonly workflow_runs: readonly { readonly head_sha: string }[]
  }
  return runs[0]?.head_sha
}

// No site can have these names.
const project = 'the project'
const inventory = 'the inventory'

const ofProject = [
  ...['scripts', 'roles', 'test', '.github'],
  ...['package.json', 'package-lock.json', 'tsconfig.json', 'biome.json', 'knip.json', 'vitest.config.ts'],
]

function isOf(path: string, owner: string): boolean {
  return owner === '' || isWithin(path, owner)
}

function firstOf(paths: readonly string[]): string {
  const more = paths.length > 3 ? ` and ${paths.length - 3} more` : ''
  return `${paths.slice(0, 3).join(', ')}${more}`
}
