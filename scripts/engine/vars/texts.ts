import { isIP } from 'node:net'
import * as v from 'valibot'
import { Secret } from '#engine/secret.ts'
import { expected } from './expected.ts'
import { type Field, field, type Options, readField, type Scope } from './field.ts'

interface TextOptions extends Options<string> {
  /** What the whole text must match; give `expects` with it, for the error. */
  readonly pattern?: RegExp
  readonly expects?: string
  /** Characters at most. */
  readonly max?: number
  /** Why a text that matches is refused all the same: `is where …`; undefined for one that is taken. */
  readonly reserved?: (value: string) => string | undefined
}

/** One line: not empty, no control character, no line separator. */
export function text(options: TextOptions = {}): Field<string> {
  const { pattern, max = 4096, expects = 'one line of text', reserved } = options
  const plain = line(
    expects,
    value => value.length <= max && (pattern === undefined || whole(pattern, value)),
    options,
  )
  if (reserved === undefined) return plain
  const schema = (scope: Scope) =>
    v.pipe(
      plain.schema(scope),
      v.check(
        value => reserved(value) === undefined,
        ({ input }) => `expected another name than ${JSON.stringify(input)}, which ${reserved(input)}`,
      ),
    )
  return { ...plain, schema }
}

/** Text of any number of lines: tab and newline are its only control characters. */
export function multiline(options: Options<string> = {}): Field<string> {
  return checked('text', value => isText(value), options)
}

/** A host name by RFC 1123, in small letters: `www.foobar.com`. With `wildcard`, `*.foobar.com` as well. */
export function domain(options: Options<string> & { readonly wildcard?: boolean } = {}): Field<string> {
  const expects = 'a domain name such as www.foobar.com'
  const bare = (value: string) =>
    options.wildcard === true && value.startsWith('*.') ? value.slice(2) : value
  return checked(
    expects,
    value => isDomain(bare(value)),
    options,
    value => value.toLowerCase(),
  )
}

/** An e-mail address of the plain kind: letters, digits and `._+-` before the @, a domain after it. */
export function email(options: Options<string> = {}): Field<string> {
  const expects = 'an e-mail address such as admin@foobar.com'
  return checked(expects, isEmail, options, value => value.replace(/@.*/, host => host.toLowerCase()))
}

/** An IPv4 or IPv6 address, or one of the two with `version`. */
export function ipAddress(options: Options<string> & { readonly version?: 4 | 6 } = {}): Field<string> {
  const { version } = options
  const expects = version === undefined ? 'an IP address' : `an IPv${version} address`
  const isAddress = (value: string) => {
    const found = value.includes('%') ? 0 : isIP(value)
    return version === undefined ? found !== 0 : found === version
  }
  return checked(expects, isAddress, options)
}

/**
 * An absolute path without `..`, of letters, digits and `._+@:,=~-`: characters that no shell, nginx, systemd
 * or SQL reads as its own.
 */
export function path(options: Options<string> = {}): Field<string> {
  const expects = 'an absolute path without .., of letters, digits and ._+@:,=~-'
  return line(expects, isPath, options)
}

/** A length of time as nginx and systemd both write it: `500ms`, `30s`, `5m`, `1h`, `7d`. */
export function duration(options: Options<string> = {}): Field<string> {
  return checked('a duration such as 500ms, 30s, 5m, 1h or 7d', value => durationForm.test(value), options)
}

/** A length of time of whole seconds, as php-fpm and nginx's caches want it: `30s`, `5m`, `1h`, `7d`. */
export function seconds(options: Options<string> = {}): Field<string> {
  return checked('a duration such as 30s, 5m or 1h', value => /^[1-9]\d{0,5}[smhd]$/.test(value), options)
}

/** A size as nginx, PHP and MySQL all write it: `512`, `64k`, `64m`, `1g`. */
export function bytes(options: Options<string> = {}): Field<string> {
  return checked('a size such as 512k, 64m or 1g', value => /^[1-9]\d{0,11}[kmgKMG]?$/.test(value), options)
}

/** A name for a unix user, a database, a unit: small letters, digits, `_` and `-`, a letter first, 32 at most. */
export function identifier(options: Options<string> = {}): Field<string> {
  const expects = 'a name of at most 32 small letters, digits, _ or -, a letter first'
  return checked(expects, value => /^[a-z][a-z0-9_-]{0,31}$/.test(value), options)
}

/**
 * A secret, from `!secret NAME` in the inventory. One line of at least four characters (a shorter one could not
 * be masked); with `multiline`, as many lines as it likes. Neither a problem nor the docs ever show it.
 */
export function secret(
  options: Omit<Options<Secret>, 'default'> & {
    readonly multiline?: boolean
    /** What the whole secret must match; give `expects` with it, for the error. */
    readonly pattern?: RegExp
    readonly expects?: string
  } = {},
): Field<Secret> {
  const lines = options.multiline === true
  const { pattern } = options
  const plainly = `a secret of ${lines ? 'at least 4 characters' : 'one line and at least 4 characters'}`
  const expects = options.expects ?? plainly
  const plain = (input: unknown) => (input instanceof Secret ? input.reveal() : input)
  const holds = (value: unknown) =>
    typeof value === 'string' &&
    value.trim().length >= 4 &&
    (lines ? isText(value) : isLine(value)) &&
    (pattern === undefined || whole(pattern, value))
  const schema = v.pipe(
    v.unknown(),
    v.check(
      input => holds(plain(input)),
      issue =>
        typeof plain(issue.input) === 'string'
          ? `expected ${expects}, got another`
          : expected(expects, issue.input),
    ),
    v.transform(input => (input instanceof Secret ? input : new Secret(String(input)))),
  )
  return field({ expects, schema: () => schema }, options)
}

const durationForm = /^(0|[1-9]\d{0,8})(ms|s|m|h|d)$/

function line(expects: string, holds: (value: string) => boolean, options: Options<string>): Field<string> {
  return checked(expects, value => isLine(value) && holds(value), options)
}

function checked(
  expects: string,
  holds: (value: string) => boolean,
  options: Options<string>,
  made: (value: string) => string = value => value,
): Field<string> {
  const read = (input: unknown) => (typeof input === 'string' && holds(input) ? made(input) : undefined)
  return readField(expects, read, options)
}

// Cc: controls; Cs: halves of a character that no encoding can write; 2028, 2029: line ends to some readers.
function isLine(value: string): boolean {
  return value.length > 0 && !/[\p{Cc}\p{Cs}\u2028\u2029]/u.test(value)
}

function isText(value: string): boolean {
  return !/[\p{Cs}]|(?![\t\n])\p{Cc}/u.test(value)
}

function whole(pattern: RegExp, value: string): boolean {
  return new RegExp(`^(?:${pattern.source})$`, pattern.flags.replace(/[gmy]/g, '')).test(value)
}

function isDomain(value: string): boolean {
  const labels = value.split('.')
  const last = labels.at(-1) ?? ''
  return (
    value.length <= 253 &&
    labels.every(label => /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(label)) &&
    !/^\d+$/.test(last)
  )
}

function isEmail(value: string): boolean {
  const [local = '', host = '', ...rest] = value.split('@')
  return rest.length === 0 && /^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$/.test(local) && isDomain(host)
}

function isPath(value: string): boolean {
  return value.length < 4096 && /^\/[\p{L}\p{N}._+@:,=~/-]*$/u.test(value) && !value.split('/').includes('..')
}
