import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { CapstanError } from '../errors.ts'
import { cacheDirectory } from './cache.ts'
import type { Engine } from './engine.ts'
import { withLock } from './lock.ts'
import { codenames, type DebianRelease } from './plan.ts'
import { lastLines, run } from './process.ts'
import { debianSources, indexTargetFormat } from './sources.ts'
import { isDebian, osRelease } from './tools.ts'

export const imageRepository = 'localhost/capstan-sandbox'

// Bare Debian and what makes it a machine one can log in to; all else is for the roles to install.
const packages = ['systemd-sysv', 'dbus', 'openssh-server', 'sudo', 'ca-certificates']

const aptSettings = [
  'APT::Keep-Downloaded-Packages "true";',
  'Acquire::Languages "none";',
  'Acquire::GzipIndexes "true";',
]

// No message of the day: five processes at each login, for nobody to read. None of systemd's generators that look for
// disks, terminals and what hardware has: a process each at each boot and reload.
const bare = [
  'rm -f etc/ssh/ssh_host_* usr/sbin/policy-rc.d',
  ': >etc/machine-id',
  "sed -i '/pam_motd/d' etc/pam.d/sshd",
  'mkdir -p etc/systemd/system-generators',
  'for each in cryptsetup debug getty gpt-auto hibernate-resume integritysetup rc-local run ssh system-update tpm2 ' +
    'veritysetup; do ln -s /dev/null "etc/systemd/system-generators/systemd-$each-generator" || exit; done',
].join(' && ')

// Packages go, and what apt makes of its lists is there: its first run on each host would take most of a second
// for it. The cache that knows what is installed too is made from that in no time, and would be as large again.
const cached = 'apt-get clean && apt-cache -o Dir::Cache::pkgcache= gencaches'

// Apt takes its cache for stale where a list has another time than it had; the tar has none after this one.
const settled =
  'find var/lib/apt/lists -newermt "@$SOURCE_DATE_EPOCH" -exec touch -d "@$SOURCE_DATE_EPOCH" {} +'

// What the engine has to know of an image that is a file system alone. Docker neither names itself to systemd
// nor lets it write its cgroups; a remount inside the container's own namespace mends that.
const start = 'mount -o remount,rw /sys/fs/cgroup 2>/dev/null; exec /sbin/init'
const settings = {
  podman: ['CMD ["/sbin/init"]'],
  docker: [`CMD ["/bin/sh", "-c", "${start}"]`, 'ENV container=docker'],
}

interface Recipe {
  /** Built from this machine's apt sources, else from the registry's debian. */
  readonly local: boolean
  readonly sources: readonly string[]
  readonly content: string
  readonly image: string
}

async function recipeOf(engine: Engine, release: DebianRelease): Promise<Recipe> {
  const local = isDebian() && process.getuid?.() === 0
  const sources = local ? await machineSources(release) : []
  const content = fingerprint(release, sources, packages, aptSettings, bare, cached, settled)
  const image = `${imageRepository}:${release}-${fingerprint(content, settings[engine.name])}`
  return { local, sources, content, image }
}

/** The name of the image of a bare Debian. Its tag follows from its recipe: a changed recipe is another image. */
export async function bareImage(engine: Engine, release: DebianRelease): Promise<string> {
  return (await recipeOf(engine, release)).image
}

/**
 * Builds the image of a bare Debian where the engine has none: on Debian as root by mmdebstrap from the machine's
 * own apt sources, elsewhere from the registry's debian.
 */
export async function ensureImage(
  engine: Engine,
  release: DebianRelease,
  say: (line: string) => void,
): Promise<void> {
  const { local, sources, content, image } = await recipeOf(engine, release)
  if (await hasImage(engine, image)) return
  await withLock(join(cacheDirectory(), 'images', `${release}-${content}.lock`), say, async lock => {
    if (await hasImage(engine, image)) return
    if (!local) return buildFromRegistry(engine, release, image, say, lock)
    const tarball = join(cacheDirectory(), 'images', `${release}-${content}.tar`)
    if (!existsSync(tarball)) await bootstrap(release, sources, tarball, say, lock)
    const changes = settings[engine.name].flatMap(change => ['--change', change])
    await engine.must(['import', ...changes, tarball, image], { deadline: 600, hold: lock })
  })
}

function fingerprint(...recipe: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(recipe)).digest('hex').slice(0, 12)
}

export async function hasImage(engine: Engine, image: string): Promise<boolean> {
  return (await engine.try(['image', 'inspect', '--format', '{{.Id}}', image])).code === 0
}

/** The machine's apt sources, for another Debian. To ask apt takes half a second: done when its files are others. */
async function machineSources(release: DebianRelease): Promise<readonly string[]> {
  const file = join(cacheDirectory(), 'images', `${release}.sources.json`)
  const stamp = ['/etc/apt/sources.list', '/etc/apt/sources.list.d', '/var/lib/apt/lists']
    .map(path => `${path} ${statSync(path, { throwIfNoEntry: false })?.mtimeMs}`)
    .join()
  const known = readSources(file)
  if (known?.stamp === stamp) return known.sources
  const sources = await askSources(release)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(`${file}.${process.pid}`, JSON.stringify({ stamp, sources }))
  renameSync(`${file}.${process.pid}`, file)
  return sources
}

function readSources(
  file: string,
): { readonly stamp: string; readonly sources: readonly string[] } | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}

async function askSources(release: DebianRelease): Promise<readonly string[]> {
  const words = ['indextargets', '--format', indexTargetFormat, 'Created-By: Packages']
  const ask = async () => (await run('apt-get', words)).stdout
  let targets = await ask()
  if (targets === '') {
    // It tells only of lists that were fetched once.
    await run('apt-get', ['update'], { deadline: 600 })
    targets = await ask()
  }
  return debianSources(targets, osRelease()['VERSION_CODENAME'] ?? '', release)
}

/** Builds under another name and renames, so that a tarball under its own name is whole. */
async function bootstrap(
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
  const options = [
    ...['--mode=root', '--variant=minbase', '--format=tar', `--include=${packages.join(',')}`],
    // The lists stay: without them the first thing a role does would be to fetch them.
    '--skip=cleanup/apt/lists',
    '--skip=cleanup/apt/cache',
    ...aptSettings.map(setting => `--aptopt=${setting}`),
    `--customize-hook=cd "$1" && ${bare} && ${settled} && chroot . sh -c '${cached}'`,
  ]
  const draft = join(work, 'image.tar')
  // In a mount namespace of its own: what it mounts below `work` is gone with it, however it ends, and no later
  // removal of that folder can reach into this machine's /dev or /sys.
  const words = [
    '--mount',
    '--propagation',
    'private',
    'mmdebstrap',
    ...options,
    codenames[release],
    draft,
    '-',
  ]
  const built = await run('unshare', words, {
    input: `${sources.join('\n')}\n`,
    env: { TMPDIR: work, SOURCE_DATE_EPOCH: String(Math.floor(Date.now() / 1000)) },
    deadline: 1800,
    hold: lock,
    onLine: line => tellStep(line, release, say),
  })
  if (built.code !== 0)
    throw new CapstanError('sandbox-image', `mmdebstrap of Debian ${release} exited with ${built.code}`, {
      lines: lastLines(built.stderr),
      hint: `It fetched from ${sources.join('; ')}. See that this machine reaches these, and run this again.`,
    })
  renameSync(draft, tarball)
  rmSync(work, { recursive: true, force: true })
}

function tellStep(line: string, release: DebianRelease, say: (line: string) => void): void {
  const step = /^I: ((?:running apt|downloading|extracting|installing|creating).*)/.exec(line)?.[1]
  if (step !== undefined) say(`  Debian ${release}: ${step}`)
}

async function buildFromRegistry(
  engine: Engine,
  release: DebianRelease,
  image: string,
  say: (line: string) => void,
  lock: number,
): Promise<void> {
  say(`building the image of Debian ${release} from docker.io/library/debian:${release} (2–3 min, once)`)
  const lines = [
    `FROM docker.io/library/debian:${release}`,
    `RUN rm -f /etc/apt/apt.conf.d/docker-* && printf '%s\\n' ${aptSettings.map(each => `'${each}'`).join(' ')} >/etc/apt/apt.conf.d/99capstan \\`,
    ` && apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ${packages.join(' ')} \\`,
    ` && ${cached} && cd / && ${bare}`,
    ...settings[engine.name],
  ]
  await engine.must(['build', '-t', image, '-'], {
    input: `${lines.join('\n')}\n`,
    deadline: 1800,
    hold: lock,
  })
}
