import { NodeSSH } from 'node-ssh'
import type { AuthHandlerMiddleware, Client, ServerHostKeyAlgorithm } from 'ssh2'
import { UnreachableError } from '../errors.ts'
import { ciphers, kex, macs } from './algorithms.ts'
import type { Connection } from './connection.ts'
import { spareWaits } from './fewer-waits.ts'
import { type Identities, loadIdentities } from './identities.ts'
import { hostKeyAlgorithms, type KnownKey, knownKeys, verifyHostKey } from './known-hosts.ts'
import { Lifeline } from './lifeline.ts'
import { connectShell } from './shell-connection.ts'
import { openSshChannel } from './ssh-channel.ts'
import { readSshConfig, type SshConfig } from './ssh-config.ts'
import { explainLogin } from './ssh-errors.ts'
import type { SshTarget } from './target.ts'
import { openTransport } from './transport.ts'

/**
 * Logs in to a host as OpenSSH's configuration says, its host key checked before we authenticate, and opens the
 * session. Throws UnreachableError when the host is not reached or refuses us, HostError when sudo refuses a
 * password; what the login shell or sudo object to otherwise is the error of the first script: it is not waited for.
 */
export async function connectSsh(target: SshTarget): Promise<Connection> {
  const until = performance.now() + (target.limit ?? Number.POSITIVE_INFINITY) * 1000
  const config = await readSshConfig(target)
  const [known, identities] = await Promise.all([knownKeys(config), loadIdentities(config, target.key)])
  const lifeline = await login({ target, config, known, identities, until })
  const asRoot = target.sudo === 'auto' && config.user !== 'root'
  const sudo = asRoot ? { password: target.sudoPassword } : undefined
  return connectShell(
    { host: target.host, user: config.user, sudo },
    {
      open: command => openSshChannel(target.host, lifeline, command),
      close: () => lifeline.end(),
      keepAlive: held => lifeline.keepAlive(held),
    },
  )
}

interface Attempt {
  readonly target: SshTarget
  readonly config: SshConfig
  readonly known: readonly KnownKey[]
  readonly identities: Identities
  /** By performance.now: when all of it has to be done. */
  readonly until: number
}

const attempts = 3

/** A busy sshd (MaxStartups) drops connections before it says a word: those are tried again, nothing else is. */
async function login(attempt: Attempt): Promise<Lifeline> {
  for (let turn = 1; ; turn++) {
    try {
      return await handshake(attempt)
    } catch (error) {
      const dropped = error instanceof UnreachableError && error.code === 'dropped'
      if (!dropped || turn === attempts || performance.now() > attempt.until) throw error
      await new Promise(resolve => setTimeout(resolve, 250 * 2 ** turn * (0.5 + Math.random())))
    }
  }
}

async function handshake({ target, config, known, identities, until }: Attempt): Promise<Lifeline> {
  const { connectTimeout = config.connectTimeout ?? 20 } = target
  const left = () => Math.max(0.1, (until - performance.now()) / 1000)
  const transport = await openTransport(target, config, Math.min(left(), connectTimeout))
  const seconds = Math.min(left(), connectTimeout)
  const progress = { greeted: false, tried: [] as string[] }
  let refusal: unknown
  const ssh = new NodeSSH()
  // Its promise is not awaited: it fails on errors that are none (an agent's), so the lifeline decides.
  ssh
    .connect({
      sock: transport.socket,
      username: config.user,
      readyTimeout: seconds * 1000,
      algorithms: {
        kex,
        cipher: ciphers,
        hmac: macs,
        serverHostKey: hostKeyAlgorithms(known) as ServerHostKeyAlgorithm[],
        compress: ['none'],
      },
      hostVerifier: (key: Buffer, verify: (valid: boolean) => void) => {
        progress.greeted = true
        const refuse = (error: unknown) => {
          refusal = error
          verify(false)
        }
        verifyHostKey(target.host, config, known, key).then(() => verify(true), refuse)
      },
      authHandler: offer(config.user, identities, progress.tried),
    })
    .catch(() => {})
  spareWaits(ssh.connection as Client, identities.usable[0]?.type)
  const lifeline = new Lifeline(ssh.connection as Client, transport, target.keepalive ?? 10)
  try {
    await lifeline.ready
    return lifeline
  } catch (error) {
    await lifeline.end()
    if (refusal !== undefined) throw refusal
    throw explainLogin(error as Error, {
      host: target.host,
      target,
      config,
      identities,
      ...progress,
      said: await transport.said(),
      seconds,
    })
  }
}

/** Offers each key once, and stops when the host takes no more keys. Notes in `tried` what was offered. */
function offer(username: string, { usable }: Identities, tried: string[]): AuthHandlerMiddleware {
  const left = [...usable]
  return (methods, _partial, next) => {
    const identity = methods?.includes('publickey') === false ? undefined : left.shift()
    if (identity === undefined) return next(false as never)
    tried.push(identity.label)
    next(
      'key' in identity.method
        ? { type: 'publickey', username, key: identity.method.key }
        : { type: 'agent', username, agent: identity.method.agent },
    )
  }
}
