import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Inventory } from '#engine/inventory/inventory.ts'
import { selectHosts } from '#engine/inventory/pattern.ts'
import { load, project, refusal } from './project.ts'

const text = `
hosts: { web1: , web2: , web3: , db1: , db2: , lonely: }
groups:
  web: { hosts: [web1, web2, web3] }
  db: { hosts: [db1, db2] }
  blue: { hosts: [web1, db1] }
  site: { groups: [web, db] }
  empty: {}
`
const root = project({ 'inventory/site.yml': text }, afterAll)
let inventory: Inventory
let names: (pattern: string) => string

beforeAll(async () => {
  inventory = await load(root)
  names = pattern =>
    selectHosts(inventory, pattern)
      .map(host => host.name)
      .join(' ')
})

describe('What a pattern means', () => {
  const meanings: readonly [string, string][] = [
    ['all', 'web1 web2 web3 db1 db2 lonely'],
    ['*', 'web1 web2 web3 db1 db2 lonely'],
    ['web', 'web1 web2 web3'],
    ['site', 'web1 web2 web3 db1 db2'],
    ['db1', 'db1'],
    ['db1,web3', 'web3 db1'],
    ['db1:web3', 'web3 db1'],
    [' db1 , web3 ', 'web3 db1'],
    ['web:!web2', 'web1 web3'],
    ['!web2,web', 'web1 web3'],
    ['!web', 'db1 db2 lonely'],
    ['web:&blue', 'web1'],
    ['&blue', 'web1 db1'],
    ['web:db:&blue:!db1', 'web1'],
    ['web*', 'web1 web2 web3'],
    ['?b1', 'db1'],
    ['b*', 'web1 db1'],
    ['site:!*1', 'web2 web3 db2'],
    ['web[0]', 'web1'],
    ['web[-1]', 'web3'],
    ['web[0:1]', 'web1 web2'],
    ['web[1:]', 'web2 web3'],
    ['web[:1]', 'web1 web2'],
    ['web[:]', 'web1 web2 web3'],
    ['web[-2:]', 'web2 web3'],
    ['web[1:9]', 'web2 web3'],
    ['web[0:1]:db[-1]', 'web1 web2 db2'],
    ['all:!web[0]', 'web2 web3 db1 db2 lonely'],
  ]
  test.each(meanings)('%s is %s.', (pattern, meant) => {
    expect(names(pattern)).toBe(meant)
  })
})

describe('What is refused', () => {
  const refusals: readonly [string, string][] = [
    ['wbe1', '"wbe1" is not a host or group of inventory/site.yml; did you mean web1?'],
    [
      'web:!xyzzy',
      '"xyzzy" is not a host or group of inventory/site.yml; known: all, blue, empty, site, db, web, web1, web2, web3, db1, db2, lonely',
    ],
    ['', 'expected hosts or groups joined by , or :, got ""'],
    ['web,', 'expected hosts or groups joined by , or :, got "web,"'],
    [
      '!',
      '"" is not a host or group of inventory/site.yml; known: all, blue, empty, site, db, web, web1, web2, web3, db1, db2, lonely',
    ],
    ['cache*', 'no host or group of inventory/site.yml matches cache*'],
    ['web[7]', 'web[7]: expected a place below 3, got 7'],
    ['web[-4]', 'web[-4]: expected a place below 3, got -4'],
    ['web[a]', 'web[a]: expected a place such as [0], [-1] or [0:2]'],
    ['web[]', 'web[]: expected a place such as [0], [-1] or [0:2]'],
    ['web:!web', 'web:!web matches no host of inventory/site.yml'],
    ['empty', 'empty matches no host of inventory/site.yml'],
    [
      'web;id',
      '"web;id" is not a host or group of inventory/site.yml; known: all, blue, empty, site, db, web, web1, web2, web3, db1, db2, lonely',
    ],
    ['w.b1', '"w.b1" is not a host or group of inventory/site.yml; did you mean web1?'],
  ]
  test.each(refusals)('%j', async (pattern, message) => {
    expect(await refusal(() => selectHosts(inventory, pattern))).toStrictEqual([message])
  })
})

describe('Laws', () => {
  const term = fc.constantFrom(
    'all',
    'web',
    'db',
    'blue',
    'site',
    'web1',
    'db2',
    'lonely',
    '*1',
    'w?b*',
    'web[0:1]',
    'db[-1]',
  )
  const set = (pattern: string) => new Set(selectHosts(inventory, pattern).map(host => host.name))
  const setOrNone = (pattern: string) => {
    try {
      return set(pattern)
    } catch {
      return new Set<string>()
    }
  }

  test('A union is the union, an intersection the intersection, a difference the difference.', () => {
    fc.assert(
      fc.property(term, term, (a, b) => {
        const [left, right] = [[...set(a)], set(b)]
        expect(set(`${a},${b}`)).toStrictEqual(
          new Set(
            names('all')
              .split(' ')
              .filter(name => left.includes(name) || right.has(name)),
          ),
        )
        expect(setOrNone(`${a}:&${b}`)).toStrictEqual(new Set(left.filter(name => right.has(name))))
        expect(setOrNone(`${a}:!${b}`)).toStrictEqual(new Set(left.filter(name => !right.has(name))))
      }),
    )
  })

  test('The order of the terms does not matter, and no host comes twice.', () => {
    const terms = fc.array(fc.tuple(fc.constantFrom('', '!', '&'), term), { minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(terms, fc.constantFrom(',', ':'), (chosen, between) => {
        const args = chosen.map(([sign, name]) => `${sign}${name}`)
        const forwards = setOrNone(args.join(between))
        expect(setOrNone(args.toReversed().join(between))).toStrictEqual(forwards)
        if (forwards.size > 0) expect(selectHosts(inventory, args.join(between))).toHaveLength(forwards.size)
      }),
    )
  })
})
