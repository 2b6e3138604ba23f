import { createHash } from 'node:crypto'
import type { DebianRelease } from '#engine/systems.ts'
import type { Engine } from './engine.ts'

/**
 * Bare Debian, what makes it a machine one can log in to, and what the images of hosting providers bring along; all else is for
 * the roles to install.
 */
export const packages = [
  ...['systemd-sysv', 'dbus', 'openssh-server', 'sudo', 'ca-certificates'],
  ...['nftables', 'systemd-timesyncd', 'tzdata', 'unattended-upgrades'],
]

export const aptSettings = [
  'APT::Keep-Downloaded-Packages "true";',
  'Acquire::Languages "none";',
  'Acquire::GzipIndexes "true";',
]

/**
 * Run in the image's root directory. No message of the day: five processes at each login, for nobody to read. None of
 * systemd's generators that look for disks, terminals and what hardware has: a process each at each boot and reload.
 */
export const bare = [
  'rm -f etc/ssh/ssh_host_* usr/sbin/policy-rc.d',
  ': >etc/machine-id',
  "sed -i '/pam_motd/d' etc/pam.d/sshd",
  'mkdir -p etc/systemd/system-generators',
  'for each in cryptsetup debug getty gpt-auto hibernate-resume integritysetup rc-local run ssh system-update tpm2 ' +
    'veritysetup; do ln -s /dev/null "etc/systemd/system-generators/systemd-$each-generator" || exit; done',
].join(' && ')

/**
 * Packages go, and what apt makes of its lists is there: its first run on each host would take most of a second
 * for it. The cache that knows what is installed too is made from that in no time, and would be as large again.
 */
export const cached = 'apt-get clean && apt-cache -o Dir::Cache::pkgcache= gencaches'

/** Apt takes its cache for stale where a list has another time than it had; the tar has none after this one. */
export const settled =
  'find var/lib/apt/lists -newermt "@$SOURCE_DATE_EPOCH" -exec touch -d "@$SOURCE_DATE_EPOCH" {} +'

// Docker neither names itself to systemd nor lets it write its cgroups; a remount inside the container's own
// namespace makes them writable.
const start = 'mount -o remount,rw /sys/fs/cgroup 2>/dev/null; exec /sbin/init'

const settings = {
  podman: ['CMD ["/sbin/init"]'],
  docker: [`CMD ["/bin/sh", "-c", "${start}"]`, 'ENV container=docker'],
}

// From 258 on, systemd knows cgroup v2 alone. On a machine that has its controllers in v1 the container gets a cgroup of the
// v2 hierarchy that it is the root of, without controllers; it stays there, empty, when the container is gone.
const newStart =
  'mount -o remount,rw /sys/fs/cgroup 2>/dev/null; [ -e /sys/fs/cgroup/cgroup.controllers ] || { ' +
  'own=/sys/fs/cgroup/capstan/$(cat /etc/machine-id); umount -R /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup && ' +
  "mkdir -p $own && echo $$ >$own/cgroup.procs && exec unshare --cgroup sh -c 'umount /sys/fs/cgroup && " +
  "mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec /sbin/init'; exit 1; }; exec /sbin/init"

const newSettings = {
  podman: [`CMD ["/bin/sh", "-c", "${newStart}"]`],
  docker: [`CMD ["/bin/sh", "-c", "${newStart}"]`, 'ENV container=docker'],
}

/** What the engine has to know of an image that is a file system alone. */
export function settingsOf(engine: Engine, release: DebianRelease): readonly string[] {
  return (release === 'sid' ? newSettings : settings)[engine.name]
}

/** Twelve hex digits of what an image's file system is made from. */
export function contentOf(release: DebianRelease, sources: readonly string[]): string {
  return fingerprint(release, sources, packages, aptSettings, bare, cached, settled)
}

/** The tag of an image: it follows from its recipe, so a changed recipe is another image. */
export function tagOf(engine: Engine, release: DebianRelease, content: string): string {
  return `${release}-${fingerprint(content, settingsOf(engine, release))}`
}

function fingerprint(...recipe: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(recipe)).digest('hex').slice(0, 12)
}
