import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { RoleDeclarations } from '#engine/converge/catalog.ts'
import { buildCatalog } from '#engine/converge/catalog.ts'
import { declarations } from '#engine/converge/declarations.ts'
import { declareRole } from '#engine/converge/declare.ts'
import type { Role, RoleInput } from '#engine/converge/role.ts'
import { vars } from '#engine/vars.ts'

type Nouns = ReturnType<typeof declarations>

/** What comes of a role whose tasks these are. */
async function declared(...roles: ((nouns: Nouns) => void)[]) {
  const catalog = buildCatalog()
  for (const [index, tasks] of roles.entries()) {
    const role: Role = {
      name: `role${index}`,
      directory: import.meta.dirname,
      vars: vars({}),
      declare: (into: RoleDeclarations) => tasks(declarations(into, { directory: import.meta.dirname })),
    }
    await declareRole(role, catalog, {} as RoleInput)
  }
  return catalog
}

/** The line of this file that ends with `// name`. */
function lineOf(name: string): string {
  const lines = readFileSync(import.meta.filename, 'utf8').split('\n')
  return `test/converge/catalog.test.ts:${lines.findIndex(line => line.endsWith(`// ${name}`)) + 1}`
}

describe('a catalog', () => {
  it('knows where each thing was declared', async () => {
    const { resources, handlers } = await declared(({ file, handler, link }) => {
      file('/etc/a') // a
      handler('h', 'true') // h
      for (const name of ['x', 'y']) link(`/etc/${name}`, 'target') // link
    })
    expect(resources.map(one => [one.label, one.where()])).toEqual([
      ['file /etc/a', lineOf('a')],
      ['link /etc/x', lineOf('link')],
      ['link /etc/y', lineOf('link')],
    ])
    expect(handlers[0]?.where()).toBe(lineOf('h'))
  })

  it('refuses a second owner of a path, whatever the two call it, and names both places', async () => {
    const twice = () =>
      declared(
        ({ file }) => file.absent('/etc/a'), // first
        ({ link }) => link('/etc/a', 'target'), // second
      )
    await expect(twice()).rejects.toThrow(
      expect.objectContaining({
        code: 'declared-twice',
        message: `link /etc/a is declared twice, first as file /etc/a at ${lineOf('first')}`,
        where: lineOf('second'),
      }),
    )
  })

  it('lets two roles want the same package', async () => {
    const { resources } = await declared(
      ({ apt }) => apt('curl'),
      ({ apt }) => apt('curl'),
    )
    expect(resources).toHaveLength(2)
  })

  it('refuses a second handler of the same name in a role, and has it in another', async () => {
    const two = ({ handler }: Nouns) => {
      handler('reload', 'true')
      handler('reload', 'false')
    }
    await expect(declared(two)).rejects.toThrow(/handler “reload” is declared twice/)
    const { handlers } = await declared(
      ({ handler }) => void handler('x', ''),
      ({ handler }) => void handler('x', ''),
    )
    expect(handlers).toHaveLength(2)
  })

  it.each<[string, (nouns: Nouns) => void, RegExp]>([
    [
      'a member beside the root',
      ({ configSet, file }) => configSet('s', { root: '/etc/s', test: '' }, () => file('/etc/sx/a')),
      /file \/etc\/sx\/a is outside \/etc\/s/,
    ],
    [
      'a member that is no path',
      ({ configSet, apt }) => configSet('s', { root: '/etc/s', test: '' }, () => apt('nginx')),
      /outside/,
    ],
    [
      'a root that is relative',
      ({ configSet }) => configSet('s', { root: 'etc/s', test: '' }, () => {}),
      /absolute path/,
    ],
    [
      'a root with a slash at its end',
      ({ configSet }) => configSet('s', { root: '/etc/s/', test: '' }, () => {}),
      /absolute path/,
    ],
    [
      'a root with a space',
      ({ configSet }) => configSet('s', { root: '/etc/a b', test: '' }, () => {}),
      /absolute path/,
    ],
    [
      'a root with ..',
      ({ configSet }) => configSet('s', { root: '/etc/../s', test: '' }, () => {}),
      /absolute path/,
    ],
    [
      'a root inside another set’s of the same role',
      ({ configSet }) => {
        configSet('s', { root: '/etc/s', test: '' }, () => {})
        configSet('t', { root: '/etc/s/t', test: '' }, () => {})
      },
      /not apart/,
    ],
    ['a relative path', ({ file }) => file('etc/a'), /absolute path/],
    ['a path with ..', ({ file }) => file('/etc/../a'), /absolute path/],
    ['a path with a slash at its end', ({ directory }) => directory('/etc/a/'), /absolute path/],
    ['the root directory', ({ file }) => file.absent('/'), /absolute path/],
    ['a mode that is no octal number', ({ file }) => file('/etc/a', { mode: 'u+x' }), /mode such as/],
    ['a package that is an option', ({ apt }) => apt('-oApt::X=y'), /Debian package/],
    ['a unit with a space', ({ service }) => service('a b', { running: true }), /unit’s name|unit's name/],
    [
      'a handler’s name that is too long for the host',
      ({ handler }) => void handler('é'.repeat(60), ''),
      /a handler's name of 100 bytes/,
    ],
    ['a user that is no name', ({ user }) => user('a b'), /name/],
  ])('refuses %s, with the place in the role', async (_what, tasks, args) => {
    await expect(declared(tasks)).rejects.toThrow(
      expect.objectContaining({
        message: expect.stringMatching(args),
        where: expect.stringMatching(/^test\/converge\/catalog\.test\.ts:\d+$/),
      }),
    )
  })

  it('tells a role’s own bug with its place and keeps the cause', async () => {
    const tasks = () => (undefined as unknown as { x: () => void }).x() // bug
    await expect(declared(tasks)).rejects.toThrow(
      expect.objectContaining({ code: 'role-broken', where: lineOf('bug'), cause: expect.any(TypeError) }),
    )
  })
})
