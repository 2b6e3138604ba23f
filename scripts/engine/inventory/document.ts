import { orNearest } from '#engine/nearest.ts'
import type { DeclaredGroup } from './groups.ts'
import type { Problems } from './problems.ts'
import type { MapTree, Origin, Tree } from './tree.ts'
import { asMap } from './yaml.ts'

/** What an inventory file says, before anything is merged or typed. */
export interface Declared {
  readonly vars: MapTree
  readonly hosts: ReadonlyMap<string, DeclaredHost>
  readonly groups: readonly (DeclaredGroup & { readonly vars: MapTree })[]
}

export interface DeclaredHost {
  readonly origin: Origin
  /** Its keys but `vars`: address, user, connection. */
  readonly settings: MapTree
  readonly vars: MapTree
}

/** Reads the shape of an inventory file; what a name must be and which keys there are is checked here. */
export function readInventory(tree: Tree, problems: Problems): Declared {
  const top = asMap(tree, problems)
  refuseUnknown(top, ['vars', 'hosts', 'groups'], problems)
  const hosts = readHosts(part(top, 'hosts', problems), problems)
  if (hosts.size === 0) problems.add(below(top.origin, 'hosts'), 'expected at least one host, got none')
  const groups = readGroups(part(top, 'groups', problems), hosts, problems)
  return { vars: part(top, 'vars', problems), hosts, groups }
}

const name = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$/
const nameWords = 'expected a name of letters, digits, ., _ and -'

function readHosts(map: MapTree, problems: Problems): ReadonlyMap<string, DeclaredHost> {
  const hosts = new Map<string, DeclaredHost>()
  for (const [host, tree] of map.entries) {
    if (!name.test(host)) problems.add(tree.origin, `${nameWords}, got ${JSON.stringify(host)}`)
    if (host === 'all') problems.add(tree.origin, 'all is the group of every host and names no host')
    const entry = asMap(tree, problems)
    const settings = new Map(entry.entries)
    settings.delete('vars')
    hosts.set(host, {
      origin: tree.origin,
      settings: { ...entry, entries: settings },
      vars: part(entry, 'vars', problems),
    })
  }
  return hosts
}

function readGroups(
  map: MapTree,
  hosts: ReadonlyMap<string, DeclaredHost>,
  problems: Problems,
): Declared['groups'] {
  return [...map.entries].map(([group, tree]) => {
    if (!name.test(group)) problems.add(tree.origin, `${nameWords}, got ${JSON.stringify(group)}`)
    if (group === 'all')
      problems.add(tree.origin, 'the group of every host is always there; its vars stand under vars')
    if (hosts.has(group)) problems.add(tree.origin, `${group} is a host as well; a pattern could mean either`)
    const entry = asMap(tree, problems)
    refuseUnknown(entry, ['hosts', 'groups', 'vars'], problems)
    return {
      name: group,
      origin: tree.origin,
      hosts: names(entry, 'hosts', problems),
      groups: names(entry, 'groups', problems),
      vars: part(entry, 'vars', problems),
    }
  })
}

function names(map: MapTree, key: string, problems: Problems): DeclaredGroup['hosts'] {
  const tree = map.entries.get(key)
  if (tree === undefined || (tree.kind === 'scalar' && tree.value === null)) return []
  if (tree.kind !== 'list') {
    problems.add(tree.origin, 'expected a list of names, as in [web1, web2]')
    return []
  }
  return tree.items.flatMap(item => {
    if (item.kind === 'scalar' && typeof item.value === 'string')
      return [{ name: item.value, origin: item.origin }]
    problems.add(item.origin, 'expected a name')
    return []
  })
}

function part(map: MapTree, key: string, problems: Problems): MapTree {
  const tree = map.entries.get(key)
  if (tree !== undefined) return asMap(tree, problems)
  return { kind: 'map', origin: below(map.origin, key), entries: new Map() }
}

function refuseUnknown(map: MapTree, keys: readonly string[], problems: Problems): void {
  for (const [key, tree] of map.entries) {
    if (!keys.includes(key)) problems.add(tree.origin, `unknown key${orNearest(key, keys)}`)
  }
}

function below(origin: Origin, key: string): Origin {
  return { ...origin, path: [...origin.path, key] }
}
