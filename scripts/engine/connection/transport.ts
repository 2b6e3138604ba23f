import { connect, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { UnreachableError } from '../errors.ts'
import { start } from '../program.ts'
import type { SshConfig } from './ssh-config.ts'
import type { SshTarget } from './target.ts'

/** The byte stream that the SSH protocol is spoken on. */
export interface Transport {
  readonly socket: Duplex
  /** The last words of a proxy's stderr, once it ended; empty for a direct connection. */
  readonly said: () => Promise<string>
  readonly destroy: () => void
  /** Whether it keeps this process from ending by itself. */
  readonly keepAlive: (held: boolean) => void
}

/** A TCP connection, or the stdio of what ProxyJump or ProxyCommand say. Throws UnreachableError. */
export async function openTransport(
  target: SshTarget,
  config: SshConfig,
  seconds: number,
): Promise<Transport> {
  if (config.proxyCommand !== undefined) return proxy('/bin/sh', ['-c', `exec ${config.proxyCommand}`])
  if (config.proxyJump !== undefined) return proxy('ssh', jump(target, config, config.proxyJump))
  return tcp(target.host, config, seconds)
}

function tcp(host: string, config: SshConfig, seconds: number): Promise<Transport> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: config.hostname,
      port: config.port,
      family: config.addressFamily,
      noDelay: true,
      ...(config.bindAddress === undefined ? {} : { localAddress: config.bindAddress }),
    })
    const timer = setTimeout(() => {
      socket.destroy()
      reject(unreachable(host, config, 'ETIMEDOUT', seconds))
    }, seconds * 1000)
    socket.once('connect', () => {
      clearTimeout(timer)
      const keepAlive = (held: boolean) => void (held ? socket.ref() : socket.unref())
      resolve({ socket, said: async () => '', destroy: () => socket.destroy(), keepAlive })
    })
    // Stays for the socket's life: an error later on is the SSH client's to tell, and must not be uncaught.
    socket.on('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer)
      reject(unreachable(host, config, error.code ?? error.message, seconds))
    })
  })
}

/** `ssh -W` through the last jump host, by way of the others, with OpenSSH's own checks of each. */
function jump(target: SshTarget, config: SshConfig, hops: string): readonly string[] {
  const all = hops.split(',')
  const before = all.slice(0, -1).join(',')
  const to = config.hostname.includes(':') ? `[${config.hostname}]` : config.hostname
  return [
    ...(target.configFile === undefined ? [] : ['-F', target.configFile]),
    ...['-o', 'BatchMode=yes', '-o', 'ClearAllForwardings=no', '-o', 'ControlPath=none'],
    ...['-o', `ProxyJump=${before === '' ? 'none' : before}`],
    ...['-W', `${to}:${config.port}`, '--', destination(all.at(-1) ?? '')],
  ]
}

// `ssh` reads a port only from a URI; a hop is [user@]host[:port] or such a URI.
function destination(hop: string): string {
  return hop.startsWith('ssh://') || !/:\d+$/.test(hop) ? hop : `ssh://${hop}`
}

function proxy(command: string, args: readonly string[]): Transport {
  const child = start(command, args)
  let said = ''
  const socket = Duplex.from({ readable: child.stdout, writable: child.stdin })
  socket.on('error', () => {})
  child.stdin.on('error', () => {})
  child.on('error', error => socket.destroy(error))
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-2000)
  })
  const closed = new Promise<void>(resolve => {
    child.on('close', () => resolve())
  })
  const destroy = () => {
    socket.destroy()
    child.kill()
  }
  const keepAlive = (held: boolean) => {
    const pipes = [child.stdin, child.stdout, child.stderr] as unknown as Socket[]
    for (const one of [child, ...pipes]) held ? one.ref() : one.unref()
  }
  return { socket, said: () => closed.then(() => said), destroy, keepAlive }
}

const causes: Readonly<Record<string, readonly [what: string, hint: string]>> = {
  ECONNREFUSED: [
    'nothing listens there',
    'Check that sshd runs and that the port is right: `ss -ltn` on the host.',
  ],
  ETIMEDOUT: ['no answer', 'Is the host up, and does a firewall drop the port? Try `ssh -v` from here.'],
  EHOSTUNREACH: ['no route to it', 'Is the host up and in a network that this machine reaches?'],
  ENETUNREACH: ['no route to its network', 'Is this machine online, and the address of a reachable network?'],
  ENOTFOUND: ['the name does not resolve', 'Check the name, or give the host an address in the inventory.'],
  EAI_AGAIN: ['the name server does not answer', 'Is this machine online? Try `getent hosts` with the name.'],
  ECONNRESET: ['the connection was reset', 'Does the host drop connections (MaxStartups, a firewall)?'],
}

/** What an error code of the network means, and what to do about it. */
export function explainNetwork(code: string): readonly [what: string, hint: string] {
  return causes[code] ?? [code, 'Try `ssh -v` from here.']
}

function unreachable(host: string, config: SshConfig, code: string, seconds: number): UnreachableError {
  const [what, hint] = explainNetwork(code)
  const after = code === 'ETIMEDOUT' ? ` within ${Math.round(seconds)} s` : ''
  const message = `${host}: ${config.hostname} port ${config.port}: ${what}${after}`
  return new UnreachableError(`unreachable-${code.toLowerCase()}`, message, { hint })
}
