import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { render } from '#engine/resources/template.ts'
import { Secret } from '#engine/secret.ts'

const directory = mkdtempSync(join(tmpdir(), 'capstan-template-'))
afterAll(() => rmSync(directory, { recursive: true }))

function rendered(text: string, vars: Readonly<Record<string, unknown>> = {}) {
  const file = join(directory, 'x.conf.ejs')
  writeFileSync(file, text)
  return render(file, vars)
}

describe('a template', () => {
  it('writes values as they are, without the escapes of HTML', () => {
    const value = `a&b<c>"d"'e' $(id) \`id\` \\ ; é 😀 --`
    expect(rendered('x <%= value %>;\n', { value })).toBe(`x ${value};\n`)
  })

  it('knows if and for, numbers and truth', () => {
    const text = '<% for (const one of list) { -%>\n<%= one.port %> <%= one.on %>\n<% } -%>\n'
    const list = [
      { port: 80, on: true },
      { port: 443, on: false },
    ]
    expect(rendered(text, { list })).toBe('80 true\n443 false\n')
  })

  it('is a secret as a whole where one of its values is', () => {
    const secret = rendered('password = <%= password %>\n', { password: new Secret('p&a\'ss "w$ord') })
    expect(secret).toBeInstanceOf(Secret)
    expect((secret as Secret).reveal()).toBe('password = p&a\'ss "w$ord\n')
  })

  it('is none where a secret is only asked for', () => {
    expect(rendered('<% if (password) { %>yes<% } %>', { password: new Secret('s3cr3t') })).toBe('yes')
  })

  it.each<[string, string, Record<string, unknown>, RegExp]>([
    ['a value that isn’t given', 'a\n<%= missing %>', {}, /x\.conf\.ejs:2: missing is not defined/],
    [
      'a property that isn’t there',
      '<%= site.domian %>',
      { site: { domain: 'x' } },
      /:1: site\.domian is not defined/,
    ],
    ['one deep inside', '<%= a.b.c.d %>', { a: { b: { c: {} } } }, /a\.b\.c\.d is not defined/],
    [
      'one inside a list',
      '<% for (const x of list) { %><%= x.nmae %><% } %>',
      { list: [{ name: 'x' }] },
      /list\.0\.nmae is not defined/,
    ],
    [
      'a method that objects are born with',
      '<%= site.constructor %>',
      { site: {} },
      /expected text or a number/,
    ],
    ['the prototype', '<%= site.__proto__ %>', { site: {} }, /expected text or a number/],
    ['an object', '<%= site %>', { site: { a: 1 } }, /expected text or a number, got \{ a: 1 \}/],
    ['no value', '<%= x %>', { x: undefined }, /expected text or a number/],
    ['no number', '<%= x %>', { x: Number.NaN }, /expected text or a number/],
    [
      'a second line',
      'server_name <%= name %>;',
      { name: 'a;\nroot /' },
      /a control character or a second line/,
    ],
    ['a carriage return', '<%= name %>', { name: 'a\rb' }, /a control character/],
    ['a NUL byte', '<%= name %>', { name: 'a\0b' }, /a control character/],
    ['a second line in a secret', '<%= name %>', { name: new Secret('abcd\nefgh') }, /a second line/],
    [
      'a secret joined to other text',
      '<%= `x${name}` %>',
      { name: new Secret('abcd') },
      /a secret was joined/,
    ],
    ['a raw tag', 'a\n<%- name %>', { name: 'x' }, /:2: <%- is not for templates/],
    ['a tag that isn’t closed', '<%= name', { name: 'x' }, /x\.conf\.ejs/],
  ])('refuses %s', (_what, text, vars, args) => {
    expect(() => rendered(text, vars)).toThrow(
      expect.objectContaining({ code: 'template', message: expect.stringMatching(args) }),
    )
  })

  it('shows the line that it stopped at', () => {
    expect(() => rendered('one\ntwo <%= nope %>\nthree', {})).toThrow(
      expect.objectContaining({
        where: expect.stringMatching(/x\.conf\.ejs:2$/),
        lines: [expect.stringContaining('two <%= nope %>')],
      }),
    )
  })

  it('is not reached by options of EJS in its values', () => {
    const vars = {
      client: true,
      escapeFunction: '1; process.exit(9)',
      outputFunctionName: 'x; process.exit(9); y',
      settings: { 'view options': { client: true } },
      name: 'fine',
    }
    expect(rendered('<%= name %>', vars)).toBe('fine')
  })

  it('leaves prototypes as they are, whatever keys its values have', () => {
    const vars = JSON.parse('{"name": "fine", "site": {"__proto__": {"polluted": "yes"}}}') as Record<
      string,
      unknown
    >
    expect(rendered('<%= name %>', vars)).toBe('fine')
    expect(({} as { polluted?: string }).polluted).toBeUndefined()
  })

  it('says where it should be when it is missing', () => {
    expect(() => render(join(directory, 'none.ejs'), {})).toThrow(
      expect.objectContaining({ code: 'template-missing', hint: expect.stringContaining('templates/') }),
    )
  })
})
