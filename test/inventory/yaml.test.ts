import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { collectProblems } from '#engine/inventory/problems.ts'
import { leaves, lineOf, plain, type Tree } from '#engine/inventory/tree.ts'
import { readYaml } from '#engine/inventory/yaml.ts'

function read(text: string): { readonly tree: Tree | undefined; readonly found: readonly string[] } {
  const problems = collectProblems('a.yml')
  const tree = readYaml(text, { file: 'a.yml' }, problems)
  return { tree, found: problems.found }
}

function value(text: string): unknown {
  const { tree, found } = read(text)
  expect(found).toStrictEqual([])
  return tree && plain(tree)
}

describe('What is refused, with its line and path', () => {
  const refusals: readonly [string, string, readonly string[]][] = [
    ['A duplicate key', 'a: 1\nb: 2\na: 3\n', ['a.yml:3: a duplicate key']],
    ['A tab', 'a:\n\tb: 1\n', ['a.yml:2: Tabs are not allowed as indentation']],
    [
      'JavaScript',
      'a:\n  b: !!js/function "x"\n',
      ['a.yml:2: a.b: expected !env, !secret or !generated, got the tag !!js/function'],
    ],
    [
      'An unknown tag',
      'a: !vault x\n',
      ['a.yml:1: a: expected !env, !secret or !generated, got the tag !vault'],
    ],
    [
      'An unknown tag on a map',
      'a: !thing {b: 1}\n',
      ['a.yml:1: a: expected !env, !secret or !generated, got the tag !thing'],
    ],
    [
      'A reference to no name',
      'a: !secret\nb: !env "a b"\nc: !secret {a: 1}\n',
      [
        'a.yml:1: a: expected a name of letters, digits and _ after !secret, got ""',
        'a.yml:2: b: expected a name of letters, digits and _ after !env, got "a b"',
        'a.yml:3: c: expected a name of letters, digits and _ after !secret, got ""',
      ],
    ],
    [
      'A key that would reach a prototype',
      'a:\n  __proto__: {admin: true}\n  constructor: 1\nprototype: 2\n',
      [
        "a.yml:2: a: __proto__ can't be a key",
        "a.yml:3: a: constructor can't be a key",
        "a.yml:4: prototype can't be a key",
      ],
    ],
    ['A key that is a list', '? [a]\n: 1\n', ['a.yml:1: expected a key of plain text']],
    ['A key that is nothing', ': 1\n', ['a.yml:1: expected a key of plain text']],
    [
      'NUL in a text',
      'a: ["x", "b\\0c"]\n',
      ['a.yml:1: a.1: a NUL character, which no file, argument or SQL text can carry'],
    ],
    [
      'A second document',
      'a: 1\n---\nb: 2\n',
      ['a.yml:2: Source contains multiple documents; please use YAML.parseAllDocuments()'],
    ],
    ['An alias of nothing', 'a: *b\n', ['a.yml:1: a: no anchor above is named *b']],
    [
      'An anchor within itself',
      'a: &a [*a]\n',
      ['a.yml: nested deeper than 40 levels, or an anchor inside itself'],
    ],
    [
      'Nesting that would end the stack',
      `a: ${'['.repeat(5000)}${']'.repeat(5000)}\n`,
      ['a.yml:1: nested deeper than 40 levels'],
    ],
    ['A merge of no map', 'a: &a 1\nb: {<<: *a}\n', ['a.yml:2: b: expected a map, got one value']],
    [
      'A megabyte',
      `a: ${'x'.repeat(1_000_000)}`,
      ['a.yml: expected at most 1000000 characters, got 1000003'],
    ],
  ]
  test.each(refusals)('%s.', (_title, text, found) => {
    expect(read(text).found).toStrictEqual(found)
  })

  test('An anchor that multiplies itself by ten, nine times, is refused before it has grown.', () => {
    const layers = [...'bcdefghi'].map(
      (name, i) => `${name}: &${name} [${Array(10).fill(`*${'abcdefgh'[i]}`).join(',')}]`,
    )
    const { found } = read(`a: &a [${Array(10).fill('x').join(',')}]\n${layers.join('\n')}\n`)
    expect(found).toStrictEqual(['a.yml: more than 50000 values, counting what anchors repeat'])
  })
})

describe('What is read', () => {
  test('Values are those of YAML 1.2: no and on are text, 010 is ten, an address is text.', () => {
    const text = 'a: no\nb: on\nc: 010\nd: 8.8.8.8\ne: 0x10\nf: ~\ng: "1"\nh: true\ni: 12:30\n'
    expect(value(text)).toStrictEqual({
      a: 'no',
      b: 'on',
      c: 10,
      d: '8.8.8.8',
      e: 16,
      f: null,
      g: '1',
      h: true,
      i: '12:30',
    })
  })

  test('Anchors are followed, and << gives what a map does not say itself.', () => {
    const text = 'a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\nc: {<<: [*a, *b], x: 9}\nd: *a\n'
    expect(value(text)).toMatchObject({ c: { x: 9, y: 2, z: 4 }, d: { x: 1, y: 2 } })
  })

  test('A file of comments alone is nothing.', () => {
    expect(value('# vars:\n')).toBeNull()
  })

  test('A number as a key is its digits.', () => {
    expect(value('80: http\n')).toStrictEqual({ 80: 'http' })
  })

  test('Every value knows the line of its key, and of its item in a list.', () => {
    const { tree } = read('a:\n  b: 1\n  c:\n    - x\n    - y: 2\n\nd: >\n  text\n')
    const found = [...(tree === undefined ? [] : leaves(tree))]
    expect(
      found.map(([path, leaf]) => `${path.join('.')} ${lineOf(leaf.origin)} ${leaf.origin.path.join('.')}`),
    ).toStrictEqual(['a.b a.yml:2 a.b', 'a.c.0 a.yml:4 a.c.0', 'a.c.1.y a.yml:5 a.c.1.y', 'd a.yml:7 d'])
  })

  test('What is written as YAML is read as it was.', () => {
    const key = fc
      .stringMatching(/^[a-z]{1,6}$/)
      .filter(name => name !== 'prototype' && name !== 'constructor')
    const { tree } = fc.letrec(tie => ({
      tree: fc.oneof(
        { maxDepth: 3 },
        fc.string({ unit: 'grapheme' }).filter(each => !each.includes('\0')),
        fc.integer(),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.dictionary(key, tie('tree'), { maxKeys: 4, noNullPrototype: true }),
      ),
    }))
    fc.assert(
      fc.property(tree, written => {
        expect(value(stringify(written))).toStrictEqual(written)
      }),
    )
  })
})
