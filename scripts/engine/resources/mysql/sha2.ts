import { createHash, randomInt } from 'node:crypto'

/** The parameters of such a hash: thousands of rounds, and 20 characters of salt. */
export interface Making {
  readonly thousands: number
  readonly salt: string
}

/**
 * The hash of a password that caching_sha2_password stores: `$A$005$`, the salt, 43 characters of a digest. By default with a new
 * salt and 5,000 rounds. Source: MySQL, sql/auth/sha2_password_common.cc and mysys/crypt_genhash_impl.cc: SHA-crypt with a longer salt.
 */
export function sha2Hash(password: string, { thousands, salt }: Making = newMaking()): string {
  const digest = digestOf(Buffer.from(password), Buffer.from(salt, 'latin1'), thousands * 1000)
  return `$A$${thousands.toString(16).toUpperCase().padStart(3, '0')}$${salt}${digest}`
}

/** The parameters of a hash; absent if it is not one, or has more than 100,000 rounds, which is no default of any version. */
export function makingOf(hash: string): Making | undefined {
  const [, hex = '', salt = ''] = /^\$A\$([0-9A-F]{3})\$([\s\S]{20})[./0-9A-Za-z]{43}$/.exec(hash) ?? []
  const thousands = Number.parseInt(hex, 16)
  return thousands <= 100 ? { thousands, salt } : undefined
}

const alphabet = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

function newMaking(): Making {
  return { thousands: 5, salt: Array.from({ length: 20 }, () => alphabet[randomInt(64)]).join('') }
}

// Source: www.akkadia.org/drepper/SHA-crypt.txt, step by step.
function digestOf(password: Buffer, salt: Buffer, rounds: number): string {
  const b = sha256(password, salt, password)
  const bits: Buffer[] = []
  for (let count = password.length; count > 0; count >>= 1) bits.push(count & 1 ? b : password)
  let c = sha256(password, salt, repeated(b, password.length), ...bits)
  const p = repeated(sha256(...Array.from(password, () => password)), password.length)
  const s = repeated(sha256(...Array.from({ length: 16 + (c[0] ?? 0) }, () => salt)), salt.length)
  for (let round = 0; round < rounds; round++) {
    const [first, last] = round % 2 ? [p, c] : [c, p]
    c = sha256(first, round % 3 ? s : none, round % 7 ? p : none, last)
  }
  return encoded(c)
}

const none = Buffer.alloc(0)

function repeated(digest: Buffer, length: number): Buffer {
  return Buffer.concat(Array.from({ length: Math.ceil(length / digest.length) }, () => digest)).subarray(
    0,
    length,
  )
}

// Three bytes are four characters, the lowest bits first.
function encoded(digest: Buffer): string {
  const byte = (index: number) => digest[index] ?? 0
  const groups = Array.from({ length: 10 }, (_, group) => {
    const [high, middle, low] = [0, 10, 20].map(step => byte((group * 21 + step) % 30)) as [
      number,
      number,
      number,
    ]
    return characters((high << 16) | (middle << 8) | low, 4)
  })
  return groups.join('') + characters((byte(31) << 8) | byte(30), 3)
}

function characters(value: number, count: number): string {
  return Array.from({ length: count }, (_, index) => alphabet[(value >> (6 * index)) & 63]).join('')
}

function sha256(...pieces: readonly Buffer[]): Buffer {
  const hash = createHash('sha256')
  for (const piece of pieces) hash.update(piece)
  return hash.digest()
}
