import { UnreachableError } from '../errors.ts'
import { quoteAll } from '../quote.ts'
import type { Identities } from './identities.ts'
import { levelOf } from './lifeline.ts'
import type { SshConfig } from './ssh-config.ts'
import type { SshTarget } from './target.ts'

/** How far a login came that did not succeed. */
export interface LoginProgress {
  readonly host: string
  /** What the user would give to ssh. */
  readonly target: SshTarget
  readonly config: SshConfig
  readonly identities: Identities
  /** Whether the host showed its key: from there on it is no stray reset. */
  readonly greeted: boolean
  /** The keys that were offered. */
  readonly tried: readonly string[]
  /** A proxy's last words. */
  readonly said: string
  readonly seconds: number
}

/** The error for the user; its code is `dropped` where another attempt makes sense. */
export function explainLogin(error: Error, progress: LoginProgress): UnreachableError {
  const { host, config, greeted, said, seconds } = progress
  const at = `${host}: ${config.hostname} port ${config.port}`
  const level = levelOf(error)
  const lines = said
    .split('\n')
    .filter(line => line.trim() !== '')
    .slice(-6)
  if (level === 'client-authentication') return authFailed(progress)
  if (/no matching/i.test(error.message))
    return new UnreachableError('ssh-algorithms', `${at}: ${error.message}`, {
      hint: 'The host only offers outdated cryptography (SHA-1, 3des, CBC). Update its OpenSSH.',
      cause: error,
    })
  if (lines.length > 0 || config.proxyCommand !== undefined || config.proxyJump !== undefined)
    return new UnreachableError('proxy', `${at}: the proxy failed: ${error.message}`, {
      hint: byHand(progress),
      lines,
      cause: error,
    })
  if (level === 'client-timeout')
    return new UnreachableError(
      'handshake-timeout',
      `${at}: connected, but no SSH login within ${Math.round(seconds)} s`,
      {
        hint: 'Check that sshd listens on this port, and that the host is not overloaded.',
      },
    )
  return new UnreachableError(greeted ? 'handshake' : 'dropped', `${at}: ${error.message}`, {
    hint: 'sshd (MaxStartups, PerSourcePenalties) or a firewall dropped the connection, or this is not sshd: see the journal of the host.',
    cause: error,
  })
}

/** The alias, for the address alone would bypass what ssh_config says of the way. */
function byHand({ target, config }: LoginProgress): string {
  const { address, user, port, configFile } = target
  const args = [
    ...['ssh', '-v'],
    ...(configFile === undefined || configFile === 'none' ? [] : ['-F', configFile]),
    ...(user === undefined ? [] : ['-l', user]),
    ...(port === undefined ? [] : ['-p', String(port)]),
    address,
  ]
  const way =
    config.proxyJump === undefined
      ? `The connection goes through the command \`${config.proxyCommand}\`.`
      : `The connection goes through ${config.proxyJump}: check that this host is up and accepts your key.`
  return `Try it by hand: ${quoteAll(args)}. ${way}`
}

function authFailed({ host, config, identities, tried }: LoginProgress): UnreachableError {
  const keys = tried.length === 0 ? 'there is no key to try' : `it accepts none of ${tried.length} keys`
  return new UnreachableError('auth-failed', `${host}: login as ${config.user} refused: ${keys}`, {
    hint: `Put one of the public keys into ~${config.user}/.ssh/authorized_keys there (ssh-copy-id), or use another key or user.`,
    lines: [
      ...tried.map(label => `tried: ${label}`),
      ...identities.unusable.map(reason => `not tried: ${reason}`),
      ...(tried.length + identities.unusable.length > 0
        ? []
        : config.identityFiles.map(file => `looked for: ${file}`)),
    ],
  })
}
