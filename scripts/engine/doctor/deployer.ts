import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Connection } from '#engine/connection/connection.ts'
import { HostError, UsageError } from '#engine/errors.ts'
import { lastLines, run } from '#engine/program.ts'
import { quote } from '#engine/quote.ts'

export interface KeyPair {
  /** As ssh-keygen writes it, for a secret. */
  readonly privateKey: string
  /** `ssh-ed25519 AAAA… comment`. */
  readonly publicKey: string
}

/**
 * A new ed25519 key, made by ssh-keygen in memory where there is /dev/shm. (ssh2's own generator makes one in 128
 * a byte too short, which OpenSSH refuses.)
 */
export async function newKey(comment: string): Promise<KeyPair> {
  const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'capstan-key-'))
  try {
    const file = join(folder, 'key')
    const made = await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', comment, '-f', file])
    if (made.code !== 0)
      throw new UsageError('ssh-keygen', `ssh-keygen made no key, and exited with ${made.code}`, {
        lines: lastLines(made.stderr),
        hint: "Install OpenSSH's client: apt-get install openssh-client.",
      })
    return { privateKey: readFileSync(file, 'utf8'), publicKey: readFileSync(`${file}.pub`, 'utf8').trim() }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

export interface DeployUser {
  readonly user: string
  readonly publicKey: string
  /** What tells the key from others in authorized_keys: the one before it with this comment goes. */
  readonly comment: string
  /** Where logins may come from, as sshd's `from=` has it; undefined: anywhere. */
  readonly from: string | undefined
}

/**
 * Makes the user that deploys, its only way in the key, its only right to become root by sudo. Gives the host's
 * own public keys. Throws HostError with what the host said.
 */
export async function makeDeployUser(connection: Connection, wanted: DeployUser): Promise<readonly string[]> {
  const { stdout, stderr, exitCode } = await connection.run(script(wanted), { deadline: 300 })
  if (exitCode === 0) return stdout.toString().split('\n').filter(Boolean)
  throw new HostError('deploy-user', `${connection.host}: the user ${wanted.user} could not be made`, {
    lines: stderr.toString().trim().split('\n').slice(-6),
    hint: 'Completed parts stay. Fix the problem and run again.',
  })
}

// `restrict`: no terminal, no forwarding of agent, ports or X11, no rc file.
function script({ user, publicKey, comment, from }: DeployUser): string {
  const options = from === undefined ? 'restrict' : `restrict,from="${from}"`
  return `set -eu
user=${quote(user)} key=${quote(`${options} ${publicKey}`)} comment=${quote(comment)}
command -v sudo >/dev/null || DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends sudo >&2
getent passwd "$user" >/dev/null || useradd --create-home --shell /bin/sh --password '*' --comment 'Capstan deploys' -- "$user"
home=$(getent passwd "$user" | cut -d: -f6)
[ -n "$home" ] && [ "$home" != / ]
install -d -m 700 -o "$user" -g "$(id -gn "$user")" "$home/.ssh"
keys=$home/.ssh/authorized_keys
new=$(mktemp "$home/.ssh/.keys.XXXXXX")
{ [ ! -f "$keys" ] || awk -v comment=" $comment" 'substr($0, length($0) - length(comment) + 1) != comment' "$keys"; printf '%s\\n' "$key"; } >"$new"
chmod 600 "$new"; chown "$user:$(id -gn "$user")" "$new"; mv -f -- "$new" "$keys"
rule=/etc/sudoers.d/capstan-$user
new=$(mktemp /etc/sudoers.d/.capstan.XXXXXX)
printf '# Made by Capstan (scripts/doctor.mjs): deploys become root.\\n%s ALL=(root) NOPASSWD: /bin/sh\\n' "$user" >"$new"
chmod 440 "$new"
if visudo -cqf "$new"; then mv -f -- "$new" "$rule"; else rm -f -- "$new"; echo "sudo refuses $rule" >&2; exit 1; fi
cat /etc/ssh/ssh_host_*_key.pub | awk '{ print $1, $2 }'
`
}
