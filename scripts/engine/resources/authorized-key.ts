import { checkedLine } from './checked.ts'
import { edits, type WantedEdit } from './edit.ts'
import { linesOf, textOf } from './lines.ts'
import type { Declare, DeclareOptions } from './resource.ts'
import { accountName } from './user.ts'

export interface AuthorizedKeyOptions extends DeclareOptions {
  /** What sshd allows it: `from="10.0.0.0/8",no-pty`. Source: sshd(8), AUTHORIZED_KEYS FILE FORMAT. */
  readonly options?: string
}

export interface DeclareAuthorizedKey {
  (user: string, key: string, options?: AuthorizedKeyOptions): void
  absent(user: string, key: string, options?: DeclareOptions): void
  /** These keys and no others. */
  only(user: string, keys: readonly string[], options?: DeclareOptions): void
}

/** `authorizedKey('deploy', 'ssh-ed25519 AAAA… ci')`: a key in ~/.ssh/authorized_keys of a user. */
export function authorizedKey(declare: Declare): DeclareAuthorizedKey {
  const wanted = (
    user: string,
    name: string,
    edit: (lines: readonly string[]) => readonly string[],
    isRemoval: boolean,
    options: DeclareOptions,
  ): void => {
    accountName(user)
    const item: WantedEdit = {
      path: `~${user}/.ssh/authorized_keys`,
      user,
      edit: text => changed(text, edit(linesOf(text))),
      create: { mode: '0600', owner: user, group: user },
      isRemoval,
      isSecret: false,
      isShown: true,
    }
    declare({ ...edits, noun: 'authorizedKey' }, { name: `${user}: ${name}`, wanted: item }, options)
  }
  const present = (
    user: string,
    key: string,
    { options: allowed, ...rest }: AuthorizedKeyOptions = {},
  ): void => {
    const { blob, text } = checkedKey(key)
    const line = allowed === undefined ? text : `${checkedLine('options of a key', allowed)} ${text}`
    const edit = (lines: readonly string[]) => {
      const at = lines.findIndex(one => blobOf(one) === blob)
      const others = lines.filter((one, index) => index === at || blobOf(one) !== blob)
      return at < 0 ? [...lines, line] : others.with(at, line)
    }
    wanted(user, short(text), edit, false, rest)
  }
  return Object.assign(present, {
    absent(user: string, key: string, options: DeclareOptions = {}): void {
      const { blob, text } = checkedKey(key)
      wanted(user, short(text), lines => lines.filter(one => blobOf(one) !== blob), true, options)
    },
    only(user: string, keys: readonly string[], options: DeclareOptions = {}): void {
      const lines = keys.map(key => checkedKey(key).text)
      wanted(user, 'all', () => lines, false, options)
    },
  })
}

function changed(before: string, lines: readonly string[]) {
  const old = linesOf(before)
  const isSame = old.length === lines.length && old.every((line, index) => line === lines[index])
  const count = (all: readonly string[]) => `${all.filter(line => blobOf(line) !== undefined).length} keys`
  if (isSame) return { text: before, found: count(old), wanted: count(lines) }
  const [found, wanted] = [count(old), count(lines)]
  return { text: textOf(lines), found: found === wanted ? 'another' : found, wanted }
}

const pattern = /(?:^|\s)((?:ssh|ecdsa|sk-ssh|sk-ecdsa)-[\w@.-]+) (AAAA[A-Za-z0-9+/]+={0,3})(?=\s|$)/

/** The key itself in base64; undefined: the line is none. */
function blobOf(line: string): string | undefined {
  return line.startsWith('#') ? undefined : pattern.exec(line)?.[2]
}

// The blob repeats the type, after its length: a key that was cut off or mixed up is noticed.
function checkedKey(key: string): { readonly blob: string; readonly text: string } {
  const text = checkedLine('a public key', key.trim())
  const [, type = '', blob = ''] = pattern.exec(text) ?? []
  const bytes = Buffer.from(blob, 'base64')
  const inside = bytes.length > 4 ? bytes.subarray(4, 4 + bytes.readUInt32BE(0)).toString() : ''
  if (text.startsWith(type) && type !== '' && inside === type && isWhole(bytes)) return { blob, text }
  throw new RangeError(
    `expected a public key such as 'ssh-ed25519 AAAA… name', got ${JSON.stringify(text.slice(0, 60))}`,
  )
}

// Each part has its length before it. Source: RFC 4253, 6.6.
function isWhole(bytes: Buffer): boolean {
  let at = 0
  while (at + 4 <= bytes.length) at += 4 + bytes.readUInt32BE(at)
  return at === bytes.length
}

/** `ssh-ed25519 …Qx9f ci`: its type, its last characters and its comment. */
function short(text: string): string {
  const [type = '', blob = '', ...comment] = text.split(' ')
  return [type, `…${blob.slice(-8)}`, ...comment].join(' ')
}
