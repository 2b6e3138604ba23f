import { join, relative, resolve } from 'node:path'
import { CapstanError } from '#engine/errors.ts'
import { githubApi } from '#engine/github/api.ts'
import { type Changes, changesOf, lastGood } from '#engine/github/changes.ts'
import { bySite, type ReleaseDefinition, releaseHosts } from '#engine/run/release-hosts.ts'
import { git } from './git.ts'
import type { CommandInput } from './main.ts'

/**
 * Finds what the commit of this clone has to test and deploy, prints it and sets it as outputs of the step. Where it can't
 * be known, everything is.
 */
export async function tellChanges(
  definition: ReleaseDefinition,
  inventory: string,
  input: CommandInput,
): Promise<void> {
  const base = await baseOf(input)
  const { project, sites, reasons } = await changesSince(base.commit, definition, inventory, input)
  const known = base.commit === undefined ? `${base.why} Everything is taken as changed.` : base.why
  const tested = [...(project ? ['the project'] : []), ...sites].join(', ') || 'nothing'
  input.stdout.write([known, ...reasons.map(reason => `  ${reason}`), `To test: ${tested}`, ''].join('\n'))
  const core = await import('@actions/core')
  core.setOutput('project', String(project))
  core.setOutput('sites', sites.join(','))
}

interface Base {
  /** Undefined: there is nothing to compare with. */
  readonly commit: string | undefined
  readonly why: string
}

async function baseOf({ root, environment }: CommandInput): Promise<Base> {
  const { BASE: given, GITHUB_WORKFLOW_REF: workflow = '', GITHUB_REF_NAME: branch = '' } = environment
  if (given) return compared(merged(root, given), 'the start of the pull request')
  const file = /([^/]+)@/.exec(workflow)?.[1] ?? ''
  const good = `the last run of ${file} on ${branch} that succeeded`
  try {
    const commit = await lastGood(githubApi(environment), file, branch)
    if (commit !== undefined && merged(root, commit) === commit) return compared(commit, good)
  } catch (error) {
    if (!(error instanceof CapstanError)) throw error
    return { commit: undefined, why: `${error.message}.` }
  }
  const main = environment['DEFAULT_BRANCH']
  if (!main || main === branch) return compared(undefined, good)
  return compared(merged(root, `origin/${main}`), `the commit where ${branch} left ${main}`)
}

function compared(commit: string | undefined, what: string): Base {
  if (commit === undefined) return { commit, why: `The history of this commit does not have ${what}.` }
  return { commit, why: `Compared with ${commit.slice(0, 7)}, ${what}:` }
}

async function changesSince(
  base: string | undefined,
  definition: ReleaseDefinition,
  inventory: string,
  input: CommandInput,
): Promise<Changes> {
  const hosts = await releaseHosts(definition, input, { inventory, limit: 'all', placeholders: true })
  const within = (path: string) => relative(input.root, resolve(input.root, path))
  const sites = [...bySite(hosts)].map(([name, ofSite]) => ({
    name,
    paths: ofSite.flatMap(({ source, paths }) => [source, ...paths]).map(within),
  }))
  const changed = base === undefined ? undefined : changedSince(input.root, base)
  if (changed !== undefined) return changesOf(changed, sites)
  return { project: true, sites: sites.map(({ name }) => name), reasons: [] }
}

/** Paths relative to the project; undefined where this clone does not have the commit. */
function changedSince(root: string, base: string): readonly string[] | undefined {
  const top = git(root, ['rev-parse', '--show-toplevel'])?.trim()
  const changed = git(root, ['diff', '--name-only', '--no-renames', '-z', base, 'HEAD', '--'])
  if (top === undefined || changed === undefined) return undefined
  return changed
    .split('\0')
    .filter(Boolean)
    .map(path => relative(root, join(top, path)))
}

/** The commit up to which HEAD and another one share their history. */
function merged(root: string, commit: string): string | undefined {
  return git(root, ['merge-base', 'HEAD', commit])?.trim()
}
