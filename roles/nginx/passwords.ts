import { createHash } from 'node:crypto'
import { encodeBase64, hashSync } from 'bcryptjs'
import { Secret } from '#engine/secret.ts'
import type { Site, VarsOf } from '#engine/vars.ts'
import type vars from './vars.ts'

/** A path that asks for a password. */
export interface Protected {
  /** What a path matches that is below it, as a regular expression from its start. */
  readonly pattern: string
  /** Where nginx reads who may. */
  readonly file: string
  /** Passwords by name. */
  readonly users: Readonly<Record<string, Secret>>
}

/** The paths of a site that ask for a password, the longest first. */
export function protectedPaths(
  { app }: Site,
  { passwords }: Pick<VarsOf<typeof vars>, 'passwords'>,
): readonly Protected[] {
  const paths = Object.entries(passwords).sort(([a], [b]) => b.length - a.length)
  return paths.map(([path, users]) => ({
    // With the entry point before it, a PHP app would answer all the same.
    pattern: `^(?:/index\\.php)?${below(path)}`,
    file: `/etc/nginx/passwords/${app}-${createHash('sha256').update(path).digest('hex').slice(0, 8)}`,
    users,
  }))
}

/** The content of its file. */
export function passwordLines({ file, users }: Protected): Secret {
  const lines = Object.entries(users).map(([name, password]) => lineOf(name, password, `${file} ${name}`))
  return new Secret(lines.map(line => line.reveal()).join(''))
}

function below(path: string): string {
  return path.endsWith('/') ? `${inRegex(path.slice(0, -1))}(?:/|$)` : `${inRegex(path)}$`
}

/**
 * As libcrypt reads it. The same salt in each run, so that the file is the same, and another one for each account. nginx
 * computes this for each request: 2^6 rounds take it some milliseconds.
 */
function lineOf(name: string, password: Secret, account: string): Secret {
  const salt = createHash('sha256').update(`${account} ${password.reveal()}`).digest()
  return new Secret(`${name}:${hashSync(password.reveal(), `$2b$06$${encodeBase64(salt, 16)}`)}\n`)
}

/** A text as a regular expression that it alone matches. */
export function inRegex(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}
