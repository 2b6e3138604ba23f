import { createHash } from 'node:crypto'

/**
 * One thing of a release. A path is relative to the release, its parts joined by `/`; it holds bytes (latin1), so
 * that any name a file can have survives. `mode` is what a release knows of modes: executable or not.
 */
export type Entry =
  | {
      readonly type: 'file'
      readonly path: string
      readonly mode: 644 | 755
      readonly sha256: string
      readonly size: number
    }
  | { readonly type: 'directory'; readonly path: string }
  | { readonly type: 'link'; readonly path: string; readonly target: string }

export type FileEntry = Entry & { readonly type: 'file' }

/** All that a release holds, sorted by path, parents before what is in them. */
export type Manifest = readonly Entry[]

/** Sorted as bytes, the one order in which a manifest is written here and on the host. */
export function sorted(entries: Iterable<Entry>): Manifest {
  return [...entries].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0))
}

/** A line for each entry: `f 644 SHA256 SIZE PATH`, `d PATH`, `l TARGET PATH`, tabs between, latin1. */
export function manifestText(manifest: Manifest): string {
  return manifest.map(entry => `${entryLine(entry)}\n`).join('')
}

/** An entry's line without its end; a backslash, a tab and a newline in a name are written `\\`, `\t`, `\n`. */
export function entryLine(entry: Entry): string {
  switch (entry.type) {
    case 'file':
      return `f\t${entry.mode}\t${entry.sha256}\t${entry.size}\t${escaped(entry.path)}`
    case 'directory':
      return `d\t${escaped(entry.path)}`
    case 'link':
      return `l\t${escaped(entry.target)}\t${escaped(entry.path)}`
  }
}

/** The manifest in such lines. Throws RangeError for what is not one. */
export function parseManifest(text: string): Manifest {
  return text.split('\n').slice(0, -1).map(parseLine)
}

/** What a release is known by: the sha256 of its manifest's text, in hex. */
export function digest(manifest: Manifest): string {
  return createHash('sha256').update(manifestText(manifest), 'latin1').digest('hex')
}

/** A path as people read it: UTF-8 where its bytes are that. */
export function shown(path: string): string {
  return Buffer.from(path, 'latin1').toString('utf8')
}

function parseLine(line: string): Entry {
  const [type, ...rest] = line.split('\t')
  const [first = '', second = '', third = '', fourth = ''] = rest
  if (type === 'd' && rest.length === 1) return { type: 'directory', path: plain(first) }
  if (type === 'l' && rest.length === 2) return { type: 'link', target: plain(first), path: plain(second) }
  if (
    type === 'f' &&
    rest.length === 4 &&
    (first === '644' || first === '755') &&
    /^[0-9a-f]{64}$/.test(second)
  )
    return {
      type: 'file',
      mode: first === '755' ? 755 : 644,
      sha256: second,
      size: Number(third),
      path: plain(fourth),
    }
  throw new RangeError(`no line of a manifest: ${JSON.stringify(line)}`)
}

function escaped(name: string): string {
  return name.replace(
    /[\\\t\n]/g,
    character => `\\${character === '\t' ? 't' : character === '\n' ? 'n' : '\\'}`,
  )
}

function plain(name: string): string {
  return name.replace(/\\(.)/g, (_all, character: string) =>
    character === 't' ? '\t' : character === 'n' ? '\n' : character,
  )
}
