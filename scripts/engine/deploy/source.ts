import { createHash } from 'node:crypto'
import { closeSync, type Dirent, fstatSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { UsageError } from '#engine/errors.ts'
import { ignoreRules } from './ignore.ts'
import { type Entry, type Manifest, shown, sorted } from './manifest.ts'
import { refuseEscapes } from './symlink-escape.ts'

/** A folder as a release: what would be shipped, and what was left out and why a person may care. */
export interface Source {
  readonly folder: string
  readonly manifest: Manifest
  readonly bytes: number
  readonly notes: readonly string[]
}

/**
 * Reads a folder: files with their hashes, folders, links. Left out: `.git`, what `.deployignore` names, and what
 * lies where a folder will be that is shared or installed on the host; `shared` become links out of the release. Throws one UsageError with every
 * entry that can't be shipped.
 */
export async function readSource(
  folder: string,
  shared: readonly string[],
  installed: readonly string[] = [],
): Promise<Source> {
  const walk = new Walk(folder, shared, installed)
  await walk.directory('')
  const entries = [...walk.entries, ...sharedLinks(shared, walk.entries)]
  const problems = [...walk.problems, ...refuseEscapes(entries, new Set(shared))]
  if (problems.length > 0)
    throw new UsageError(
      'source',
      `${folder}: ${counted(problems.length, 'entry', 'entries')} can’t be shipped`,
      {
        lines: problems,
        hint: 'Nothing was sent. Remove them, or list them in .deployignore (same syntax as .gitignore).',
      },
    )
  if (!walk.entries.some(entry => entry.type === 'file'))
    throw new UsageError('source-empty', `${folder}: it contains no file to ship`)
  const bytes = entries.reduce((sum, entry) => sum + (entry.type === 'file' ? entry.size : 0), 0)
  return { folder, manifest: sorted(entries), bytes, notes: walk.notes }
}

/** The names at the top of a release that are not the source's to give: the socket's folder and our own. */
const reserved = new Map([
  ['run', 'the app server’s socket is made there'],
  ['.capstan', 'the release’s manifest is kept there'],
])

class Walk {
  readonly entries: Entry[] = []
  readonly problems: string[] = []
  readonly notes: string[] = []
  readonly #folder: string
  readonly #shared: ReadonlySet<string>
  readonly #installed: ReadonlySet<string>
  readonly #ignored: (path: string, isDirectory: boolean) => boolean
  #seen = 0

  constructor(folder: string, shared: readonly string[], installed: readonly string[]) {
    this.#folder = folder
    this.#shared = new Set(shared)
    this.#installed = new Set(installed)
    this.#ignored = ignoreRules(folder)
  }

  async directory(path: string): Promise<void> {
    for (const found of this.#list(path)) {
      const name = found.name.toString('latin1')
      const below = path === '' ? name : `${path}/${name}`
      if (this.#leftOut(below, found)) continue
      // So that a connection being made meanwhile goes on.
      if (++this.#seen % 64 === 0) await setImmediate()
      await this.#entry(below, found)
    }
  }

  #at(path: string): Buffer {
    return Buffer.concat([Buffer.from(`${this.#folder}/`), Buffer.from(path, 'latin1')])
  }

  #list(path: string): readonly Dirent<Buffer>[] {
    try {
      return readdirSync(this.#at(path), { withFileTypes: true, encoding: 'buffer' })
    } catch (error) {
      if (path !== '') throw error
      throw new UsageError('source', `${this.#folder}: not a readable folder`, { cause: error })
    }
  }

  #leftOut(path: string, found: Dirent<Buffer>): boolean {
    const name = path.slice(path.lastIndexOf('/') + 1)
    if (name === '.git' || path === '.deployignore' || this.#installed.has(path)) return true
    if (this.#shared.has(path)) {
      if (
        found.isDirectory() &&
        this.#list(path).some(one => !/^\.git(keep|ignore)$/.test(one.name.toString()))
      )
        this.notes.push(`${shown(path)} is shared between releases: what the source has there is left out`)
      return true
    }
    return this.#ignored(shown(path), found.isDirectory())
  }

  async #entry(path: string, found: Dirent<Buffer>): Promise<void> {
    const why = reserved.get(path)
    if (why !== undefined) this.problems.push(`${shown(path)}: ${why}`)
    else if (found.isDirectory()) {
      this.entries.push({ type: 'directory', path })
      await this.directory(path)
    } else if (found.isSymbolicLink()) {
      const target = readlinkSync(this.#at(path), 'buffer').toString('latin1')
      this.entries.push({ type: 'link', path, target })
    } else if (found.isFile()) this.#file(path)
    else this.problems.push(`${shown(path)}: is ${kindOf(found)}, a release holds files, folders and links`)
  }

  #file(path: string): void {
    const file = openSync(this.#at(path), 'r')
    try {
      const { mode } = fstatSync(file)
      if ((mode & 0o6000) !== 0) {
        this.problems.push(`${shown(path)}: is setuid or setgid (mode ${(mode & 0o7777).toString(8)})`)
        return
      }
      const { sha256, size } = hash(file)
      this.entries.push({ type: 'file', path, mode: (mode & 0o100) === 0 ? 644 : 755, sha256, size })
    } finally {
      closeSync(file)
    }
  }
}

const chunk = Buffer.allocUnsafe(1024 * 1024)

function hash(file: number): { readonly sha256: string; readonly size: number } {
  const sum = createHash('sha256')
  let size = 0
  for (;;) {
    const length = readSync(file, chunk, 0, chunk.length, null)
    if (length === 0) return { sha256: sum.digest('hex'), size }
    sum.update(chunk.subarray(0, length))
    size += length
  }
}

/** A link for each shared thing, from as deep as it lies, and the folders on the way to it. */
function sharedLinks(shared: readonly string[], entries: readonly Entry[]): readonly Entry[] {
  const there = new Set(entries.map(({ path }) => path))
  return shared.flatMap((name): readonly Entry[] => {
    const parts = name.split('/')
    const above = parts.slice(0, -1).map((_part, index) => parts.slice(0, index + 1).join('/'))
    const missing = above.filter(path => !there.has(path))
    for (const path of missing) there.add(path)
    const target = `${'../'.repeat(parts.length + 1)}shared/${name}`
    return [
      ...missing.map(path => ({ type: 'directory', path }) as const),
      { type: 'link', path: name, target },
    ]
  })
}

function kindOf(found: Dirent<Buffer>): string {
  if (found.isFIFO()) return 'a named pipe'
  if (found.isSocket()) return 'a socket'
  return 'a device'
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`
}
