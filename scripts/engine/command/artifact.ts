import { accessSync, constants, existsSync, realpathSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join, relative } from 'node:path'
import { CapstanError, UsageError } from '#engine/errors.ts'
import { quote } from '#engine/quote.ts'

export interface ArtifactOptions {
  /** The folder of the project, where a build runs. */
  readonly root: string
  /** The folder to ship, absolute; with a build it may not be there yet. */
  readonly source: string
  /** A commit, branch or tag to ship instead of the work tree. */
  readonly ref: string | undefined
  /** A line of shell that makes the source, run in the project's folder. */
  readonly build: string | undefined
  /** The variable APP of the hook `deploy/built`. */
  readonly app: string
  readonly say: (line: string) => void
}

export interface Artifact {
  readonly folder: string
  /** What it was made from, for people: `3f9a2c1 Say hello`; undefined outside of a git repository. */
  readonly ref: string | undefined
  /** Removes what was made for it. */
  dispose(): Promise<void>
}

/**
 * The folder that a deploy ships: a work tree as it is or a commit's own, built where a build is asked for. Its hook
 * `deploy/built` has been run in it, here. Throws CapstanError where the build or the hook fails.
 */
export async function makeArtifact(options: ArtifactOptions): Promise<Artifact> {
  const artifact = await gather(options)
  const { folder, ref = '' } = artifact
  try {
    const hook = join(folder, 'deploy', 'built')
    if (isExecutable(hook)) await shell('deploy/built', quote(hook), folder, { APP: options.app, REF: ref })
    return artifact
  } catch (error) {
    await artifact.dispose()
    throw error
  }
}

async function gather(options: ArtifactOptions): Promise<Artifact> {
  const { $ } = await import('zx/core')
  const git = $({ cwd: options.root, quiet: true, nothrow: true })
  const top = await git`git rev-parse --show-toplevel`
  // Files outside the repository belong to none of its commits.
  const inRepository = top.exitCode === 0 && isBelow(top.stdout.trim(), options.source)
  if (!inRepository) {
    if (options.ref !== undefined)
      throw new UsageError('ref', `--ref ${options.ref}: ${options.source} is not in a git repository`)
    await build(options.root, options)
    return { folder: options.source, ref: undefined, dispose: async () => {} }
  }
  if (options.ref === undefined) {
    await build(options.root, options)
    const changed = (await git`git status --porcelain -- ${options.source}`).stdout.trim() !== ''
    const head = await described(git, 'HEAD')
    const ref = head === undefined || !changed ? head : `${head} (with changes that are not committed)`
    return { folder: options.source, ref, dispose: async () => {} }
  }
  const ref = await described(git, options.ref)
  if (ref === undefined)
    throw new UsageError('ref', `--ref: expected a commit, branch or tag, got ${JSON.stringify(options.ref)}`)
  const tree = await mkdtemp(join(tmpdir(), 'capstan-ref-'))
  const dispose = () => rm(tree, { recursive: true, force: true })
  try {
    const [commit = ''] = ref.split(' ')
    await $({ cwd: top.stdout.trim(), quiet: true })`git archive --format=tar ${commit} | tar -x -C ${tree}`
    const inside = (path: string) => join(tree, relative(realpathSync(top.stdout.trim()), realPath(path)))
    await build(inside(options.root), options)
    return { folder: inside(options.source), ref, dispose }
  } catch (error) {
    await dispose()
    throw error
  }
}

/** Whether `path`, links followed as far as it exists, is `folder` or lies below it. */
function isBelow(folder: string, path: string): boolean {
  const way = relative(realpathSync(folder), realPath(path))
  return way !== '..' && !way.startsWith('../')
}

// A build may be about to make the source.
function realPath(path: string): string {
  return existsSync(path) ? realpathSync(path) : join(realPath(dirname(path)), basename(path))
}

async function described(
  git: (
    pieces: TemplateStringsArray,
    ...args: unknown[]
  ) => PromiseLike<{ exitCode: number | null; stdout: string }>,
  ref: string,
): Promise<string | undefined> {
  const { exitCode, stdout } = await git`git log -1 --format=${'%h %s'} --end-of-options ${ref} --`
  return exitCode === 0 && stdout.trim() !== '' ? stdout.trim() : undefined
}

async function build(folder: string, { build: command, say, source, ref }: ArtifactOptions): Promise<void> {
  if (command === undefined) {
    if (ref === undefined && !existsSync(source))
      throw new UsageError('source', `${source}: there is no such folder to ship`)
    return
  }
  say(`building: ${command}`)
  await shell('the build', command, folder)
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

async function shell(
  what: string,
  command: string,
  folder: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<void> {
  const { $ } = await import('zx/core')
  const done = await $({
    cwd: folder,
    env: { ...process.env, ...environment },
    quiet: true,
    nothrow: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })`bash -ec ${command}`
  if (done.exitCode === 0) return
  throw new CapstanError('build', `${what} ended with ${done.exitCode}: ${command}`, {
    lines: done.stdall.trimEnd().split('\n').slice(-12),
    hint: 'Nothing was sent to any host.',
  })
}
