import { isIP } from 'node:net'
import { canonical, isLoopback } from '#engine/resources/listens/sockets.ts'
import { type Field, readField } from '#engine/vars/field.ts'

/** A host that an account may connect from: `localhost` or an IP address, in the form that the server compares (`fd00::7`). */
export function clientHost(): Field<string> {
  const read = (input: unknown) => (input === 'localhost' ? input : ownForm(input))
  return readField('localhost or an IP address', read, {})
}

/**
 * An address for the server to bind beside 127.0.0.1. The server does not start with an address that it binds twice, as part of
 * all addresses too, or with a link-local one, which needs the name of an interface.
 */
export function listenAddress(): Field<string> {
  const read = (input: unknown) => {
    const address = ownForm(input)
    const isRefused =
      address === undefined ||
      ['0.0.0.0', '::'].includes(address) ||
      isLoopback(address) ||
      isLinkLocal(address)
    return isRefused ? undefined : address
  }
  return readField(
    'an address of the host that others reach, not 0.0.0.0, ::, loopback or link-local',
    read,
    {},
  )
}

/** Whether only the host itself connects from there. */
export function isLocal(host: string): boolean {
  return host === 'localhost' || isLoopback(host)
}

// An IPv4 address within IPv6 (::ffff:10.0.0.7) is the same as the IPv4 address to the server.
function ownForm(input: unknown): string | undefined {
  if (typeof input !== 'string' || isIP(input) === 0 || input.includes('%')) return undefined
  const address = canonical(input)
  return address.startsWith('::ffff:') ? undefined : address
}

function isLinkLocal(address: string): boolean {
  return /^(fe[89ab][0-9a-f]:|169\.254\.)/.test(address)
}
