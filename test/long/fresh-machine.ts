import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ArchiveEntry, rootArchive } from '#engine/sandbox/archive.ts'
import { bootOptions } from '#engine/sandbox/container.ts'
import { type Engine, findEngine } from '#engine/sandbox/engine.ts'
import { bareImage } from '#engine/sandbox/image.ts'
import { archivesDirectory, discardArchives, harvestHost, seedPackages } from '#engine/sandbox/packages.ts'
import { containerName } from '#engine/sandbox/plan.ts'
import { readState } from '#engine/sandbox/state.ts'
import { root } from '../sandbox/machine.ts'

export interface Ended {
  readonly exitCode: number | null
  /** What it wrote to stdout and stderr. */
  readonly output: string
}

/** A Debian 12 on which nobody has run Capstan yet: with Node, git and Docker, the user ann in group docker, and bob. */
export interface FreshMachine {
  /** Runs a shell script as a login of this user; killed after `minutes` (20 by default), exit code null then. */
  as(user: string, script: string, minutes?: number): Promise<Ended>
  /** The output of a script that root runs; throws where it doesn't exit with 0. */
  say(script: string, minutes?: number): Promise<string>
  remove(): Promise<void>
}

/** Where this machine has cgroup v1, Docker is tried on it and on v2 alone. */
export const cgroupVersions = existsSync('/sys/fs/cgroup/cgroup.controllers') ? ['2'] : ['1', '2']

const host = 'fresh'
const debian = 12

/**
 * Makes the machine: a privileged container with systemd and a dockerd of its own, so that its users, daemons, images
 * and firewall rules are gone with it. The working tree is in /srv/capstan there, as a repository to clone.
 */
export async function freshMachine(): Promise<FreshMachine> {
  const engine = await findEngine(readState(root)?.engine, () => {})
  const container = containerName(root, host)
  const remove = async () => {
    await engine.try(['rm', '--force', '--volumes', container])
    harvestHost(root, host, debian)
    await discardArchives(engine, archivesDirectory(root, host, debian))
  }
  const as = async (user: string, script: string, minutes = 20) => {
    const args = ['exec', container, 'su', '-', user, '-c', `{ ${script}\n} 2>&1`]
    const { code, stdout, stderr } = await engine.try(args, { deadline: minutes * 60 })
    return { exitCode: code, output: stdout + stderr }
  }
  const say = async (script: string, minutes?: number) => {
    const { exitCode, output } = await as('root', script, minutes)
    if (exitCode === 0) return output
    throw new Error(`the fresh machine: a script exited with ${exitCode}:\n${output}\n${script}`)
  }
  await remove()
  await seedPackages(engine, root, host, debian, async () => {})
  await engine.must([
    ...['run', '--detach', '--name', container, '--hostname', host, '--privileged', '--pids-limit', '-1'],
    ...bootOptions(engine, root, host),
    ...(cgroupVersions.includes('1') ? ['--cgroupns', 'host'] : []),
    // Overlay does not lie on overlay.
    ...['/var/lib/docker', '/var/lib/containers'].flatMap(path => ['--volume', path]),
    ...['--volume', `${archivesDirectory(root, host, debian)}:/var/cache/apt/archives`],
    await bareImage(engine, debian),
  ])
  await engine.try(['exec', container, 'systemctl', 'is-system-running', '--wait'])
  await put(engine, container, files())
  await copyNode(engine, container)
  await copyProject(engine, container)
  await say(`sh /root/setup.sh ${cgroupVersions[0]}`, 30)
  return { as, say, remove }
}

function files(): readonly ArchiveEntry[] {
  const read = (name: string) => readFileSync(join(import.meta.dirname, name))
  const authorities = process.env['NODE_EXTRA_CA_CERTS']
  const more = '/etc/ssl/more-authorities.pem'
  return [
    { path: 'etc/capstan-fresh-machine', mode: 0o644, content: '' },
    { path: 'root/setup.sh', mode: 0o755, content: read('setup.sh') },
    { path: 'usr/local/sbin/whole-cgroups', mode: 0o755, content: read('whole-cgroups.sh') },
    ...(authorities === undefined
      ? []
      : [
          { path: more.slice(1), mode: 0o644, content: readFileSync(authorities) },
          { path: 'etc/environment', mode: 0o644, content: `NODE_EXTRA_CA_CERTS=${more}\n` },
        ]),
  ]
}

async function put(engine: Engine, container: string, entries: readonly ArchiveEntry[]): Promise<void> {
  await engine.must(['cp', '-', `${container}:/`], { input: rootArchive(entries) })
}

/** The Node and npm that run this. */
async function copyNode(engine: Engine, container: string): Promise<void> {
  const npm = join(execFileSync('npm', ['root', '--global'], { encoding: 'utf8' }).trim(), 'npm')
  await engine.must(['cp', process.execPath, `${container}:/usr/local/bin/node`])
  await engine.must(['cp', npm, `${container}:/usr/local/lib/npm`])
}

/** The working tree, new files too, without what git ignores. */
async function copyProject(engine: Engine, container: string): Promise<void> {
  const list = ['ls-files', '-z', '--cached', '--others', '--exclude-standard']
  const names = execFileSync('git', list, { cwd: root, encoding: 'utf8' }).split('\0')
  const present = names.filter(name => name !== '' && existsSync(join(root, name)))
  const options = [
    '--create',
    '--null',
    '--files-from=-',
    '--owner=0',
    '--group=0',
    '--transform=s,^,srv/capstan/,',
  ]
  const archive = execFileSync('tar', options, {
    cwd: root,
    input: `${present.join('\0')}\0`,
    maxBuffer: 1 << 28,
  })
  // Podman's own cp fails where tar has padded the archive by more than it reads.
  await engine.must(['exec', '--interactive', container, 'tar', '-x', '-C', '/'], { input: archive })
}
