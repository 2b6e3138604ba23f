import { existsSync } from 'node:fs'
import { dirname, relative } from 'node:path'
import type { ReleaseReport } from '#engine/output/events.ts'
import { git } from './git.ts'

/**
 * The commits that lead from one ref to another, the latest first; refs are as releases have them: `3f9a2c1 Say
 * hello`. Undefined where this clone does not have both.
 */
export function commitsBetween(
  folder: string,
  from: string | undefined,
  to: string | undefined,
): ReleaseReport['commits'] {
  const [first, last] = [from, to].map(ref => /^[0-9a-f]{7,40}(?= |$)/.exec(ref ?? '')?.[0])
  if (first === undefined || last === undefined) return undefined
  const lines = git(folder, ['log', '-100', '--format=%H %s', `${first}..${last}`])
  return lines
    ?.split('\n')
    .filter(Boolean)
    .map(line => ({ sha: line.slice(0, 40), subject: line.slice(41) }))
}

/**
 * The project that a source belongs to: `root`, or the repository of its own that it lies in, as the app's does
 * that a workflow checks out beside Capstan's.
 */
export function projectOf(root: string, source: string): string {
  const top = git(nearest(source), ['rev-parse', '--show-toplevel'])?.trim()
  return top !== undefined && relative(top, root).startsWith('..') ? top : root
}

// A build may be about to make the source.
function nearest(path: string): string {
  return existsSync(path) ? path : nearest(dirname(path))
}
