import type { Client, ClientChannel, ParsedKey } from 'ssh2'

/** What is changed of ssh2's protocol, which has no settings for it. Source: lib/client.js and lib/protocol of ssh2 1.17. */
interface Protocol {
  service(name: string): void
  authPK(user: string, key: ParsedKey, algorithm?: string, sign?: Sign): void
  exec(channel: number, command: string, wantReply: boolean): void
  readonly _handlers: Record<string, Handler>
}

type Sign = (data: Buffer, done: (signature: Buffer) => void) => void
type Handler = (protocol: Protocol, ...rest: readonly unknown[]) => void
type Channel = ClientChannel & {
  readonly outgoing?: { readonly id: number }
  readonly _callbacks: Callback[]
}
type Callback = (failed: boolean) => void

interface Internals {
  readonly _protocol: Protocol
  readonly _chanMgr: { readonly _channels: Readonly<Record<string, Channel>> }
}

/**
 * Takes from a login the waits for answers that nothing depends on, three round trips of ten. Servers handle what they
 * are sent in order, so none of this can be refused where the same with waits would not be. `firstKey` is the type of
 * the key that is offered first, `ssh-ed25519`. Called when `connect` was, before anything has arrived.
 */
export function spareWaits(client: Client, firstKey: string | undefined): void {
  const internals = client as unknown as Internals
  requestLoginWithService(internals._protocol, firstKey)
  signAtOnce(internals._protocol)
  sendBehindCommand(internals)
  leaveHostKeys(internals._protocol)
}

/** The login is requested together with the service that it belongs to. */
function requestLoginWithService(protocol: Protocol, firstKey: string | undefined): void {
  const { service, _handlers: handlers } = protocol
  const { SERVICE_ACCEPT: accepted, EXT_INFO: extensions } = handlers
  // An RSA key signs by what the server says it takes, which may come after the handshake.
  let isKnown = firstKey !== undefined && firstKey !== 'ssh-rsa'
  let isRequested = false
  const request: Handler = (...all) => {
    if (!isRequested) accepted?.(...all)
    isRequested = true
  }
  handlers['SERVICE_ACCEPT'] = request
  handlers['EXT_INFO'] = (...all) => {
    isKnown = true
    extensions?.(...all)
  }
  protocol.service = name => {
    service.call(protocol, name)
    if (isKnown) request(protocol, name)
  }
}

/**
 * A key of a file signs in its first request; whether the server would take it is not asked before. A key that it does
 * not take counts as one attempt either way. Keys of an agent are asked for first: that may ask its user.
 */
function signAtOnce(protocol: Protocol): void {
  const { authPK: request } = protocol
  protocol.authPK = (user, key, algorithm, sign) => {
    const own = sign === undefined && key.isPrivateKey()
    const unsigned = () => request.call(protocol, user, key, algorithm, sign)
    if (!own) return unsigned()
    request.call(protocol, user, key, algorithm, (data, done) => {
      const signature: Buffer | Error = key.sign(data, hashes[algorithm ?? ''])
      if (signature instanceof Error) unsigned()
      else done(signature)
    })
  }
}

// Of RSA; the others have one of their own. Source: RFC 8332.
const hashes: Readonly<Record<string, string>> = { 'rsa-sha2-256': 'sha256', 'rsa-sha2-512': 'sha512' }

/** A channel is there once its command was sent: a script can follow at once. One that sshd doesn't run is closed. */
function sendBehindCommand({ _protocol: protocol, _chanMgr: channels }: Internals): void {
  const { exec } = protocol
  protocol.exec = (id, command, wantReply) => {
    exec.call(protocol, id, command, wantReply)
    const channel = Object.values(channels._channels).find(one => one.outgoing?.id === id)
    const answered = channel?._callbacks.pop()
    channel?._callbacks.push(failed => failed && channel.close())
    answered?.(false)
  }
}

/** OpenSSH tells its other host keys after a login, and ssh2 has it sign with each: known_hosts is not updated here. */
function leaveHostKeys({ _handlers: handlers }: Protocol): void {
  const { GLOBAL_REQUEST: request } = handlers
  handlers['GLOBAL_REQUEST'] = (protocol, name, ...rest) => {
    if (name !== 'hostkeys-00@openssh.com') request?.(protocol, name, ...rest)
  }
}
