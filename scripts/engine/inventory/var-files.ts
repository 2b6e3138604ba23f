import { dirname, join, resolve } from 'node:path'
import { orNearest } from '#engine/nearest.ts'
import { type Declared, readInventory } from './document.ts'
import { extraTree, readExtraVar } from './extra.ts'
import { filesByName, readTrusted } from './files.ts'
import { readLayer, type VarFiles } from './precedence.ts'
import { collectProblems, type Problems } from './problems.ts'
import type { MapTree, Tree } from './tree.ts'
import { readYaml } from './yaml.ts'

interface VarFileOptions {
  readonly root: string
  readonly extraVars: readonly string[]
  readonly roles: readonly string[]
}

/**
 * Reads group_vars and host_vars beside the inventory, and every `-e`. Inventories of one folder share them: a
 * file must be named after a group (or host) of this inventory or of one beside it.
 */
export async function readVarFiles(
  inventory: string,
  declared: Declared,
  options: VarFileOptions,
  problems: Problems,
): Promise<VarFiles> {
  const folder = dirname(inventory)
  const groups = await readFolder(join(folder, 'group_vars'), options, problems)
  const hosts = await readFolder(join(folder, 'host_vars'), options, problems)
  const known = {
    groups: new Set(['all', ...declared.groups.map(group => group.name)]),
    hosts: new Set(declared.hosts.keys()),
  }
  if (!isWithin(groups.keys(), known.groups) || !isWithin(hosts.keys(), known.hosts)) {
    for (const beside of await readBeside(inventory, options.root)) {
      for (const { name } of beside.groups) known.groups.add(name)
      for (const name of beside.hosts.keys()) known.hosts.add(name)
    }
  }
  refuseUnknown(groups, known.groups, 'group', problems)
  refuseUnknown(hosts, known.hosts, 'host', problems)
  return { groups, hosts, extra: await readExtras(options, problems) }
}

async function readFolder(
  folder: string,
  options: VarFileOptions,
  problems: Problems,
): Promise<ReadonlyMap<string, MapTree>> {
  const trees = new Map<string, MapTree>()
  for (const [name, file] of await filesByName(folder)) {
    const tree = await readFile(file, options, problems)
    if (tree !== undefined) trees.set(name, readLayer(tree, options.roles, problems))
  }
  return trees
}

async function readFile(
  file: string,
  options: VarFileOptions,
  problems: Problems,
): Promise<Tree | undefined> {
  const { shown, text } = await readTrusted(options.root, file)
  return readYaml(text, { file: shown }, problems)
}

// The other inventories of the folder, for their names alone: what is wrong in them is not this run's matter.
async function readBeside(inventory: string, root: string): Promise<readonly Declared[]> {
  const files = [...(await filesByName(dirname(inventory))).values()].filter(file => file !== inventory)
  const ignored = collectProblems('')
  const trees = await Promise.all(
    files.map(async file => {
      const { shown, text } = await readTrusted(root, file)
      return readYaml(text, { file: shown }, ignored)
    }),
  )
  return trees.flatMap(tree => (tree === undefined ? [] : [readInventory(tree, ignored)]))
}

function refuseUnknown(
  files: ReadonlyMap<string, MapTree>,
  known: ReadonlySet<string>,
  noun: string,
  problems: Problems,
): void {
  for (const [name, { origin }] of files) {
    if (known.has(name)) continue
    problems.add(
      origin.file,
      `no ${noun} of the inventories in its folder has this name${orNearest(name, [...known])}`,
    )
  }
}

async function readExtras(options: VarFileOptions, problems: Problems): Promise<readonly MapTree[]> {
  const extra: MapTree[] = []
  for (const given of options.extraVars) {
    const read = readExtraVar(given, problems)
    if (read === undefined) continue
    const tree =
      read.kind === 'value'
        ? extraTree(read.key, read.text, problems)
        : await readFile(resolve(read.path), options, problems)
    if (tree !== undefined) extra.push(readLayer(tree, options.roles, problems))
  }
  return extra
}

function isWithin(names: Iterable<string>, known: ReadonlySet<string>): boolean {
  return [...names].every(name => known.has(name))
}
