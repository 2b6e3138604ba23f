import { orNearest } from '#engine/nearest.ts'
import type { Declared } from './document.ts'
import type { Group } from './groups.ts'
import type { Problems } from './problems.ts'
import { type MapTree, mergeMaps, type Tree } from './tree.ts'
import { asMap } from './yaml.ts'

/** All that the vars of a host are merged from, but the inventory file itself. */
export interface VarFiles {
  /** By group, `all` among them: inventory/group_vars. */
  readonly groups: ReadonlyMap<string, MapTree>
  /** By host: inventory/host_vars. */
  readonly hosts: ReadonlyMap<string, MapTree>
  /** From the command line, the last one strongest. */
  readonly extra: readonly MapTree[]
}

/**
 * A host's vars. From the weakest to the strongest: the inventory's `vars`, group_vars/all, then each of its
 * groups by depth and name (the inventory's words, then group_vars), the host's own, host_vars, `-e`.
 */
export function mergeVars(
  host: string,
  declared: Declared,
  groups: ReadonlyMap<string, Group>,
  files: VarFiles,
): MapTree {
  const inline = new Map(declared.groups.map(group => [group.name, group.vars]))
  const inOrder = [...groups.values()].filter(group => group.hosts.includes(host))
  const layers = [
    declared.vars,
    ...inOrder.flatMap(group => [inline.get(group.name), files.groups.get(group.name)]),
    declared.hosts.get(host)?.vars,
    files.hosts.get(host),
    ...files.extra,
  ]
  return layers.filter(layer => layer !== undefined).reduce(mergeMaps)
}

/** One layer of vars: `site`, `sites` and roles at the top and nothing else, each a map, as is each of the sites. */
export function readLayer(tree: Tree, roles: readonly string[], problems: Problems): MapTree {
  const layer = asMap(tree, problems)
  const known = ['site', 'sites', ...roles]
  const entries = new Map<string, Tree>()
  for (const [key, value] of layer.entries) {
    if (key === 'sites') entries.set(key, mapOfMaps(asMap(value, problems), problems))
    else if (known.includes(key)) entries.set(key, asMap(value, problems))
    else problems.add(value.origin, `no role is named ${key}${orNearest(key, known)}`)
  }
  return { ...layer, entries }
}

function mapOfMaps(tree: MapTree, problems: Problems): MapTree {
  return { ...tree, entries: new Map([...tree.entries].map(([key, value]) => [key, asMap(value, problems)])) }
}
