import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { lastLines, run } from '#engine/program.ts'
import { CapstanError } from '../errors.ts'
import { type SandboxState, stateDirectory } from './state.ts'

/** The private key that opens every host of the clone's sandbox. */
export function loginKey(root: string): string {
  return join(stateDirectory(root), 'id_ed25519')
}

/** The private key by which a sandbox host proves to be itself; it outlives the container. */
export function hostKey(root: string, host: string): string {
  return join(stateDirectory(root), 'hosts', host, 'ssh_host_ed25519_key')
}

export function knownHostsFile(root: string): string {
  return join(stateDirectory(root), 'known_hosts')
}

/** Makes a pair where there is none: `path` (0600) and `path`.pub. */
export async function ensureKey(path: string, comment: string): Promise<void> {
  if (existsSync(path)) return
  mkdirSync(join(path, '..'), { recursive: true, mode: 0o700 })
  const draft = mkdtempSync(`${path}.new-`)
  try {
    const key = join(draft, 'key')
    const made = await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', comment, '-f', key])
    if (made.code !== 0)
      throw new CapstanError('sandbox-key', `ssh-keygen exited with ${made.code}`, {
        lines: lastLines(made.stderr),
      })
    chmodSync(key, 0o600)
    renameSync(`${key}.pub`, `${path}.pub`)
    // The private half comes last: where it is, the pair is whole.
    renameSync(key, path)
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
}

/** Writes known_hosts for all recorded hosts, under the published port and the address in the network. */
export function writeKnownHosts(root: string, hosts: SandboxState['hosts']): void {
  const lines = Object.entries(hosts)
    .filter(([name]) => existsSync(`${hostKey(root, name)}.pub`))
    .map(([name, host]) => {
      const [type, key] = readFileSync(`${hostKey(root, name)}.pub`, 'utf8').split(' ')
      return `[127.0.0.1]:${host.ports.ssh},${host.ip} ${type} ${key}\n`
    })
  const draft = `${knownHostsFile(root)}.${process.pid}`
  writeFileSync(draft, lines.join(''), { mode: 0o600 })
  renameSync(draft, knownHostsFile(root))
}
