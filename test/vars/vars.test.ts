import { describe, expect, expectTypeOf, test } from 'vitest'
import { typicalSite } from '#engine/converge/testing.ts'
import type { Secret } from '#engine/secret.ts'
import {
  choice,
  domain,
  flag,
  group,
  integer,
  ipAddress,
  list,
  optional,
  port,
  record,
  secret,
  text,
  type Vars,
  type VarsOf,
  vars,
} from '#engine/vars.ts'
import siteVars from '#roles/site.ts'

const role = vars({
  workers: integer({ min: 1, max: 512, default: 4, is: 'worker processes' }),
  aliases: list(domain(), { default: ({ site }) => [...site.www], is: 'its other names' }),
  log: choice(['off', 'on'], { default: 'on', is: 'whether it logs' }),
  bind: optional(ipAddress({ is: 'the address it listens on' })),
  limits: group({
    body: integer({ default: 1, is: 'MiB of a request' }),
    burst: group({ size: integer({ default: 20, is: 'requests at once' }) }),
  }),
})

function problems(schema: Vars<unknown>, given: unknown): readonly string[] {
  const parsed = schema.parse(given, typicalSite)
  return parsed.ok ? [] : parsed.problems.map(({ path, message }) => `${path.join('.')}: ${message}`)
}

test('A role without a word in the inventory has its defaults, the computed ones from the site.', () => {
  const defaults = {
    workers: 4,
    aliases: ['www.foobar.com'],
    log: 'on',
    bind: undefined,
    limits: { body: 1, burst: { size: 20 } },
  }
  for (const given of [undefined, null, {}, { limits: null }, { limits: { burst: {} }, workers: null }]) {
    expect(role.parse(given, typicalSite)).toStrictEqual({ ok: true, value: defaults })
  }
})

test('A value replaces its own default and leaves the ones beside it.', () => {
  const parsed = role.parse({ limits: { burst: { size: '5' } }, bind: '::1' }, typicalSite)
  expect(parsed).toMatchObject({
    value: { workers: 4, bind: '::1', limits: { body: 1, burst: { size: 5 } } },
  })
})

test('Every problem is told at once, with its path and the key that was meant.', () => {
  const given = {
    workers: 'many',
    aliases: ['ok.com', '$(id)'],
    limits: { bodyy: 1, burst: { size: [] } },
    wokers: 3,
    password: 'x',
    toString: 'x',
  }
  expect(problems(role, given)).toStrictEqual([
    'workers: expected 1–512, got "many"',
    'aliases.1: expected a domain name such as www.foobar.com, got "$(id)"',
    'limits.burst.size: expected a whole number, got an empty list',
    'limits.bodyy: unknown key; did you mean body?',
    'wokers: unknown key; did you mean workers?',
    'password: unknown key; known: workers, aliases, log, bind, limits',
    'toString: unknown key; known: workers, aliases, log, bind, limits',
  ])
})

test.each([['text'], [5], [['a']], [true]])('%j in place of a role’s map is one problem.', given => {
  expect(problems(role, given)).toStrictEqual([expect.stringMatching(/^: expected a map, got /)])
})

test('A computed default is held to the rules of its kind.', () => {
  const wrong = vars({ name: domain({ default: () => 'not a domain' }) })
  expect(problems(wrong, {})).toStrictEqual([
    'name: expected a domain name such as www.foobar.com, got "not a domain"',
  ])
})

test('The types are those that the fields give, read-only all the way down.', () => {
  const declared = vars({ a: port(), b: list(text()), c: optional(flag()), d: secret(), e: record(port()) })
  expectTypeOf<VarsOf<typeof declared>>().toEqualTypeOf<{
    readonly a: number
    readonly b: readonly string[]
    readonly c: boolean | undefined
    readonly d: Secret
    readonly e: Readonly<Record<string, number>>
  }>()
  expectTypeOf<VarsOf<typeof role>['log']>().toEqualTypeOf<'off' | 'on'>()
  expectTypeOf<VarsOf<typeof role>['limits']['burst']['size']>().toEqualTypeOf<number>()
  // @ts-expect-error: a default outside its choices
  choice(['a', 'b'], { default: 'c' })
})

test('The docs get a line for each var, groups opened, computed defaults worked out.', () => {
  const described = vars({ ...role.fields, password: secret({ is: 'of the app' }) }).describe(typicalSite)
  expect(described).toStrictEqual([
    { name: 'workers', type: '1–512', default: '4', is: 'worker processes' },
    {
      name: 'aliases',
      type: 'a list, each a domain name such as www.foobar.com',
      default: '["www.foobar.com"]',
      is: 'its other names',
    },
    { name: 'log', type: 'off or on', default: '"on"', is: 'whether it logs' },
    { name: 'bind', type: 'an IP address', default: '', is: 'the address it listens on' },
    { name: 'limits.body', type: 'a whole number', default: '1', is: 'MiB of a request' },
    { name: 'limits.burst.size', type: 'a whole number', default: '20', is: 'requests at once' },
    {
      name: 'password',
      type: 'a secret of one line and at least 4 characters',
      default: undefined,
      is: 'of the app',
    },
  ])
})

describe('The site', () => {
  test('A site of which only the domain is known has the rest from it.', () => {
    const parsed = siteVars.parse({ domain: 'shop.example' })
    expect(parsed).toStrictEqual({
      ok: true,
      value: {
        domain: 'shop.example',
        www: ['www.shop.example'],
        address: undefined,
        app: 'foobar',
        runtime: 'php',
        upload: '16m',
        replaces: undefined,
        database: { name: 'foobar', user: 'foobar', password: undefined },
        email: 'hostmaster@shop.example',
      },
    })
  })

  test('A wrong domain is one problem, not also one of each name made from it.', () => {
    const parsed = siteVars.parse({ domain: 'a.com; rm -rf /' })
    expect(parsed).toStrictEqual({
      ok: false,
      problems: [
        { path: ['domain'], message: 'expected a domain name such as www.foobar.com, got "a.com; rm -rf /"' },
      ],
    })
  })
})
