import { accessSync, constants, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { lastLines, run } from '#engine/program.ts'
import { CapstanError, UsageError } from '../errors.ts'
import { archiveKeyring } from './sources.ts'

/** A program or file that this machine needs, and the Debian package that has it. */
export interface Tool {
  readonly package: string
  /** Any one of these files will do; a bare name is looked up in PATH. */
  readonly files: readonly string[]
}

/**
 * Makes sure that these tools are installed: on Debian and Ubuntu as root by apt, with a line that says so.
 * Elsewhere throws UsageError with the command that installs what is missing.
 */
export async function ensureTools(tools: readonly Tool[], say: (line: string) => void): Promise<void> {
  const missing = missingPackages(tools)
  if (missing.length === 0) return
  const lacks = `sandbox: this machine lacks ${missing.join(', ')}`
  if (!isDebianFamily()) {
    const hint = 'Install the packages that provide these, and run again.'
    throw new UsageError('sandbox-no-engine', lacks, { hint })
  }
  const command = `apt-get install --no-install-recommends ${missing.join(' ')}`
  if (!isRoot()) {
    throw new UsageError('sandbox-no-engine', lacks, { hint: `Run \`sudo ${command}\`, then this again.` })
  }
  say(`installing ${missing.join(', ')} on this machine with apt (about 1 min, once)`)
  await install(missing, command)
}

/** The packages of those tools that are not there. */
export function missingPackages(tools: readonly Tool[]): readonly string[] {
  return tools.filter(tool => !tool.files.some(isPresent)).map(tool => tool.package)
}

/** Whether we may do on this machine whatever we like. */
export function isRoot(): boolean {
  return process.getuid?.() === 0
}

/** Whether this is Debian itself, whose apt sources can build a Debian image. */
export function isDebian(): boolean {
  return osRelease()['ID'] === 'debian'
}

/** `/etc/os-release` as a record; empty where there is none. Source: os-release(5). */
export function osRelease(): Readonly<Record<string, string>> {
  if (!existsSync('/etc/os-release')) return {}
  const lines = readFileSync('/etc/os-release', 'utf8').matchAll(/^([A-Z_]+)="?([^"\n]*)"?$/gm)
  return Object.fromEntries(Array.from(lines, ([, key, value]) => [key, value]))
}

/**
 * Whether containers need runc and limits of our own: without CAP_SYS_RESOURCE the engine's default limits
 * cannot be set, and crun does not start systemd on hybrid cgroups (v1 with v2 beside it).
 */
export function needsRunc(): boolean {
  if (process.platform !== 'linux' || !isRoot()) return false
  const capabilities = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'
  const sysResource = 1n << 24n
  return (BigInt(`0x${capabilities}`) & sysResource) === 0n || existsSync('/sys/fs/cgroup/unified')
}

/** What makes the keys, whichever the engine. */
export const keyTools: readonly Tool[] = [{ package: 'openssh-client', files: ['ssh-keygen'] }]

/** What builds an image of Debian without a registry. An ordinary user needs a range of further uids for it. */
export function bootstrapTools(): readonly Tool[] {
  return [
    { package: 'mmdebstrap', files: ['mmdebstrap'] },
    { package: 'debian-archive-keyring', files: [archiveKeyring] },
    ...(isRoot() ? [] : [{ package: 'uidmap', files: ['newuidmap'] }]),
  ]
}

/** What podman needs, as root. */
export async function podmanTools(): Promise<readonly Tool[]> {
  return [
    { package: 'podman', files: ['podman'] },
    { package: 'conmon', files: ['conmon', '/usr/libexec/podman/conmon'] },
    ...(needsRunc() ? [{ package: 'runc', files: ['runc'] }] : []),
    ...(await networkTools()),
    ...(isDebian() ? bootstrapTools() : []),
    ...keyTools,
  ]
}

// Netavark before 1.10 calls iptables and says no more than "No such file or directory" where it is missing;
// no package of podman's depends on it. CNI's plugins call it too.
async function networkTools(): Promise<readonly Tool[]> {
  const backend = await networkBackend()
  const iptables = { package: 'iptables', files: ['iptables'] }
  const cni = {
    package: 'containernetworking-plugins',
    files: ['/usr/lib/cni/bridge', '/opt/cni/bin/bridge'],
  }
  if (backend === 'cni') return [cni, iptables]
  const libexec = (name: string) => [`/usr/lib/podman/${name}`, `/usr/libexec/podman/${name}`, name]
  return ['netavark', 'aardvark-dns'].map(name => ({ package: name, files: libexec(name) })).concat(iptables)
}

/** What podman says, or will say once it is installed: it takes CNI where netavark cannot be had. */
async function networkBackend(): Promise<'netavark' | 'cni'> {
  if (isPresent('podman')) {
    const info = await run('podman', ['info', '--format', 'json'])
    if (info.code !== 0)
      throw new CapstanError('sandbox-engine', `podman info exited with ${info.code}`, {
        lines: lastLines(info.stderr),
        hint: 'Podman does not work on this machine: fix the problem above, or start Docker.',
      })
    return info.stdout.includes('"networkBackend": "netavark"') ? 'netavark' : 'cni'
  }
  const known = await run('apt-cache', ['show', 'netavark'])
  if (known.code !== 0) await run('apt-get', ['update'], { deadline: 600 })
  return (await run('apt-cache', ['show', 'netavark'])).code === 0 ? 'netavark' : 'cni'
}

async function install(packages: readonly string[], command: string): Promise<void> {
  const attempt = () =>
    run(
      'apt-get',
      ['install', '-y', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=600', ...packages],
      { deadline: 1800, env: { DEBIAN_FRONTEND: 'noninteractive' } },
    )
  const first = await attempt()
  if (first.code === 0) return
  // Lists that were never fetched, or that name versions long gone.
  await run('apt-get', ['update'], { deadline: 600 })
  const second = await attempt()
  if (second.code === 0) return
  throw new UsageError('sandbox-no-engine', `sandbox: ${command} exited with ${second.code}`, {
    lines: lastLines(second.stderr),
    hint: 'Install these packages by hand and run again.',
  })
}

export function isDebianFamily(): boolean {
  const release = osRelease()
  return [release['ID'], ...(release['ID_LIKE'] ?? '').split(' ')].some(
    id => id === 'debian' || id === 'ubuntu',
  )
}

/** Whether a program is there: by its path, or by its name in PATH and where root's are. */
export function isPresent(file: string): boolean {
  const folders = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin', '/usr/local/sbin']
  const places = file.startsWith('/') ? [file] : folders.map(folder => join(folder, file))
  return places.some(place => {
    try {
      accessSync(place, file.startsWith('/usr/share/') ? constants.R_OK : constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
