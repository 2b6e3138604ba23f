/** A file of an archive, or a directory where it has no `content`; `path` is relative to the archive's root. */
export interface ArchiveEntry {
  readonly path: string
  readonly mode: number
  readonly content?: string | Buffer
}

/**
 * A tar archive whose entries all belong to root and have the modes given here: the uid and umask of the user who
 * makes it leave no trace in it. Paths are ASCII, 99 characters at most.
 * Source: POSIX.1-2017, pax, "ustar Interchange Format".
 */
export function rootArchive(entries: readonly ArchiveEntry[]): Buffer {
  const blocks = entries.flatMap(entry => {
    const content = Buffer.from(entry.content ?? '')
    return [header(entry, content.length), content, Buffer.alloc(-content.length & (block - 1))]
  })
  return Buffer.concat([...blocks, Buffer.alloc(2 * block)])
}

const block = 512

function header({ path, mode, content }: ArchiveEntry, size: number): Buffer {
  const name = content === undefined ? `${path}/` : path
  if (!/^[\x20-\x7e]{1,99}$/.test(name))
    throw new TypeError(`archive: ${name}: wanted an ASCII path of 99 characters`)
  const record = Buffer.alloc(block)
  record.write(name, 0)
  record.write(octal(mode, 8), 100)
  record.write(octal(0, 8), 108) // uid
  record.write(octal(0, 8), 116) // gid
  record.write(octal(size, 12), 124)
  record.write(octal(Math.floor(Date.now() / 1000), 12), 136)
  record.write(' '.repeat(8), 148) // the checksum counts as spaces
  record.write(content === undefined ? '5' : '0', 156)
  record.write('ustar\x0000', 257)
  record.write('root', 265)
  record.write('root', 297)
  const sum = record.reduce((total, byte) => total + byte, 0)
  record.write(`${octal(sum, 7)}\0 `, 148)
  return record
}

/** A number in a field of `width` bytes, the last of which is a NUL that the buffer already has. */
function octal(value: number, width: number): string {
  return value.toString(8).padStart(width - 1, '0')
}
