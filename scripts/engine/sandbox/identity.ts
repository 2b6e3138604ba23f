import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { type ArchiveEntry, rootArchive } from './archive.ts'
import type { Engine } from './engine.ts'
import { ensureKey, hostKey, loginKey } from './keys.ts'
import { cloneId, containerName } from './plan.ts'

/**
 * Puts into a container, running or not, what makes it this host: the keys, a machine-id that stays over `down` and `up`, and
 * an /etc/hosts with this address; undefined: it has one. Done until the host was ready once: from then on these files are the roles'.
 */
export async function injectIdentity(
  engine: Engine,
  root: string,
  host: string,
  ip: string | undefined,
): Promise<void> {
  await ensureKey(hostKey(root, host), host)
  const archive = rootArchive(identity(root, host, ip))
  // With `--archive`, its default, podman runs itself four times more.
  await engine.must(['cp', '--archive=false', '-', `${containerName(root, host)}:/`], { input: archive })
}

/** Directories that the image has are not among them: an engine would give those the modes of the archive. */
function identity(root: string, host: string, ip: string | undefined): readonly ArchiveEntry[] {
  const id = createHash('sha256')
    .update(`${cloneId(root)} ${host}`)
    .digest('hex')
    .slice(0, 32)
  const key = hostKey(root, host)
  return [
    { path: 'etc/machine-id', mode: 0o444, content: `${id}\n` },
    ...(ip === undefined ? [] : [{ path: 'etc/hosts', mode: 0o644, content: hostsFile(host, ip) }]),
    { path: 'etc/ssh/ssh_host_ed25519_key', mode: 0o600, content: readFileSync(key) },
    { path: 'etc/ssh/ssh_host_ed25519_key.pub', mode: 0o644, content: readFileSync(`${key}.pub`) },
    { path: 'root/.ssh', mode: 0o700 },
    { path: 'root/.ssh/authorized_keys', mode: 0o600, content: readFileSync(`${loginKey(root)}.pub`) },
  ]
}

function hostsFile(host: string, ip: string): string {
  return `127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n${ip}\t${host}\n`
}
