import type { Secret } from '#engine/secret.ts'

/** Where a value was written: the file as it is shown, its line, and the path within that file. */
export interface Origin {
  readonly file: string
  /** Absent for a value from the command line. */
  readonly line: number | undefined
  readonly path: readonly string[]
}

/** What a tagged value refers to: `!env NAME`, `!secret NAME`, `!generated NAME`. */
export type ReferenceKind = 'env' | 'secret' | 'generated'

/** YAML as values that know where they come from. */
export type Tree = MapTree | ListTree | ScalarTree | ReferenceTree

export interface MapTree {
  readonly kind: 'map'
  readonly origin: Origin
  readonly entries: ReadonlyMap<string, Tree>
}

interface ListTree {
  readonly kind: 'list'
  readonly origin: Origin
  readonly items: readonly Tree[]
}

interface ScalarTree {
  readonly kind: 'scalar'
  readonly origin: Origin
  readonly value: string | number | boolean | null | Secret
}

export interface ReferenceTree {
  readonly kind: 'reference'
  readonly origin: Origin
  readonly to: ReferenceKind
  readonly name: string
}

/** `high` over `low`: maps merge key by key, everything else replaces. Neither is changed. */
export function merge(low: Tree, high: Tree): Tree {
  return low.kind === 'map' && high.kind === 'map' ? mergeMaps(low, high) : high
}

/** The same for two maps, which give a map. */
export function mergeMaps(low: MapTree, high: MapTree): MapTree {
  const entries = new Map(low.entries)
  for (const [key, value] of high.entries) {
    const below = entries.get(key)
    entries.set(key, below === undefined ? value : merge(below, value))
  }
  return { kind: 'map', origin: high.origin, entries }
}

/** The value at the end of the path, or the nearest existing one and the rest of the path below it. */
export function descend(
  tree: Tree,
  path: readonly string[],
): { readonly nearest: Tree; readonly rest: readonly string[] } {
  const [key, ...rest] = path
  const next = key === undefined ? undefined : child(tree, key)
  return next === undefined ? { nearest: tree, rest: path } : descend(next, rest)
}

/** Every scalar and reference with its path, in the order of the keys; an empty map or list is one too. */
export function* leaves(tree: Tree, path: readonly string[] = []): Generator<[readonly string[], Tree]> {
  const inside =
    tree.kind === 'map' ? [...tree.entries] : tree.kind === 'list' ? [...tree.items.entries()] : []
  if (inside.length === 0) yield [path, tree]
  for (const [key, value] of inside) yield* leaves(value, [...path, String(key)])
}

/** Plain values: maps as objects, lists as arrays. A reference that was not resolved is undefined. */
export function plain(tree: Tree): unknown {
  if (tree.kind === 'scalar') return tree.value
  if (tree.kind === 'list') return tree.items.map(plain)
  if (tree.kind === 'map')
    return Object.fromEntries([...tree.entries].map(([key, value]) => [key, plain(value)]))
  return undefined
}

/** `inventory/production.yml:12`, the prefix of a message about the file. */
export function lineOf(origin: Origin): string {
  return origin.line === undefined ? origin.file : `${origin.file}:${origin.line}`
}

/** `inventory/production.yml:12: hosts.web1.vars.nginx.port`, and below it `rest` if there is more of a path. */
export function placeOf(origin: Origin, rest: readonly string[] = []): string {
  const path = [...origin.path, ...rest].join('.')
  return path === '' ? lineOf(origin) : `${lineOf(origin)}: ${path}`
}

function child(tree: Tree, key: string): Tree | undefined {
  if (tree.kind === 'map') return tree.entries.get(key)
  return tree.kind === 'list' && /^\d+$/.test(key) ? tree.items[Number(key)] : undefined
}
