import { createHash } from 'node:crypto'

/**
 * The fingerprints of the public keys in a file, armored or not, in capital hex; subkeys are not among them.
 * Throws RangeError where the file has no key. Source: RFC 9580, 4.2, 5.5.4 and 6.2.
 */
export function fingerprints(file: Buffer): readonly string[] {
  const found: string[] = []
  const bytes = dearmored(file)
  for (let at = 0; at < bytes.length; ) {
    const packet = packetAt(bytes, at)
    if (packet.tag === publicKey) found.push(fingerprint(bytes.subarray(packet.start, packet.end)))
    at = packet.end
  }
  if (found.length === 0) throw new RangeError('is not an OpenPGP public key')
  return found
}

const publicKey = 6

function dearmored(file: Buffer): Buffer {
  const text = file.toString('latin1')
  const blocks = [
    ...text.matchAll(/-----BEGIN PGP PUBLIC KEY BLOCK-----\r?\n((?:[^\n]*:[^\n]*\n)*)\r?\n([^-]*)-----END/g),
  ]
  if (blocks.length === 0) return file
  // The last line is a checksum, where it begins with =.
  return Buffer.concat(blocks.map(([, , body = '']) => Buffer.from(body.replace(/^=.*$/m, ''), 'base64')))
}

function packetAt(bytes: Buffer, at: number) {
  const head = bytes[at] ?? 0
  if ((head & 0x80) === 0) throw new RangeError('is not an OpenPGP public key')
  const isNew = (head & 0x40) !== 0
  const tag = isNew ? head & 0x3f : (head >> 2) & 0x0f
  const { size, length } = isNew ? newLength(bytes, at + 1) : oldLength(bytes, at + 1, head & 3)
  const start = at + 1 + size
  if (start + length > bytes.length) throw new RangeError('is an OpenPGP key that was cut off')
  return { tag, start, end: start + length }
}

function newLength(bytes: Buffer, at: number) {
  const first = bytes[at] ?? 0
  if (first < 192) return { size: 1, length: first }
  if (first < 224) return { size: 2, length: ((first - 192) << 8) + (bytes[at + 1] ?? 0) + 192 }
  if (first === 255 && at + 5 <= bytes.length) return { size: 5, length: bytes.readUInt32BE(at + 1) }
  throw new RangeError('is not an OpenPGP public key')
}

function oldLength(bytes: Buffer, at: number, type: number) {
  const size = [1, 2, 4][type]
  if (size === undefined || at + size > bytes.length) throw new RangeError('is not an OpenPGP public key')
  return { size, length: bytes.readUIntBE(at, size) }
}

function fingerprint(body: Buffer): string {
  const isV4 = body[0] === 4
  const head = Buffer.alloc(isV4 ? 3 : 5)
  head[0] = isV4 ? 0x99 : 0x9b
  head.writeUIntBE(body.length, 1, isV4 ? 2 : 4)
  const hash = createHash(isV4 ? 'sha1' : 'sha256')
  return hash.update(head).update(body).digest('hex').toUpperCase()
}
