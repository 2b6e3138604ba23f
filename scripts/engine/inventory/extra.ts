import type { Problems } from './problems.ts'
import type { MapTree, Tree } from './tree.ts'
import { readYaml } from './yaml.ts'

/** One `-e`: the file it names, or the key and the text of its value. */
export type ExtraVar =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'value'; readonly key: readonly string[]; readonly text: string }

/** Reads `@file.yml` or `nginx.port=8080`; a problem and undefined where it is neither. */
export function readExtraVar(given: string, problems: Problems): ExtraVar | undefined {
  if (given.startsWith('@') && given.length > 1) return { kind: 'file', path: given.slice(1) }
  const at = given.indexOf('=')
  const key = given.slice(0, Math.max(at, 0)).split('.')
  const isKey = key.length > 1 && key.every(part => /^[A-Za-z0-9_-]+$/.test(part) && !forbidden.test(part))
  if (isKey) return { kind: 'value', key, text: given.slice(at + 1) }
  // Without its value, which may be a secret.
  const shown = at === -1 ? given : given.slice(0, at)
  problems.add(`-e ${shown}`, 'expected <role>.<key>=<value> or @file.yml')
  return undefined
}

/** The vars that a key and the YAML of its value make: `nginx.port=8080` → `{ nginx: { port: 8080 } }`. */
export function extraTree(key: readonly string[], text: string, problems: Problems): MapTree | undefined {
  const file = `-e ${key.join('.')}`
  const value = readYaml(text, { file, lines: false }, problems)
  return value && nest(key, value, file)
}

const forbidden = /^(__proto__|constructor|prototype)$/

function nest(key: readonly string[], value: Tree, file: string): MapTree {
  const origin = { file, line: undefined, path: [] }
  const [first = '', ...rest] = key
  const below = rest.length === 0 ? value : nest(rest, value, file)
  return { kind: 'map', origin, entries: new Map([[first, below]]) }
}
