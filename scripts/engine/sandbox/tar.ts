/** A file or, where it has no content, a directory of root's. */
export interface TarEntry {
  readonly path: string
  readonly mode: number
  readonly content?: string | Buffer
}

/** A tar archive of these entries, owned by root. Source: pax(1), ustar interchange format. */
export function tar(entries: readonly TarEntry[]): Buffer {
  return Buffer.concat([...entries.flatMap(blocks), Buffer.alloc(2 * blockSize)])
}

const blockSize = 512

function blocks({ path, mode, content }: TarEntry): readonly Buffer[] {
  const body = Buffer.from(content ?? '')
  const padding = Buffer.alloc(-body.length & (blockSize - 1))
  return [header(path, mode, body.length, content === undefined ? '5' : '0'), body, padding]
}

function header(path: string, mode: number, size: number, type: string): Buffer {
  if (Buffer.byteLength(path) > 100) throw new RangeError(`${path}: too long for a tar header`)
  const block = Buffer.alloc(blockSize)
  const octal = (value: number, at: number, digits: number) =>
    block.write(value.toString(8).padStart(digits, '0'), at)
  block.write(path, 0)
  octal(mode, 100, 7)
  octal(0, 108, 7)
  octal(0, 116, 7)
  octal(size, 124, 11)
  octal(Math.floor(Date.now() / 1000), 136, 11)
  block.write(type, 156)
  block.write('ustar\x0000', 257)
  // The sum is taken with blanks in its own place.
  block.write(' '.repeat(8), 148)
  octal(
    block.reduce((sum, byte) => sum + byte, 0),
    148,
    6,
  )
  block.write('\0 ', 154)
  return block
}
