import { createHash } from 'node:crypto'
import { Secret } from '#engine/secret.ts'
import type { Flavour } from './flavour.ts'
import { makingOf, sha2Hash } from './sha2.ts'

/** How an account logs in: with a password, of which the server stores a hash, or as the Unix user of the same name. */
export type WantedLogin =
  | { readonly by: 'password'; readonly password: Secret }
  | { readonly by: 'unix_socket' }

/** One of the logins of an account. `plugin` is the name of its authentication plugin: `mysql_native_password`, `ed25519`. */
export interface Login {
  readonly plugin: string
  /** A hash, or other data of the plugin. */
  readonly secret: string
}

/**
 * Its clause of CREATE USER and ALTER USER: `` IDENTIFIED VIA unix_socket ``. Of a password, only the hash is sent to the
 * host: for MariaDB `*` and SHA1(SHA1(password)) in hex, for MySQL one of SHA-256 with a salt.
 */
export function identified(wanted: WantedLogin, flavour: Flavour): string {
  if (flavour === 'mysql')
    return wanted.by === 'unix_socket'
      ? 'IDENTIFIED WITH auth_socket'
      : `IDENTIFIED WITH ${sha2} AS ${hexSecret(sha2Hash(wanted.password.reveal())).reveal()}`
  return wanted.by === 'unix_socket'
    ? 'IDENTIFIED VIA unix_socket'
    : `IDENTIFIED VIA ${native} USING '${nativeHash(wanted.password).reveal()}'`
}

/** For messages, without a secret: `the password ***`. */
export function wantedWords(wanted: WantedLogin, flavour: Flavour): string {
  return wanted.by === 'unix_socket' ? socketOf[flavour] : 'the password ***'
}

/**
 * The logins of an account, in the words of `wantedWords` if it is the declared one: `another password or unix_socket`.
 * Debian's root has the hash `invalid` besides unix_socket, which no password matches: it is left out.
 */
export function foundWords(logins: readonly Login[], wanted: WantedLogin): string {
  const open = logins.filter(isOpen)
  if (open.length === 0) return 'nothing that works'
  return open.map(login => describe(login, wanted)).join(' or ')
}

/** Whether a login with it is possible. */
export function isOpen({ plugin, secret }: Login): boolean {
  if (plugin === native) return isNativeHash(secret) || secret === ''
  return plugin !== sha2 || secret.startsWith('$A$') || secret === ''
}

/** Whether no password is needed. */
export function isWithoutPassword({ plugin, secret }: Login): boolean {
  return secret === '' && (plugin === native || plugin === sha2)
}

function describe(login: Login, wanted: WantedLogin): string {
  const { plugin, secret } = login
  // As another unix user than the one of the account's name.
  if (plugin === socketOf.mysql && secret !== '') return `${plugin} as ${secret}`
  if (plugin !== native && plugin !== sha2) return plugin
  if (secret === '') return 'no password'
  return wanted.by === 'password' && fits(login, wanted.password) ? 'the password ***' : 'another password'
}

function fits({ plugin, secret }: Login, password: Secret): boolean {
  if (plugin === native) return secret.toUpperCase() === nativeHash(password).reveal()
  const making = makingOf(secret)
  return making !== undefined && secret === sha2Hash(password.reveal(), making)
}

const native = 'mysql_native_password'
const sha2 = 'caching_sha2_password'
const socketOf = { mariadb: 'unix_socket', mysql: 'auth_socket' } as const

// The salt has characters that need escapes in a quoted literal.
function hexSecret(hash: string): Secret {
  return new Secret(`0x${Buffer.from(hash, 'latin1').toString('hex')}`)
}

function nativeHash(password: Secret): Secret {
  const hash = sha1(sha1(Buffer.from(password.reveal())))
  return new Secret(`*${hash.toString('hex').toUpperCase()}`)
}

function isNativeHash(text: string): boolean {
  return /^\*[0-9A-F]{40}$/i.test(text)
}

function sha1(bytes: Buffer): Buffer {
  return createHash('sha1').update(bytes).digest()
}
