import { createHash } from 'node:crypto'
import { access, appendFile, constants } from 'node:fs/promises'
import { UnreachableError } from '../errors.ts'
import { quote } from '../quote.ts'
import { openssh, type ToolOutcome } from './openssh.ts'
import { isRevoked } from './revoked-keys.ts'
import type { SshConfig } from './ssh-config.ts'

/** One line of a known_hosts file that is about the host. */
export interface KnownKey {
  readonly file: string
  readonly line: number
  readonly marker: 'cert-authority' | 'revoked' | undefined
  /** `ssh-ed25519`, `ssh-rsa`, `ecdsa-sha2-nistp256` … */
  readonly type: string
  readonly key: Buffer
}

/**
 * What all known_hosts files of the configuration hold for the host: hashed names, patterns and `[host]:port`
 * are ssh-keygen's to read. Throws UnreachableError on a file that exists and cannot be read.
 */
export async function knownKeys(config: SshConfig, name = config.hostKeyName): Promise<readonly KnownKey[]> {
  if (config.knownHosts !== undefined) return keysInLines(config.knownHosts, name)
  const files = [...config.userKnownHosts, ...config.globalKnownHosts]
  return (await Promise.all(files.map(file => keysIn(file, name)))).flat()
}

/** Host-key algorithms to ask for, those of known keys first; without SHA-1. */
export function hostKeyAlgorithms(known: readonly KnownKey[]): readonly string[] {
  const types = new Set(known.filter(key => key.marker === undefined).map(key => key.type))
  const first = algorithms.filter(algorithm => types.has(typeOf(algorithm)))
  return [...first, ...algorithms.filter(algorithm => !first.includes(algorithm))]
}

/** Resolves when the key is the host's own by known_hosts, else throws UnreachableError that says what to do. */
export async function verifyHostKey(
  host: string,
  config: SshConfig,
  known: readonly KnownKey[],
  key: Buffer,
): Promise<void> {
  const shown = `${keyType(key)} ${fingerprint(key)}`
  const revoked = known.filter(entry => entry.marker === 'revoked' && entry.key.equals(key))
  if (revoked.length > 0) throw givenUp(host, shown, places(revoked))
  const { revokedHostKeys } = config
  if (revokedHostKeys !== undefined && (await isRevoked(revokedHostKeys, key)))
    throw givenUp(host, shown, [`RevokedHostKeys: ${revokedHostKeys}`])
  const own = known.filter(entry => entry.marker === undefined)
  if (own.some(entry => entry.key.equals(key))) return
  const other = own.filter(entry => entry.type === keyType(key))
  if (other.length > 0) throw changed(host, config, other, shown)
  if (await knownWithoutPort(config, key)) return
  const accepts = config.strictHostKeyChecking === 'accept-new' && config.knownHosts === undefined
  if (accepts && own.length === 0) return accept(config, key)
  throw unknown(host, config, known, key)
}

/** `SHA256:` and the base64 digest, as `ssh-keygen -l` prints it. */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`
}

const algorithms = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
]

function typeOf(algorithm: string): string {
  return algorithm.startsWith('rsa-') ? 'ssh-rsa' : algorithm
}

async function keysIn(file: string, name: string): Promise<readonly KnownKey[]> {
  try {
    await access(file, constants.R_OK)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(String((error as NodeJS.ErrnoException).code))) return []
    throw new UnreachableError('known-hosts', `${file}: not readable, so host keys cannot be verified`)
  }
  return keysFound(file, await openssh('ssh-keygen', ['-F', name, '-f', file]))
}

/** What the lines are called in messages. */
const linesName = 'CAPSTAN_KNOWN_HOSTS'

// ssh-keygen reads a path; a pipe is one, and what goes through it is on no disk.
async function keysInLines(lines: string, name: string): Promise<readonly KnownKey[]> {
  const script = 'printf "%s\\n" "$KNOWN_HOSTS" | exec ssh-keygen -F "$1" -f /dev/stdin'
  return keysFound(linesName, await openssh('sh', ['-c', script, 'sh', name], { KNOWN_HOSTS: lines }))
}

function keysFound(file: string, { exitCode, stdout, stderr }: ToolOutcome): readonly KnownKey[] {
  if (exitCode > 1 || /not a valid known_hosts|invalid/i.test(stderr))
    throw new UnreachableError('known-hosts', `${file}: ssh-keygen -F cannot read it`, {
      hint: 'Fix or remove the line in the message.',
      lines: stderr.split('\n').filter(Boolean).slice(-6),
    })
  return parseFound(stdout, file)
}

/** The output of `ssh-keygen -F`: before each line of the file a comment that tells its number. */
export function parseFound(stdout: string, file: string): readonly KnownKey[] {
  const keys: KnownKey[] = []
  let line = 0
  for (const text of stdout.split('\n')) {
    const number = text.match(/^# Host .* found: line (\d+)/)?.[1]
    if (number !== undefined) line = Number(number)
    const fields = text.trim().split(/\s+/)
    if (text.startsWith('#') || fields.length < 3) continue
    const marked = fields[0]?.startsWith('@') ? fields[0].slice(1) : undefined
    const [, type = '', key = ''] = marked === undefined ? fields : fields.slice(1)
    const marker = marked === 'revoked' || marked === 'cert-authority' ? marked : undefined
    keys.push({ file, line, marker, type, key: Buffer.from(key, 'base64') })
  }
  return keys
}

/** The algorithm name that a public key's blob begins with. */
function keyType(key: Buffer): string {
  return key.subarray(4, 4 + key.readUInt32BE(0)).toString('latin1')
}

// As OpenSSH does: a key known for the host on port 22 is good on another port too.
async function knownWithoutPort(config: SshConfig, key: Buffer): Promise<boolean> {
  if (!config.hostKeyName.startsWith('[')) return false
  const known = await knownKeys(config, config.hostname.toLowerCase())
  return known.some(entry => entry.marker === undefined && entry.key.equals(key))
}

async function accept(config: SshConfig, key: Buffer): Promise<void> {
  const file = config.userKnownHosts[0]
  if (file !== undefined) await appendFile(file, `${entryFor(config, key)}\n`, { mode: 0o600 })
}

function entryFor(config: SshConfig, key: Buffer): string {
  return `${config.hostKeyName} ${keyType(key)} ${key.toString('base64')}`
}

function unknown(host: string, config: SshConfig, known: readonly KnownKey[], key: Buffer): UnreachableError {
  const type = keyType(key)
  const file = config.userKnownHosts[0] ?? '~/.ssh/known_hosts'
  const authority = known.some(entry => entry.marker === 'cert-authority')
  const others = known.filter(entry => entry.marker === undefined)
  const lines = [
    ...(authority ? ['known_hosts has a @cert-authority for it; host certificates are not supported'] : []),
    ...(others.length > 0
      ? [`known_hosts has another type of key for it: ${places(others).join(', ')}`]
      : []),
  ]
  const add =
    config.knownHosts === undefined
      ? `add it:\n  echo ${quote(entryFor(config, key))} >> ${quote(file)}`
      : `add this line to ${linesName}:\n  ${entryFor(config, key)}`
  return new UnreachableError(
    'host-key-unknown',
    `${host}: the host key of ${config.hostKeyName} is unknown: ${type} ${fingerprint(key)}`,
    {
      hint: `Compare it on the host: ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub. If it is the same, ${add}`,
      lines,
    },
  )
}

function givenUp(host: string, shown: string, lines: readonly string[]): UnreachableError {
  return new UnreachableError('host-key-revoked', `${host}: the host showed a revoked key: ${shown}`, {
    hint: 'Do not log in: this key was revoked. Create a new host key on the host.',
    lines,
  })
}

function changed(
  host: string,
  config: SshConfig,
  other: readonly KnownKey[],
  shown: string,
): UnreachableError {
  const file = other[0]?.file ?? ''
  return new UnreachableError(
    'host-key-changed',
    `${host}: the host key of ${config.hostKeyName} changed: another machine answers, or this one was reinstalled`,
    {
      hint:
        config.knownHosts === undefined
          ? `If you know why it changed, remove the old key, and run again to see the new one:\n  ssh-keygen -R ${quote(config.hostKeyName)} -f ${quote(file)}`
          : `If you know why it changed, remove its old lines from ${linesName}, and run again to see the new one.`,
      lines: [...places(other).map(place => `known: ${place}`), `shown: ${shown}`],
    },
  )
}

function places(known: readonly KnownKey[]): readonly string[] {
  return known.map(({ type, key, file, line }) => `${type} ${fingerprint(key)} (${file}:${line})`)
}
