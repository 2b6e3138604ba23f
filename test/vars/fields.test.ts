import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Secret } from '#engine/secret.ts'
import {
  bytes,
  choice,
  domain,
  duration,
  email,
  type Field,
  flag,
  identifier,
  integer,
  ipAddress,
  list,
  multiline,
  number,
  path,
  port,
  record,
  secret,
  text,
  vars,
} from '#engine/vars.ts'

/** What a role would get for one var, or the first message. */
function read(field: Field<unknown>, given: unknown): unknown {
  const parsed = vars({ it: field }).parse({ it: given })
  return parsed.ok ? parsed.value.it : parsed.problems[0]?.message
}

const anyDomain = 'expected a domain name such as www.foobar.com, got'
const anyPath = 'expected an absolute path without .., of letters, digits and ._+@:,=~-, got'
const anyName = 'expected a name of at most 32 small letters, digits, _ or -, a letter first, got'

describe('What each kind refuses, in its own words', () => {
  const refusals: readonly [string, Field<unknown>, unknown, string][] = [
    ['a port with a letter', port(), '22a', 'expected 1–65535, got "22a"'],
    ['port 0', port(), 0, 'expected 1–65535, got 0'],
    ['a port above the range', port(), 65_536, 'expected 1–65535, got 65536'],
    ['a port with a leading zero', port(), '022', 'expected 1–65535, got "022"'],
    ['half a worker', integer({ min: 1 }), 1.5, 'expected a whole number of at least 1, got 1.5'],
    ['a whole number in exponent form', integer(), '1e3', 'expected a whole number, got "1e3"'],
    [
      'nothing where a number is required',
      integer({ max: 9 }),
      undefined,
      'expected a whole number of at most 9, got nothing',
    ],
    ['null where a number is required', integer(), null, 'expected a whole number, got null'],
    ['NaN', number(), Number.NaN, 'expected a number, got NaN'],
    ['infinity', number(), Number.POSITIVE_INFINITY, 'expected a number, got Infinity'],
    ['yes for a flag', flag(), 'yes', 'expected true or false, got "yes"'],
    ['a list for a text', text(), ['a'], 'expected one line of text, got a list of 1'],
    ['a map for a text', text(), {}, 'expected one line of text, got a map'],
    ['a number for a text', text(), 5, 'expected one line of text, got 5'],
    ['an empty text', text(), '', 'expected one line of text, got ""'],
    ['a text of two lines', text(), 'a\nb', 'expected one line of text, got "a\\nb"'],
    ['a text with a C1 control', text(), 'a\x9bb', 'expected one line of text, got "a\\u009bb"'],
    ['a text with a line separator', text(), 'a\u2028b', 'expected one line of text, got "a\\u2028b"'],
    ['a text longer than it may be', text({ max: 3 }), 'abcd', 'expected one line of text, got "abcd"'],
    [
      'a long text, which is shown cut',
      text({ max: 3 }),
      'x'.repeat(99),
      `expected one line of text, got "${'x'.repeat(60)}…"`,
    ],
    [
      'a text that a pattern matches in part',
      text({ pattern: /a+/, expects: 'a’s' }),
      'aab',
      'expected a’s, got "aab"',
    ],
    ['a secret for a text', text(), new Secret('hunter22'), 'expected one line of text, got a secret'],
    ['NUL in a text of many lines', multiline(), 'a\0b', 'expected text, got "a\\u0000b"'],
    ['an escape in a text of many lines', multiline(), 'a\x1b[2J', 'expected text, got "a\\u001b[2J"'],
    ['a command behind a domain', domain(), 'a.com; rm -rf /', `${anyDomain} "a.com; rm -rf /"`],
    ['a substitution in a domain', domain(), '$(touch x).com', `${anyDomain} "$(touch x).com"`],
    ['backticks in a domain', domain(), '`id`', `${anyDomain} "\`id\`"`],
    ['a newline in a domain', domain(), 'a.com\nb', `${anyDomain} "a.com\\nb"`],
    ['a newline behind a domain', domain(), 'a.com\n', `${anyDomain} "a.com\\n"`],
    ['an option as a domain', domain(), '-oProxyCommand=x', `${anyDomain} "-oProxyCommand=x"`],
    ['an nginx variable as a domain', domain(), '$host', `${anyDomain} "$host"`],
    ['an address as a domain', domain(), '8.8.8.8', `${anyDomain} "8.8.8.8"`],
    ['a dot at the end', domain(), 'foobar.com.', `${anyDomain} "foobar.com."`],
    ['an underscore in a domain', domain(), 'a_b.com', `${anyDomain} "a_b.com"`],
    ['a wildcard where none is meant', domain(), '*.foobar.com', `${anyDomain} "*.foobar.com"`],
    ['a label of 64', domain(), `${'a'.repeat(64)}.b`, `${anyDomain} "${'a'.repeat(60)}…"`],
    [
      'an e-mail address with a quote',
      email(),
      `o'b@a.com`,
      `expected an e-mail address such as admin@foobar.com, got "o'b@a.com"`,
    ],
    ['two @', email(), 'a@b@c.com', 'expected an e-mail address such as admin@foobar.com, got "a@b@c.com"'],
    ['three numbers as an address', ipAddress(), '1.2.3', 'expected an IP address, got "1.2.3"'],
    ['an address with a zone', ipAddress(), 'fe80::1%eth0', 'expected an IP address, got "fe80::1%eth0"'],
    ['IPv6 where IPv4 is meant', ipAddress({ version: 4 }), '::1', 'expected an IPv4 address, got "::1"'],
    ['a relative path', path(), 'etc/x', `${anyPath} "etc/x"`],
    ['a path upwards', path(), '/srv/../etc', `${anyPath} "/srv/../etc"`],
    ['a path with a semicolon', path(), '/srv/a;b', `${anyPath} "/srv/a;b"`],
    ['a path with a dollar sign', path(), '/srv/$uri', `${anyPath} "/srv/$uri"`],
    ['a path with a specifier of systemd', path(), '/srv/%h', `${anyPath} "/srv/%h"`],
    [
      'a duration without its unit',
      duration(),
      30,
      'expected a duration such as 500ms, 30s, 5m, 1h or 7d, got 30',
    ],
    ['a size with a space', bytes(), '64 m', 'expected a size such as 512k, 64m or 1g, got "64 m"'],
    ['SQL as a name', identifier(), 'x`; DROP TABLE users', `${anyName} "x\`; DROP TABLE users"`],
    ['a name of 33', identifier(), 'a'.repeat(33), `${anyName} "${'a'.repeat(33)}"`],
    ['a word that is no choice', choice(['php', 'node']), 'perl', 'expected php or node, got "perl"'],
    ['one value for a list', list(port()), 80, 'expected a list, each 1–65535, got 80'],
    [
      'a list that is too short',
      list(port(), { min: 1 }),
      [],
      'expected a list of at least 1, each 1–65535, got an empty list',
    ],
    ['a list for a map', record(port()), [1], 'expected a map, each 1–65535, got a list of 1'],
    ['an odd key', record(port()), { 'a b': 1 }, 'expected a name of letters, digits, _, . or -, got "a b"'],
    [
      'no secret',
      secret(),
      undefined,
      'expected a secret of one line and at least 4 characters, got nothing',
    ],
    ['a number as a secret', secret(), 5, 'expected a secret of one line and at least 4 characters, got 5'],
    [
      'a secret too short to be masked',
      secret(),
      new Secret('abc'),
      'expected a secret of one line and at least 4 characters, got another',
    ],
    [
      'a secret of spaces',
      secret(),
      '        ',
      'expected a secret of one line and at least 4 characters, got another',
    ],
    [
      'a secret of two lines',
      secret(),
      'hunter22\n',
      'expected a secret of one line and at least 4 characters, got another',
    ],
    [
      'NUL in a secret of many lines',
      secret({ multiline: true }),
      'hunter\x0022',
      'expected a secret of at least 4 characters, got another',
    ],
  ]
  test.each(refusals)('%s', (_title, field, given, message) => {
    expect(read(field, given)).toBe(message)
  })
})

describe('What each kind takes', () => {
  const taken: readonly [string, Field<unknown>, unknown, unknown][] = [
    ['a port', port(), 443, 443],
    ['digits from the environment', port(), '443', 443],
    ['a negative number', integer({ min: -5 }), '-5', -5],
    ['a fraction', number({ max: 1 }), '0.5', 0.5],
    ['false', flag(), false, false],
    ['false from the environment', flag(), 'false', false],
    ['a text with every sign of the shell', text(), `a'b"c$d\`e\\f;g é 😀 -rf`, `a'b"c$d\`e\\f;g é 😀 -rf`],
    ['a text that its pattern matches as a whole', text({ pattern: /a+|b+/ }), 'bb', 'bb'],
    ['a text of many lines', multiline(), 'a\n\tb\n', 'a\n\tb\n'],
    ['a domain, in small letters', domain(), 'WWW.FooBar.com', 'www.foobar.com'],
    ['a name in another script, as DNS has it', domain(), 'xn--bcher-kva.example', 'xn--bcher-kva.example'],
    ['a wildcard where it is meant', domain({ wildcard: true }), '*.foobar.com', '*.foobar.com'],
    ['an e-mail address', email(), 'Ops+web@FooBar.com', 'Ops+web@foobar.com'],
    ['an IPv4 address', ipAddress(), '8.8.8.8', '8.8.8.8'],
    ['an IPv6 address', ipAddress({ version: 6 }), '2001:db8::1', '2001:db8::1'],
    ['a path', path(), '/srv/www/foobar.com/current', '/srv/www/foobar.com/current'],
    ['a duration', duration(), '500ms', '500ms'],
    ['a size', bytes(), '64m', '64m'],
    ['a name', identifier(), 'foo_bar-2', 'foo_bar-2'],
    ['a choice of numbers', choice([12, 13]), 13, 13],
    ['a list', list(domain()), ['A.com', 'b.com'], ['a.com', 'b.com']],
    ['a map', record(port()), { http: 80, https: '443' }, { http: 80, https: 443 }],
  ]
  test.each(taken)('%s', (_title, field, given, value) => {
    expect(read(field, given)).toStrictEqual(value)
  })

  test('A secret comes as a Secret, from a Secret and from plain text alike.', () => {
    for (const given of ['hunter22', new Secret('hunter22')]) {
      const value = read(secret(), given)
      expect(value).toBeInstanceOf(Secret)
      expect((value as Secret).reveal()).toBe('hunter22')
    }
    expect(String(read(secret({ multiline: true }), 'line 1\nline 2\n'))).toBe('***')
  })
})

describe('Laws', () => {
  const singleLine: readonly [string, Field<unknown>][] = [
    ['text', text()],
    ['domain', domain({ wildcard: true })],
    ['email', email()],
    ['ipAddress', ipAddress()],
    ['path', path()],
    ['duration', duration()],
    ['bytes', bytes()],
    ['identifier', identifier()],
    ['port', port()],
    ['choice', choice(['a', 'b'])],
    ['flag', flag()],
    ['secret', secret()],
  ]
  const control = fc.integer({ min: 0, max: 0x9f }).filter(code => code < 0x20 || code > 0x7e)
  const plain = fc.constantFrom(
    'a',
    'b',
    'true',
    '80',
    '8.8.8.8',
    'a.com',
    'a@b.c',
    '/a',
    '1s',
    '1m',
    'hunter22',
  )

  test.each(singleLine)('%s refuses every control character, wherever it stands.', (_name, field) => {
    fc.assert(
      fc.property(plain, plain, control, fc.nat(2), (before, after, code, place) => {
        const sign = String.fromCharCode(code)
        const given = [sign + before, before + sign + after, before + sign][place]
        expect(read(field, given)).toMatch(/^expected /)
      }),
    )
  })

  test('A domain that is taken holds nothing but letters, digits, hyphens and dots.', () => {
    fc.assert(
      fc.property(fc.oneof(fc.domain(), fc.string(), fc.string({ unit: 'binary' })), given => {
        const value = read(domain(), given)
        expect(value).toMatch(/^(expected .*|[a-z0-9.-]+)$/s)
      }),
    )
  })

  test('A refused secret is never in the message.', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 5 }), fc.boolean(), (word, wrapped) => {
        const value = `${word}\n\0`
        const message = read(secret(), wrapped ? new Secret(value) : value)
        expect(message).toBe('expected a secret of one line and at least 4 characters, got another')
      }),
    )
  })
})
