import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { connectSsh } from '#engine/connection/ssh.ts'
import type { SshTarget } from '#engine/connection/target.ts'
import { quote } from '#engine/quote.ts'
import { type SandboxHost, sandboxUp } from '#engine/sandbox/sandbox.ts'
import { kept } from './kept.ts'

/** A sandbox host with users of every kind, and a folder for keys and known_hosts of ours. */
export interface WireHost {
  readonly host: SandboxHost
  readonly directory: string
  /** How to log in as `user`; anything else may be overridden. */
  target(user: string, other?: Partial<SshTarget>): SshTarget
  /** Writes a known_hosts file with these lines and gives its path. */
  knownHosts(...lines: readonly string[]): string
  /** `ssh-ed25519 AAAA…` of the host. */
  readonly hostKey: string
  remove(): void
}

export const sudoPassword = 'p&a\'ss "w$ord'

const root = dirname(dirname(import.meta.dirname))

/** Users: `free` (sudo without a password, zsh), `asks` (with one, fish), `outsider`, `ttyonly`, `locked`, `single`. */
export async function wireHost(debian: SandboxHost['debian'] = 12): Promise<WireHost> {
  const name = `wire${debian}`
  const image = await kept('shells', debian)
  const [host] = await sandboxUp([{ name, debian, image }], { root, say: () => {} })
  if (host === undefined) throw new Error('no sandbox host')
  const directory = mkdtempSync(join(tmpdir(), 'capstan-wire-'))
  const base = { host: name, address: host.address, port: host.port, sudo: 'auto' } as const
  const target = (user: string, other: Partial<SshTarget> = {}): SshTarget => ({
    ...base,
    ...{ user, keyFile: host.keyFile, knownHostsFile: host.knownHostsFile },
    ...other,
  })
  const admin = await connectSsh(target('root'))
  const made = await admin.run(setup, { deadline: 300 })
  if (made.exitCode !== 0) throw new Error(made.stderr.toString())
  await admin.close()
  const known = execFileSync('ssh-keygen', ['-F', `[127.0.0.1]:${host.port}`, '-f', host.knownHostsFile])
  const hostKey = known.toString().match(/ssh-ed25519 \S+/)?.[0] ?? ''
  return {
    host,
    directory,
    target,
    hostKey,
    knownHosts: (...lines) => {
      const file = join(mkdtempSync(join(directory, 'k')), 'known_hosts')
      writeFileSync(file, lines.map(line => `${line}\n`).join(''))
      return file
    },
    remove: () => rmSync(directory, { recursive: true }),
  }
}

// Several files of tests share the host: one of them sets it up, and sshd is not restarted while another connects.
const setup = `set -e
exec 7>/run/wire.lock
flock 7
user() { # NAME SHELL
  id "$1" >/dev/null 2>&1 || useradd --create-home --shell "$2" "$1"
  install -d -m 700 -o "$1" "/home/$1/.ssh"
  install -m 600 -o "$1" /root/.ssh/authorized_keys "/home/$1/.ssh/authorized_keys"
}
user free /usr/bin/zsh
user asks /usr/bin/fish
user outsider /bin/sh
user ttyonly /bin/sh
user locked /usr/sbin/nologin
user single /bin/bash
printf '%s\\n' ${quote(`asks:${sudoPassword}`)} ${quote(`outsider:${sudoPassword}`)} | chpasswd
printf 'echo noise; echo more noise >&2\\n' >/home/free/.zshenv
printf 'echo noise of bash\\n' >/home/single/.bashrc
cat >/etc/sudoers.d/wire <<'E'
free ALL=(ALL) NOPASSWD: ALL
single ALL=(ALL) NOPASSWD: ALL
ttyonly ALL=(ALL) NOPASSWD: ALL
asks ALL=(ALL) ALL
Defaults:ttyonly requiretty
Defaults:asks timestamp_timeout=0
E
config=/etc/ssh/sshd_config.d/wire.conf
[ ! -e "$config" ] || exit 0
printf 'Match User single\\nMaxSessions 1\\n' >"$config.new"
mv "$config.new" "$config"
sshd -t
systemctl restart ssh 7>&-
`
