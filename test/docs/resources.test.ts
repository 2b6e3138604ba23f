import { readFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { buildCatalog } from '#engine/converge/catalog.ts'
import { declarations } from '#engine/converge/declarations.ts'
import { Secret } from '#engine/secret.ts'
import type { Vars } from '#engine/vars.ts'
import * as types from '#engine/vars.ts'
import { elsewhere, kinds } from '../long/many.ts'

const root = resolve(import.meta.dirname, '../..')
const page = readFileSync(join(root, 'docs/resources.md'), 'utf8')
const sections = new Map(
  page
    .split(/^## /m)
    .slice(1)
    .map(section => [section.slice(0, section.indexOf('\n')), section]),
)
const nouns = Object.keys(declared('roles/nginx').nouns)

it('has a section for every noun that a role can declare, and none for another.', () => {
  const others = ['Checks of a role', 'A new kind', 'Types of vars']
  expect([...sections.keys()].filter(title => !others.includes(title)).sort()).toEqual(nouns.sort())
})

it('lists every noun in the table of kinds.', () => {
  const [introduction = ''] = page.split(/^## /m)
  expect([...introduction.matchAll(/\[(\w+)\]\(#/g)].map(([, noun]) => noun).sort()).toEqual(nouns.sort())
})

it('has a long test of every noun: 500 resources of it, or a test that is named with the reason.', () => {
  const tried = [...Object.keys(kinds).map(kind => kind.replace(/\..*/, '')), ...Object.keys(elsewhere)]
  expect([...new Set(tried)].sort()).toEqual(nouns.sort())
  for (const [noun, { test }] of Object.entries(elsewhere))
    expect(readFileSync(join(root, test), 'utf8'), `${noun} in ${test}`).toContain(uses[noun] ?? `['${noun}'`)
})

it.each(nouns)('tells every way to call %s.', noun => {
  const { nouns: bound } = declared('roles/nginx')
  const ways = Object.keys(bound[noun] ?? {}).map(way => `${noun}.${way}(`)
  expect(ways.filter(way => !sections.get(noun)?.includes(way))).toEqual([])
})

it.each(nouns)('has an example of %s that declares what it says.', noun => {
  const { nouns: bound, catalog } = declared(places[noun] ?? 'roles/nginx')
  const [, example = ''] = /```ts\n(.*?)```/s.exec(sections.get(noun) ?? '') ?? []
  expect(example).toContain(`${noun}`)
  const given: Readonly<Record<string, unknown>> = {
    ...bound,
    vars: { password: new Secret('an example’s') },
  }
  new Function(...Object.keys(given), example)(...Object.values(given))
  expect(catalog.resources.length).toBeGreaterThan(0)
})

describe('the types of vars', () => {
  const section = sections.get('Types of vars') ?? ''
  const { vars, ...constructors } = types

  it.each(Object.keys(constructors))('%s is described.', type => {
    expect(section).toContain(`\`${type}(`)
  })

  it('have an example that accepts what it says.', () => {
    const [, code = ''] = /```ts\n(.*?)```/s.exec(section) ?? []
    const example = code.replace(/^import .*\n/, '').replace('export default', 'return')
    const declared = new Function(...Object.keys(types), example)(...Object.values(types)) as Vars<unknown>
    const nothing = {
      level: 'info',
      nodes: [],
      limits: { connections: 1000 },
      token: undefined,
      start: '03:30',
    }
    expect(declared.parse({})).toEqual({ ok: true, value: nothing })
    expect(declared.parse({ start: 'at 03:30' })).toMatchObject({
      ok: false,
      problems: [{ path: ['start'] }],
    })
  })
})

// Where the files lie that examples name; the other examples name none but nginx’s.
const declaredRole = 'test/fixtures/roles/declared'
const places: Readonly<Record<string, string>> = {
  ...{ aptSource: declaredRole, script: declaredRole, tree: declaredRole, zone: 'roles/dns' },
}

// How tests use the nouns that they do not declare by name.
const uses: Readonly<Record<string, string>> = {
  ...{ unit: "['timer'", service: "['timer'" },
  zone: 'repairs an edit by hand, with a serial above the edited one',
  release: 'rolls back to the good release before, in the order of deploys',
  workers: 'are set up for the release that is live, and a second run changes nothing in two trips',
  handler: "describeInFull('handlers'",
  configSet: 'that its test rejects leaves every file as it is',
}

/** The nouns as the role in this folder gets them, and the catalog that they declare into. */
function declared(folder: string) {
  const catalog = buildCatalog()
  const directory = join(root, folder)
  const nouns: Readonly<Record<string, object>> = declarations(catalog.role(basename(folder)), { directory })
  return { catalog, nouns }
}
