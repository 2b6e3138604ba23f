import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { buildCatalog } from '#engine/converge/catalog.ts'
import { declarations } from '#engine/converge/declarations.ts'
import type { CommandOptions } from '#engine/resources/command.ts'
import { Secret } from '#engine/secret.ts'
import { declared, type Nouns } from './nouns.ts'

/** What this machine's sh finds of a command with these guards. */
function differences(guards: CommandOptions) {
  const [resource] = declared(n => n.command('true', guards))
  if (!resource) throw new Error('nothing was declared')
  const { kind, wanted } = resource
  const output = execFileSync('sh', ['-s'], { input: kind.probe([wanted], { diff: false }), timeout: 20_000 })
  const [state] = kind.parse(output, [wanted])
  return state?.known ? kind.diff(wanted, state.value).map(one => one.what) : state?.reason
}

describe('a command', () => {
  it.each<[CommandOptions, unknown]>([
    [{ creates: '/etc/passwd' }, []],
    [{ creates: '/no/such' }, ['/no/such']],
    [{ removes: '/etc/passwd' }, ['/etc/passwd']],
    [{ removes: '/no/such' }, []],
    [{ unless: 'true' }, []],
    [{ unless: 'false' }, ['unless false']],
    [{ unless: 'no-such-program-here' }, ['unless no-such-program-here']],
    [{ onlyIf: 'true' }, ['onlyIf true']],
    [{ onlyIf: 'false; true' }, []],
    [{ creates: '/no/such', onlyIf: 'false' }, []],
    [
      { creates: '/no/such', onlyIf: '[ "$A" = "it\'s" ]', environment: { A: "it's" } },
      ['/no/such', 'onlyIf [ "$A" = "it\'s" ]'],
    ],
    [{ unless: '[ "$PWD" = /usr ]', in: '/usr' }, []],
    [{ unless: 'true', as: 'nobody-here' }, 'no user nobody-here yet'],
    [{ unless: 'true', in: '/no/such' }, 'no directory /no/such yet'],
    [{ unless: 'true', as: 'daemon', in: '/no/such' }, 'no directory /no/such yet'],
    [{ unless: 'cat' }, []],
    [{}, ['guard']],
  ])('with the guards %j runs for %j', (guards, expected) => {
    expect(differences(guards)).toEqual(expected)
  })

  it.each<[string, (nouns: Nouns) => void, string]>([
    [
      'a secret in its words',
      n => n.command(['x', `${new Secret('abcd')}`]),
      'a secret would be seen in the process list',
    ],
    [
      'a secret in a guard',
      n => n.command('x', { unless: `${new Secret('abcd')}` }),
      'unless: a secret would be seen',
    ],
    [
      'a secret joined to a variable',
      n => n.command('x', { environment: { A: `p=${new Secret('abcd')}` } }),
      'A: a secret',
    ],
    ['NUL', n => n.command('a\0b'), 'a NUL byte cannot be part'],
    ['no word', n => n.command([]), 'expected a program as the first word'],
    [
      'an odd variable',
      n => n.command('x', { environment: { 'A;b': '1' } }),
      'expected the name of a variable',
    ],
    ['an odd user', n => n.command('x', { as: '-x' }), 'expected a name of small letters'],
    ['a relative guard', n => n.command('x', { creates: 'made' }), 'expected an absolute path'],
    [
      'a name of two lines',
      n => n.command('x', { name: 'a\nb' }),
      'expected one line of text as the name of a command',
    ],
    ['a script that is not there', n => n.script('files/none.sh'), 'no such file'],
    ['a script outside of the role', n => n.script('../web/role.ts'), 'is outside of the role'],
  ])('refuses %s', (_title, tasks, message) => {
    expect(() => declared(tasks)).toThrow(message)
  })

  it('shows a secret of its environment in no word of a command, and a long one shortened', () => {
    const [first, second] = declared(n => {
      n.command('env', { environment: { TOKEN: new Secret('of-this-test') }, creates: '/x' })
      n.command(`printf '%s' ${'x'.repeat(200)}\ntrue`, { creates: '/x' })
    })
    const step = first?.kind.apply(first.wanted, {})
    expect(step).toContain('export TOKEN=of-this-test\nexec sh -ec env')
    expect(second?.label).toBe(`command printf '%s' ${'x'.repeat(87)}…`)
  })
})

describe('kinds of a role', () => {
  it('may not take a name that Capstan has', () => {
    const catalog = buildCatalog()
    const kinds = { file: () => () => {} }
    expect(() => declarations(catalog.role('shop'), { directory: import.meta.dirname }, kinds)).toThrow(
      'kinds.file: Capstan has a kind of this name',
    )
  })
})
