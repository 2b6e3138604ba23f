import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import type { WantedEdit } from '#engine/resources/edit.ts'
import type { SettingEditor } from '#engine/resources/setting/editor.ts'
import { editIni } from '#engine/resources/setting/ini.ts'
import { editJson } from '#engine/resources/setting/json.ts'
import { editShell } from '#engine/resources/setting/shell.ts'
import { editYaml } from '#engine/resources/setting/yaml.ts'
import { Secret } from '#engine/secret.ts'
import { declared, type Nouns, prelude } from './nouns.ts'

const directory = mkdtempSync(join(tmpdir(), 'capstan-edits-'))
afterAll(() => rmSync(directory, { recursive: true }))

/** What an edit that is declared so makes of a text. */
function made(text: string, tasks: (nouns: Nouns) => void): string {
  return declared(tasks).reduce((now, { wanted }) => (wanted as WantedEdit).edit(now).text, text)
}

describe('lineInFile', () => {
  const at = '/etc/x'
  it.each<[string, string, (nouns: Nouns) => void, string]>([
    ['adds a line at the end, after a last line without an end', 'a', n => n.lineInFile(at, 'b'), 'a\nb\n'],
    ['leaves a line that is there', 'a\nb\nc', n => n.lineInFile(at, 'b'), 'a\nb\nc'],
    [
      'replaces the last match',
      '#p 1\np 2\nq\n',
      n => n.lineInFile(at, 'p 3', { match: /^#?p / }),
      '#p 1\np 3\nq\n',
    ],
    [
      'goes after the last match',
      'a 1\na 2\nb\n',
      n => n.lineInFile(at, 'x', { after: /^a/ }),
      'a 1\na 2\nx\nb\n',
    ],
    ['goes before the first', 'a 1\na 2\n', n => n.lineInFile(at, 'x', { before: /a/g }), 'x\na 1\na 2\n'],
    ['goes to the end where nothing matches', 'a\n', n => n.lineInFile(at, 'x', { before: /^z/ }), 'a\nx\n'],
    ['is removed wherever it is', 'x\na\nx\n', n => n.lineInFile.absent(at, 'x'), 'a\n'],
    ['is removed by a pattern', 'x1\na\nx2', n => n.lineInFile.absent(at, /^x/g), 'a\n'],
    ['leaves an empty file', 'x\n', n => n.lineInFile.absent(at, 'x'), ''],
  ])('%s', (_title, before, tasks, after) => {
    expect(made(before, tasks)).toBe(after)
    expect(made(after, tasks)).toBe(after)
  })

  it.each<[string, (nouns: Nouns) => void, string]>([
    [
      'two lines',
      n => n.lineInFile(at, 'a\nb'),
      'expected one line of text as a line of a file, got "a\\nb"',
    ],
    [
      'a pattern that does not match the line',
      n => n.lineInFile(at, 'b', { match: /^a/ }),
      'expected a line that /^a/ matches',
    ],
    [
      'two places',
      n => n.lineInFile(at, 'b', { after: /a/, before: /b/ }),
      'expected `after` or `before`, got both',
    ],
    [
      'a secret in other text',
      n => n.lineInFile(at, `p=${new Secret('x')}`),
      'a secret was joined to other text',
    ],
    ['a path that is none', n => n.lineInFile('etc/x', 'b'), 'expected an absolute path'],
  ])('refuses %s', (_title, tasks, message) => {
    expect(() => declared(tasks)).toThrow(message)
  })
})

describe('block', () => {
  const at = '/etc/x'
  const of = (text: string) => `# BEGIN b (Capstan)\n${text}# END b (Capstan)\n`
  it.each<[string, string, (nouns: Nouns) => void, string]>([
    ['is added at the end', 'a\n', n => n.block(at, 'b', 'x\ny'), `a\n${of('x\ny\n')}`],
    ['changes in its place', `${of('x\n')}a\n`, n => n.block(at, 'b', 'z\n'), `${of('z\n')}a\n`],
    ['may be empty', 'a\n', n => n.block(at, 'b', ''), `a\n${of('')}`],
    ['is removed with its marks', `a\n${of('x\n')}c\n`, n => n.block.absent(at, 'b'), 'a\nc\n'],
    [
      'has the comments of its file',
      '',
      n => n.block(at, 'b', 'x', { comment: ['/*', '*/'] }),
      '/* BEGIN b (Capstan) */\nx\n/* END b (Capstan) */\n',
    ],
  ])('%s', (_title, before, tasks, after) => {
    expect(made(before, tasks)).toBe(after)
    expect(made(after, tasks)).toBe(after)
  })

  it.each([
    '# BEGIN b (Capstan)\n',
    '# END b (Capstan)\n',
    `${of('')}${of('')}`,
    '# END b (Capstan)\n# BEGIN b (Capstan)\n',
  ])('refuses marks that are no pair: %j', text => {
    expect(() => made(text, n => n.block(at, 'b', 'x'))).toThrow('has not exactly one # BEGIN b (Capstan)')
  })

  it('refuses its own marks in its text, and a name that would not fit into one line', () => {
    expect(() => declared(n => n.block(at, 'b', '# END b (Capstan)\n'))).toThrow('one of its own marks')
    expect(() => declared(n => n.block(at, 'b\nc', 'x'))).toThrow('expected a block named by letters')
  })
})

describe('a setting', () => {
  type Row = [string, SettingEditor, string, (string | number)[], unknown, string]
  it.each<Row>([
    ['ini: a value, its comment stays', editIni, '[a]\nk = 1 ; why\n', ['a', 'k'], 2, '[a]\nk = 2 ; why\n'],
    [
      'ini: in its own section',
      editIni,
      'k=0\n[a]\nk=1\n[b]\nk=1\n',
      ['b', 'k'],
      2,
      'k=0\n[a]\nk=1\n[b]\nk=2\n',
    ],
    ['ini: before the first section', editIni, 'k=0\n\n[a]\n', ['x'], 'y', 'k=0\nx=y\n\n[a]\n'],
    [
      'ini: below the line that has it as a comment',
      editIni,
      '[a]\n;k = 1\nz = 1\n',
      ['a', 'k'],
      2,
      '[a]\n;k = 1\nk = 2\nz = 1\n',
    ],
    ['ini: in a new section', editIni, 'k = 0\n', ['a b', 'x'], true, 'k = 0\n\n[a b]\nx = true\n'],
    ['ini: the last of several', editIni, '[a]\nk=1\nk=2\n', ['a', 'k'], 3, '[a]\nk=1\nk=3\n'],
    ['ini: a value in quotes', editIni, '[a]\nk="1;2" ; c\n', ['a', 'k'], '"3;4"', '[a]\nk="3;4" ; c\n'],
    [
      'ini: a value that looks like a comment',
      editIni,
      '[a]\nk=1 ; c\n',
      ['a', 'k'],
      'x ; y',
      '[a]\nk=x ; y\n',
    ],
    ['ini: none', editIni, '[a]\nk=1\nk=2\nz=1\n', ['a', 'k'], undefined, '[a]\nz=1\n'],
    [
      'shell: a value, with its export and comment',
      editShell,
      'export K=1 # c\n',
      ['K'],
      'a b',
      'export K="a b" # c\n',
    ],
    ['shell: quotes that mean the same', editShell, "K='a b'\n", ['K'], 'a b', "K='a b'\n"],
    ['shell: below its comment', editShell, '# K=1\nZ=1\n', ['K'], 2, '# K=1\nK=2\nZ=1\n'],
    ['shell: the last of several', editShell, 'K=1\nK=2\n', ['K'], '', 'K=1\nK=\n'],
    ['shell: none', editShell, 'K=1\nexport K=2\nKK=3', ['K'], undefined, 'KK=3\n'],
    [
      'json: a value, comments stay',
      editJson,
      '{\n  // c\n  "a": { "b": 1 } // d\n}\n',
      ['a', 'b'],
      2,
      '{\n  // c\n  "a": { "b": 2 } // d\n}\n',
    ],
    [
      'json: a new one with the file’s indent',
      editJson,
      '{\n    "a": 1\n}\n',
      ['b', 'c'],
      'x',
      '{\n    "a": 1,\n    "b": {\n        "c": "x"\n    }\n}\n',
    ],
    ['json: into an empty file', editJson, '', ['a'], [1], '{\n  "a": [\n    1\n  ]\n}\n'],
    ['json: none', editJson, '{\n  "a": 1,\n  "b": 2 // c\n}\n', ['a'], undefined, '{\n  "b": 2 // c\n}\n'],
    ['json: none, without a parent', editJson, '{}', ['a', 'b'], undefined, '{}'],
    [
      'yaml: a value, the rest to the byte',
      editYaml,
      'a:   1 # c\n\n\n# d\nb:   {c: 2}\n',
      ['a'],
      2,
      'a:   2 # c\n\n\n# d\nb:   {c: 2}\n',
    ],
    [
      'yaml: text that reads as another type',
      editYaml,
      'a: x\n',
      ['a'],
      'no',
      'a: "no"\n'.replaceAll('"', ''),
    ],
    ['yaml: number to text', editYaml, 'a: 1\n', ['a'], '1', 'a: "1"\n'],
    [
      'yaml: a new one',
      editYaml,
      '# top\na:\n  # of b\n  b: 1\n',
      ['a', 'c'],
      [1, 2],
      '# top\na:\n  # of b\n  b: 1\n  c:\n    - 1\n    - 2\n',
    ],
    ['yaml: an element', editYaml, 'a:\n- x # first\n- y\n', ['a', 1], 'z', 'a:\n- x # first\n- z\n'],
    [
      'yaml: into an empty file',
      editYaml,
      '# only a comment\n',
      ['a', 'b'],
      1,
      '# only a comment\n\na:\n  b: 1\n',
    ],
    ['yaml: none', editYaml, 'a: 1 # x\nb: 2\n', ['a'], undefined, 'b: 2\n'],
  ])('%s', (_title, editor, before, key, value, after) => {
    expect(editor(before, key, value as never).text).toBe(after)
    expect(editor(after, key, value as never)).toMatchObject({ text: after })
  })

  it.each<[string, SettingEditor, string, (string | number)[], unknown, string]>([
    ['a second line', editIni, '', ['a', 'k'], 'x\ny', 'expected a value of one line'],
    ['a list in an ini file', editIni, '', ['a', 'k'], [1], 'expected a value of one line'],
    ['a key with =', editIni, '', ['a', 'k=1'], 1, 'expected a key or [section, key]'],
    ['a section with ]', editIni, '', ['a]', 'k'], 1, 'expected the name of a section'],
    ['a variable with a dash', editShell, '', ['A-B'], 1, 'expected the name of a variable'],
    ['a second line of a variable', editShell, '', ['A'], 'x\ny', 'expected a value of one line'],
    ['what is not JSON', editJson, '{\n"a": 1,,\n}', ['a'], 1, 'is not JSON: PropertyNameExpected in line 2'],
    ['a key below a value of JSON', editJson, '{"a": 1}', ['a', 'b'], 1, 'has no place for a.b'],
    ['what is not YAML', editYaml, 'a: [1\nb: 2\n', ['a'], 1, 'is not YAML'],
    ['a key twice', editYaml, 'a: 1\na: 2\n', ['a'], 1, 'is not YAML'],
    ['a key below a value of YAML', editYaml, 'a: 1\n', ['a', 'b'], 1, 'has no place for a.b'],
  ])('refuses %s', (_title, editor, text, key, value, message) => {
    expect(() => editor(text, key, value as never)).toThrow(message)
  })

  const line = fc
    .string({ unit: 'grapheme', maxLength: 30 })
    .map(text => text.replace(/[\0-\x1f\x7f\u0085\u2028\u2029]/g, '').trim())
  const value = fc.oneof(
    line,
    fc.integer(),
    fc.boolean(),
    fc.constantFrom('a ; b', '#x', '"', "'", '\\', '$x', 'no', '"a" b', '- x', '~', '1e3'),
  )
  it.each<[string, SettingEditor, string[], string[]]>([
    ['ini', editIni, ['', '; c\n[s]\nk = 1 ; c\nz = 2\n', '[s]\n#k=\n[t]\n'], ['s', 'k']],
    ['shell', editShell, ['', '# K=1\nK="1" # c\nZ=2\n', "export K='a'\n"], ['K']],
    ['json', editJson, ['', '{"s": {"k": [1]}, "z": 2}', '{\n\t// c\n\t"s": {},\n}'], ['s', 'k']],
    [
      'yaml',
      editYaml,
      ['', '# c\ns:\n  k: 1 # c\nz: 2\n', 's: {k: "x"}\n', 's:\n  k: |\n    text\n  l: 1\n'],
      ['s', 'k'],
    ],
  ])(
    'of %s changes nothing the second time, whatever the value, and can be removed',
    (_format, editor, texts, key) => {
      fc.assert(
        fc.property(value, fc.constantFrom(...texts), (wanted, text) => {
          const once = editor(text, key, wanted).text
          expect(editor(once, key, wanted).text).toBe(once)
          const gone = editor(once, key, undefined).text
          expect(editor(gone, key, undefined).text).toBe(gone)
        }),
        { numRuns: 300 },
      )
    },
  )

  it('asks for a format where the name does not tell it', () => {
    expect(() => declared(n => n.setting('/etc/shop.conf', 'a', 1))).toThrow(
      'give format: ini, json, shell, yaml',
    )
    expect(() => declared(n => n.setting('/etc/shop.conf', 'a', 1, { format: 'ini' }))).not.toThrow()
  })
})

/** Shell with the functions that kinds apply with, run by this machine's sh. */
function apply(shell: string) {
  return execFileSync('sh', ['-s'], { input: `set -e\n${prelude}${shell}`, stdio: 'pipe', timeout: 20_000 })
}

describe('an edit on the host', () => {
  const kind = (tasks: (nouns: Nouns) => void) => {
    const resources = declared(tasks)
    const [first] = resources
    if (!first) throw new Error('nothing was declared')
    const wanted = resources.map(one => one.wanted)
    const output = execFileSync('sh', ['-s'], {
      input: first.kind.probe(wanted, { diff: false }),
      timeout: 20_000,
    })
    const states = first.kind.parse(output, wanted)
    return resources.map((resource, index) => {
      const state = states[index]
      if (!state?.known) throw new Error('unknown')
      return {
        found: state.value,
        ...resource,
        differences: resource.kind.diff(resource.wanted, state.value),
      }
    })
  }
  const steps = (all: ReturnType<typeof kind>) =>
    all.flatMap(({ kind: { apply: step }, wanted, found, differences }) =>
      differences.length > 0 ? [step(wanted, found)] : [],
    )

  it('several edits of one file are made one after the other, of all kinds, and keep its mode', () => {
    const at = join(directory, `it's $(id) é`)
    writeFileSync(at, 'ä = 1\nb = 2')
    chmodSync(at, 0o640)
    const tasks = (n: Nouns) => {
      n.setting(at, 'b', '日本', { format: 'ini' })
      n.lineInFile(at, 'ä = 3', { match: /^ä/ })
      n.block(at, 'c', 'in the block\n')
    }
    const all = kind(tasks)
    expect(all[0]?.differences).toEqual([
      expect.objectContaining({ found: 'another', wanted: '日本', text: 'secret' }),
    ])
    for (const step of steps(all)) apply(step)
    expect(readFileSync(at, 'utf8')).toBe(
      'ä = 3\nb = 日本\n# BEGIN c (Capstan)\nin the block\n# END c (Capstan)\n',
    )
    expect(statSync(at).mode & 0o777).toBe(0o640)
    expect(steps(kind(tasks))).toEqual([])
  })

  it('a file that somebody changed since it was read is left as it is, for the next pass', () => {
    const at = join(directory, 'changed')
    const tasks = (n: Nouns) => n.lineInFile(at, 'b')
    writeFileSync(at, 'a\n')
    const [step = ''] = steps(kind(tasks))
    writeFileSync(at, 'A\n')
    apply(step)
    expect(readFileSync(at, 'utf8')).toBe('A\n')
    for (const again of steps(kind(tasks))) apply(again)
    expect(readFileSync(at, 'utf8')).toBe('A\nb\n')
  })

  it.each([
    [Buffer.from([0x61, 0xff, 0x0a]), 'is not text in UTF-8'],
    [Buffer.from('a\0b'), 'is not text: it has a NUL byte'],
    [Buffer.alloc(1_048_577, 'a'), 'is larger than 1048576 bytes'],
  ])('a file that is no text fails with the reason', (content, reason) => {
    const at = join(directory, 'bytes')
    writeFileSync(at, content)
    const [step = ''] = steps(kind(n => n.lineInFile(at, 'b')))
    expect(() => apply(step)).toThrow(`${at}: ${reason}`)
    expect(readFileSync(at).equals(content)).toBe(true)
  })

  it('shows no text of a secret, nor of a file that not everybody may read', () => {
    const at = join(directory, 'private')
    writeFileSync(at, 'password=old\n')
    chmodSync(at, 0o600)
    const all = kind(n => {
      n.setting(at, 'password', new Secret('n3w-one'), { format: 'shell' })
      n.setting(at, 'level', 'info', { format: 'shell' })
    })
    const told = JSON.stringify(all.map(one => one.differences))
    expect(told).not.toMatch(/old|n3w/)
    expect(told).toContain('info')
  })
})
