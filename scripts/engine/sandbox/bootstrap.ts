import { mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { lastLines, run } from '#engine/program.ts'
import { codenames, type DebianRelease } from '#engine/systems.ts'
import { CapstanError } from '../errors.ts'
import { aptSettings, bare, cached, packages, settled } from './recipe.ts'
import { isRoot } from './tools.ts'

/**
 * Makes the file system of a bare Debian from these apt sources, as a tarball. It is built under another name and
 * renamed, so that a tarball under its own name is whole. As an ordinary user, mmdebstrap works in a user namespace.
 */
export async function bootstrap(
  release: DebianRelease,
  sources: readonly string[],
  tarball: string,
  say: (line: string) => void,
  lock: number,
): Promise<void> {
  say(`building the image of Debian ${release} with mmdebstrap (1–2 min, once)`)
  const work = `${tarball}.build`
  rmSync(work, { recursive: true, force: true })
  mkdirSync(work, { recursive: true })
  const draft = join(work, 'image.tar')
  const options = [
    ...['--variant=minbase', '--format=tar', `--include=${packages.join(',')}`],
    // The lists stay: without them the first thing a role does would be to fetch them.
    '--skip=cleanup/apt/lists',
    '--skip=cleanup/apt/cache',
    ...aptSettings.map(setting => `--aptopt=${setting}`),
    `--customize-hook=cd "$1" && ${bare} && ${settled} && chroot . sh -c '${cached}'`,
    ...[codenames[release], draft, '-'],
  ]
  const [args, temporary] = isRoot() ? asRoot(options, work) : asUser(options)
  // What the packages' scripts create has the modes that they were written for.
  const built = await run('sh', ['-c', 'umask 022 && exec "$@"', 'sh', ...args], {
    input: `${sources.join('\n')}\n`,
    env: { TMPDIR: temporary, SOURCE_DATE_EPOCH: String(Math.floor(Date.now() / 1000)) },
    deadline: 1800,
    hold: lock,
    onLine: line => tellStep(line, release, say),
  })
  if (built.code !== 0)
    throw new CapstanError('sandbox-image', `mmdebstrap of Debian ${release} exited with ${built.code}`, {
      lines: lastLines(built.stderr),
      hint: `It fetched from ${sources.join('; ')}. Check that this machine can reach them, and run again.`,
    })
  renameSync(draft, tarball)
  rmSync(work, { recursive: true, force: true })
}

type Command = readonly [args: readonly string[], temporary: string]

/**
 * In a mount namespace of its own: what it mounts below `work` is gone with it, however it ends, and no later removal
 * of that folder can reach into this machine's /dev or /sys.
 */
function asRoot(options: readonly string[], work: string): Command {
  return [['unshare', '--mount', '--propagation', 'private', 'mmdebstrap', '--mode=root', ...options], work]
}

/** Its namespace's root has a uid of its own on this machine, which may not enter the user's home directory. */
function asUser(options: readonly string[]): Command {
  return [['mmdebstrap', '--mode=unshare', ...options], '/var/tmp']
}

function tellStep(line: string, release: DebianRelease, say: (line: string) => void): void {
  const step = /^I: ((?:running apt|downloading|extracting|installing|creating).*)/.exec(line)?.[1]
  if (step !== undefined) say(`  Debian ${release}: ${step}`)
}
