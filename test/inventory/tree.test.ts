import fc from 'fast-check'
import { expect, test } from 'vitest'
import { descend, merge, type Origin, plain, type Tree } from '#engine/inventory/tree.ts'

const origin = (file: string): Origin => ({ file, line: 1, path: [] })

/** A tree of plain values, all of one origin. */
function tree(value: unknown, file = 'a.yml'): Tree {
  if (Array.isArray(value))
    return { kind: 'list', origin: origin(file), items: value.map(each => tree(each, file)) }
  if (typeof value === 'object' && value !== null) {
    const entries = new Map(Object.entries(value).map(([key, each]) => [key, tree(each, file)]))
    return { kind: 'map', origin: origin(file), entries }
  }
  return { kind: 'scalar', origin: origin(file), value: value as string | number | boolean | null }
}

const merges: readonly [string, unknown, unknown, unknown][] = [
  ['Maps merge key by key.', { a: 1, b: { c: 2 } }, { b: { d: 3 } }, { a: 1, b: { c: 2, d: 3 } }],
  ['A scalar replaces.', { a: 1 }, { a: 2 }, { a: 2 }],
  ['A list replaces the whole list.', { a: [1, 2, 3] }, { a: [4] }, { a: [4] }],
  ['A list of maps is not merged into.', { a: [{ b: 1 }] }, { a: [{ c: 2 }] }, { a: [{ c: 2 }] }],
  ['A scalar replaces a map.', { a: { b: 1 } }, { a: 2 }, { a: 2 }],
  ['A map replaces a scalar.', { a: 2 }, { a: { b: 1 } }, { a: { b: 1 } }],
  ['null replaces, so that the default comes back.', { a: 2 }, { a: null }, { a: null }],
  ['An empty map takes nothing away.', { a: { b: 1 } }, { a: {} }, { a: { b: 1 } }],
]
test.each(merges)('%s', (_title, low, high, expected) => {
  expect(plain(merge(tree(low), tree(high)))).toStrictEqual(expected)
})

const partly = { requiredKeys: [] as never[], noNullPrototype: true }
const { any } = fc.letrec(tie => ({
  any: fc.oneof(
    { maxDepth: 3 },
    fc.nat(9),
    fc.constant(null),
    fc.array(tie('any'), { maxLength: 2 }),
    fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('any'), { noNullPrototype: true }),
  ),
}))
const map = fc.dictionary(fc.constantFrom('a', 'b', 'c'), any, { noNullPrototype: true })

test('Layers that agree on what is a map merge to the same whichever two are merged first.', () => {
  const leaf = fc.oneof(fc.nat(9), fc.constant(null), fc.array(fc.nat(9), { maxLength: 2 }))
  const group = fc.record({ p: leaf, q: leaf, r: fc.record({ s: leaf, t: leaf }, partly) }, partly)
  const layer = fc.record({ a: leaf, b: group, c: group }, partly)
  fc.assert(
    fc.property(layer, layer, layer, (a, b, c) => {
      const [x, y, z] = [tree(a), tree(b), tree(c)]
      expect(plain(merge(merge(x, y), z))).toStrictEqual(plain(merge(x, merge(y, z))))
    }),
  )
})

test('A tree merged onto itself is itself, and an empty map on either side changes nothing.', () => {
  fc.assert(
    fc.property(map, value => {
      const given = tree(value)
      expect(plain(merge(given, given))).toStrictEqual(value)
      expect(plain(merge(tree({}), given))).toStrictEqual(value)
      expect(plain(merge(given, tree({})))).toStrictEqual(value)
    }),
  )
})

test('The last layer to say anything at a path wins there, and is its origin.', () => {
  fc.assert(
    fc.property(
      fc.array(fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.nat()), { minLength: 1 }),
      layers => {
        const merged = layers.map((layer, i) => tree(layer, `${i}.yml`)).reduce(merge)
        for (const key of ['a', 'b', 'c']) {
          const last = layers.findLastIndex(layer => Object.hasOwn(layer, key))
          const { nearest, rest } = descend(merged, [key])
          expect(rest).toStrictEqual(last === -1 ? [key] : [])
          if (last !== -1) {
            expect(plain(nearest)).toBe(layers[last]?.[key])
            expect(nearest.origin.file).toBe(`${last}.yml`)
          }
        }
      },
    ),
  )
})
