import { Secret } from '#engine/secret.ts'
import type { Problems } from './problems.ts'
import type { ReferenceTree, Tree } from './tree.ts'

/** Where references are looked up: the effects that the rest of the inventory is free of. */
export interface References {
  /** A variable of the environment or .env; undefined if neither of them sets it. */
  env(name: string): string | undefined
  /** The same for a secret. */
  secret(name: string): string | undefined
  /** A value that was made up once for this clone and is kept. */
  generated(name: string): string
}

/** The tree with its references replaced by what they refer to; one that is missing is a problem. */
export function resolveReferences(
  tree: Tree,
  references: References,
  isSandbox: boolean,
  problems: Problems,
): Tree {
  const resolve = (each: Tree): Tree => {
    if (each.kind === 'list') return { ...each, items: each.items.map(resolve) }
    if (each.kind === 'map') {
      return { ...each, entries: new Map([...each.entries].map(([key, value]) => [key, resolve(value)])) }
    }
    if (each.kind !== 'reference') return each
    return { kind: 'scalar', origin: each.origin, value: lookUp(each, references, isSandbox, problems) }
  }
  return resolve(tree)
}

function lookUp(
  { to, name, origin }: ReferenceTree,
  references: References,
  isSandbox: boolean,
  problems: Problems,
): string | Secret | null {
  if (to === 'generated') {
    if (isSandbox) return new Secret(references.generated(name))
    problems.add(origin, '!generated is for sandbox hosts; expected !secret NAME, from the environment')
    return null
  }
  const value = references[to](name)
  if (value === undefined || (to === 'secret' && value === '')) {
    const got = value === undefined ? 'which has none' : 'which is empty'
    const where = 'the environment or .env (.env.example shows how)'
    problems.add(origin, `expected the value of ${name} from ${where}, ${got}`)
    return null
  }
  return to === 'secret' ? new Secret(value) : value
}
