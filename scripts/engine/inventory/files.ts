import { open, readdir, stat } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { UsageError } from '#engine/errors.ts'
import { orNearest } from '#engine/nearest.ts'

/** A file that was read: its path as people see it, and its text. */
export interface InventoryFile {
  readonly shown: string
  readonly text: string
}

/**
 * The file of an inventory: a name is `inventory/<name>.yml` of the root, anything with a slash or an ending a
 * path. Throws UsageError, with the names that there are, where there is no such file.
 */
export async function findInventory(root: string, inventory: string): Promise<string> {
  const isPath = inventory.includes('/') || /\.ya?ml$/.test(inventory)
  const folder = join(root, 'inventory')
  const places = isPath
    ? [resolve(inventory)]
    : ['yml', 'yaml'].map(ending => join(folder, `${inventory}.${ending}`))
  for (const place of places) if (await isFile(place)) return place
  const known = (await listYaml(folder)).map(file => basename(file).replace(/\.ya?ml$/, ''))
  const wanted = shownPath(root, places[0] ?? inventory)
  throw new UsageError(
    'inventory',
    `-i ${inventory}: expected the file ${wanted}, which is not there${orNearest(inventory, known)}`,
  )
}

/** The YAML files of a folder by their name without the ending; none where the folder is not there. */
export async function filesByName(folder: string): Promise<ReadonlyMap<string, string>> {
  const files = await listYaml(folder)
  return new Map(files.map(file => [basename(file).replace(/\.ya?ml$/, ''), file]))
}

/**
 * Reads a file that decides what is done to servers. Throws UsageError where it belongs to another user or
 * anyone may write it: who can change it could run commands as you.
 */
export async function readTrusted(root: string, file: string): Promise<InventoryFile> {
  const shown = shownPath(root, file)
  if (!(await isFile(file))) throw new UsageError('inventory', `${shown}: expected a file, but there is none`)
  const handle = await open(file, 'r')
  try {
    const { uid, mode } = await handle.stat()
    const where = { where: shown }
    if ((mode & 0o002) !== 0) {
      const hint = `Run: chmod o-w ${shown}`
      throw new UsageError('inventory', `${shown}: any user of this machine can write to it`, {
        ...where,
        hint,
      })
    }
    if (!(await trustedOwners()).includes(uid)) {
      const hint = 'Read it, then take ownership with chown.'
      throw new UsageError('inventory', `${shown}: expected a file of your own, got one of user ${uid}`, {
        ...where,
        hint,
      })
    }
    return { shown, text: await handle.readFile('utf8') }
  } finally {
    await handle.close()
  }
}

/** A path as people see it: relative within the root, whole outside it. */
function shownPath(root: string, file: string): string {
  const path = relative(root, resolve(file))
  return path.startsWith('..') || isAbsolute(path) ? resolve(file) : path
}

// Whoever owns this very code is trusted already: root in a container runs a checkout of another user.
async function trustedOwners(): Promise<readonly number[]> {
  const { uid } = await stat(fileURLToPath(import.meta.url))
  return [process.getuid?.() ?? uid, 0, uid]
}

async function isFile(file: string): Promise<boolean> {
  return stat(file).then(
    found => found.isFile(),
    () => false,
  )
}

async function listYaml(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch(() => [])
  const files = names.filter(name => /^[^.].*\.ya?ml$/.test(name)).sort()
  const twice = files.find(name => name.endsWith('.yaml') && files.includes(name.replace(/aml$/, 'ml')))
  if (twice !== undefined) {
    throw new UsageError(
      'inventory',
      `${basename(dirname(join(folder, twice)))}/${twice}: there is also a .yml file with that name`,
    )
  }
  return files.map(name => join(folder, name))
}
