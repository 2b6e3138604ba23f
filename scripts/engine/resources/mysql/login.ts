import { createHash } from 'node:crypto'
import { Secret } from '#engine/secret.ts'

/** How an account is let in: by a password, which the server knows by its hash, or by being that unix user. */
export type WantedLogin = { readonly by: 'password'; readonly hash: Secret } | { readonly by: 'unix_socket' }

/** One of the ways in that an account has. `plugin` is the server's word: `mysql_native_password`, `ed25519`. */
export interface Login {
  readonly plugin: string
  /** A hash or what else the plugin keeps. */
  readonly secret: string
}

/** The login by this password: all that ever reaches the host is `*` and SHA1(SHA1(password)), in hex. */
export function byPassword(password: Secret): WantedLogin {
  const hash = sha1(sha1(Buffer.from(password.reveal())))
  return { by: 'password', hash: new Secret(`*${hash.toString('hex').toUpperCase()}`) }
}

/** What CREATE USER and ALTER USER say of it: `` IDENTIFIED VIA unix_socket ``. */
export function identified(wanted: WantedLogin): string {
  return wanted.by === 'unix_socket'
    ? 'IDENTIFIED VIA unix_socket'
    : `IDENTIFIED VIA ${native} USING '${wanted.hash.reveal()}'`
}

/** In words that tell no secret: `the password ***`. */
export function wantedWords(wanted: WantedLogin): string {
  return wanted.by === 'unix_socket' ? 'unix_socket' : 'the password ***'
}

/**
 * The ways in that an account has, in the words of `wantedWords` where it is the wanted one: `another password or
 * unix_socket`. Debian's root has a password that none fits (`invalid`) beside unix_socket: that is no way in.
 */
export function foundWords(logins: readonly Login[], wanted: WantedLogin): string {
  const open = logins.filter(({ plugin, secret }) => plugin !== native || isHash(secret) || secret === '')
  if (open.length === 0) return 'none that lets anybody in'
  return open.map(login => describe(login, wanted)).join(' or ')
}

function describe({ plugin, secret }: Login, wanted: WantedLogin): string {
  if (plugin !== native) return plugin
  if (secret === '') return 'no password'
  const same = wanted.by === 'password' && secret.toUpperCase() === wanted.hash.reveal()
  return same ? wantedWords(wanted) : 'another password'
}

const native = 'mysql_native_password'

function isHash(text: string): boolean {
  return /^\*[0-9A-F]{40}$/i.test(text)
}

function sha1(bytes: Buffer): Buffer {
  return createHash('sha1').update(bytes).digest()
}
