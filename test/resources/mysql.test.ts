import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { buildCatalog } from '#engine/converge/catalog.ts'
import { type DeclareMysql, mysql } from '#engine/resources/mysql/mysql.ts'
import { everythingIn, identifier, literal, patternOf } from '#engine/resources/mysql/sql.ts'
import type { Resource, State } from '#engine/resources/resource.ts'
import { mask, Secret } from '#engine/secret.ts'

const password = new Secret('mypass')
// Source: SELECT PASSWORD('mypass') on MariaDB 10.11.
const hash = '*6C8989366EAF75BB670AD8EA7A7FC1176A95CEF4'

function declared(role: (mysql: DeclareMysql) => void): readonly Resource[] {
  const catalog = buildCatalog()
  role(mysql(catalog.role('test').declare))
  return catalog.resources
}

type Row = readonly [word: string, ...values: string[]]

/** What the probe prints for these rows. */
function printed(rows: readonly Row[]): Buffer {
  const hex = (text: string) => Buffer.from(text).toString('hex').toUpperCase()
  return Buffer.from(rows.map(([word, ...values]) => `${[word, ...values.map(hex)].join('\t')}\n`).join(''))
}

function states(resources: readonly Resource[], output: Buffer): readonly State<unknown>[] {
  const kind = resources[0]?.kind
  return (
    kind?.parse(
      output,
      resources.map(({ wanted }) => wanted),
    ) ?? []
  )
}

/** For each resource that is not as declared on a server of these rows: what differs, and the SQL that mends it. */
function plan(resources: readonly Resource[], rows: readonly Row[]) {
  return states(resources, printed(rows)).flatMap((state, index) => {
    const resource = resources[index]
    if (!resource || !state.known) throw new Error('unknown')
    const differences = resource.kind.diff(resource.wanted, state.value)
    if (differences.length === 0) return []
    const told = differences.map(({ what, found, wanted }) => `${what}: ${found} → ${wanted}`)
    return [{ told, sql: statements(resource.kind.apply(resource.wanted, state.value)) }]
  })
}

function statements(shell: string): readonly string[] {
  const body = /<<'(END_\w+)'.*\n([\s\S]*?)\1/.exec(shell)?.[2] ?? ''
  return body.split(';\n').filter(Boolean)
}

const native = (secret: string, more = {}) =>
  JSON.stringify({ access: 0, plugin: 'mysql_native_password', authentication_string: secret, ...more })

const user = declared(mysql => mysql.user('a_b', { password, grants: { a_b: ['SELECT', 'INSERT'] } }))
const asDeclared: readonly Row[] = [
  ['ACCOUNT', 'a_b', 'localhost', native(hash)],
  ['USER', "'a_b'@'localhost'", 'USAGE', 'NO'],
  ['SCHEMA', "'a_b'@'localhost'", 'a\\_b', 'SELECT', 'NO'],
  ['SCHEMA', "'a_b'@'localhost'", 'a\\_b', 'INSERT', 'NO'],
]

describe('a MySQL account', () => {
  it('that is as declared differs in nothing.', () => {
    expect(plan(user, asDeclared)).toEqual([])
  })

  it('that is missing is made with its hash, and granted what it may do on its own database.', () => {
    expect(plan(user, [])).toEqual([
      {
        told: ['state: absent → present', 'privileges on `a\\_b`.*: none → SELECT, INSERT'],
        sql: [
          `CREATE USER \`a_b\`@\`localhost\` IDENTIFIED VIA mysql_native_password USING '${hash}'`,
          'GRANT SELECT, INSERT ON `a\\_b`.* TO `a_b`@`localhost`',
        ],
      },
    ])
  })

  it('of which only privileges were left is made anew.', () => {
    expect(plan(user, [['REMNANT', 'a_b', 'localhost']])[0]?.sql.slice(0, 2)).toEqual([
      'DROP USER `a_b`@`localhost`',
      expect.stringContaining('CREATE USER'),
    ])
  })

  it('is granted what it lacks before it loses what it has too much.', () => {
    const rows: readonly Row[] = [
      ...asDeclared.slice(0, 3),
      ['USER', "'a_b'@'localhost'", 'FILE', 'YES'],
      ['SCHEMA', "'a_b'@'localhost'", 'a_b', 'SELECT', 'NO'],
      ['SCHEMA', "'a_b'@'localhost'", 'a\\_b', 'DROP', 'NO'],
      ['TABLE', "'a_b'@'localhost'", 'shop', 'or`ders', 'SELECT', 'NO'],
      ['COLUMN', "'a_b'@'localhost'", 'shop', 'or`ders', 'id', 'UPDATE', 'NO'],
      ['ROUTINE', 'a_b', 'localhost', 'PROCEDURE', 'shop', 'p', 'Execute,Grant'],
      ['ROLE', 'a_b', 'localhost', 'admin'],
      ['PROXY', 'a_b', 'localhost', 'root', 'localhost'],
    ]
    const [change] = plan(user, rows)
    expect(change?.told.toSorted()).toEqual([
      'PROXY ON `root`@`localhost`: held → not held',
      '`admin`: held → not held',
      'privileges on *.*: FILE, GRANT OPTION → none',
      'privileges on PROCEDURE `shop`.`p`: EXECUTE, GRANT OPTION → none',
      'privileges on `a\\_b`.*: SELECT, DROP → SELECT, INSERT',
      'privileges on `a_b`.*: SELECT → none',
      'privileges on `shop`.`or``ders`: SELECT, UPDATE (`id`) → none',
    ])
    expect(change?.sql[0]).toBe('GRANT INSERT ON `a\\_b`.* TO `a_b`@`localhost`')
    expect(change?.sql.slice(1).toSorted()).toEqual([
      'REVOKE DROP ON `a\\_b`.* FROM `a_b`@`localhost`',
      'REVOKE EXECUTE, GRANT OPTION ON PROCEDURE `shop`.`p` FROM `a_b`@`localhost`',
      'REVOKE FILE, GRANT OPTION ON *.* FROM `a_b`@`localhost`',
      'REVOKE PROXY ON `root`@`localhost` FROM `a_b`@`localhost`',
      'REVOKE SELECT ON `a_b`.* FROM `a_b`@`localhost`',
      'REVOKE SELECT, UPDATE (`id`) ON `shop`.`or``ders` FROM `a_b`@`localhost`',
      'REVOKE `admin` FROM `a_b`@`localhost`',
    ])
  })

  it('keeps what the server gives to whoever makes a routine, where it may make some.', () => {
    const maker = declared(mysql => mysql.user('a_b', { password, grants: { a_b: ['CREATE ROUTINE'] } }))
    const rows: readonly Row[] = [
      ['ACCOUNT', 'a_b', 'localhost', native(hash)],
      ['SCHEMA', "'a_b'@'localhost'", 'a\\_b', 'CREATE ROUTINE', 'NO'],
      ['ROUTINE', 'a_b', 'localhost', 'FUNCTION', 'a_b', 'f', 'Execute,Alter Routine'],
    ]
    expect(plan(maker, rows)).toEqual([])
  })

  const repair = `ALTER USER \`a_b\`@\`localhost\` IDENTIFIED VIA mysql_native_password USING '${hash}' REQUIRE NONE ACCOUNT UNLOCK`
  it.each([
    [native('*0000000000000000000000000000000000000000'), 'login by: another password → the password ***'],
    [native(''), 'login by: no password → the password ***'],
    [native('invalid'), 'login by: none that lets anybody in → the password ***'],
    ['{"plugin":"unix_socket","authentication_string":""}', 'login by: unix_socket → the password ***'],
    ['{"plugin":"ed25519","authentication_string":"x"}', 'login by: ed25519 → the password ***'],
    [
      native(hash, { auth_or: [{}, { plugin: 'unix_socket' }] }),
      'login by: the password *** or unix_socket → the password ***',
    ],
    [native(hash, { account_locked: true }), 'barred by: locked → nothing'],
    [native(hash, { password_last_changed: 0 }), 'barred by: password expired → nothing'],
    [native(hash, { ssl_type: 1 }), 'barred by: TLS required → nothing'],
  ])('whose login is %s gets the declared one.', (priv, told) => {
    expect(plan(user, [['ACCOUNT', 'a_b', 'localhost', priv], ...asDeclared.slice(1)])).toEqual([
      { told: [told], sql: [repair] },
    ])
  })

  it.each([
    native(hash.toLowerCase()),
    native(hash, { auth_or: [{}, { plugin: 'mysql_native_password', authentication_string: 'invalid' }] }),
    native(hash, { password_last_changed: 1_795_381_792, account_locked: false, ssl_type: 0 }),
  ])('lets in who knows the password, and nobody else, with %s.', priv => {
    expect(plan(user, [['ACCOUNT', 'a_b', 'localhost', priv], ...asDeclared.slice(1)])).toEqual([])
  })
})

describe('root', () => {
  const root = declared(mysql => mysql.root())
  const all: readonly Row[] = ['SUPER', 'SELECT'].map(word => ['USER', "'root'@'localhost'", word, 'YES'])
  const debian = native('invalid', { auth_or: [{}, { plugin: 'unix_socket' }] })

  it('as Debian makes it is as declared.', () => {
    expect(plan(root, [['ACCOUNT', 'root', 'localhost', debian], ...all])).toEqual([])
  })

  it('of other hosts goes after the one of the socket is there: nobody locks itself out.', () => {
    const [made, dropped] = plan(root, [['ACCOUNT', 'root', '%', native(hash)]])
    expect(made?.sql).toEqual([
      'CREATE USER `root`@`localhost` IDENTIFIED VIA unix_socket',
      'GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost` WITH GRANT OPTION',
    ])
    expect(dropped?.sql).toEqual(['DROP USER `root`@`%`'])
  })
})

describe('absent users and databases', () => {
  const absent = declared(mysql => {
    mysql.absentUser('')
    mysql.absentUser('foobar', { except: ['localhost'] })
    mysql.absentDatabase('te`st')
  })

  it('that are absent are left alone, and so is a role of that name.', () => {
    const rows: readonly Row[] = [
      ['ACCOUNT', 'foobar', 'localhost', native(hash)],
      ['ACCOUNT', 'foobar', '', '{"is_role":true}'],
    ]
    expect(plan(absent, rows)).toEqual([])
  })

  it('are dropped at all hosts, privileges that outlived them too.', () => {
    const rows: readonly Row[] = [
      ['DATABASE', 'te`st', 'utf8mb4', 'utf8mb4_bin'],
      ['ACCOUNT', '', 'localhost', native('')],
      ['REMNANT', '', '%'],
      ['ACCOUNT', 'foobar', '%', native(hash)],
    ]
    expect(plan(absent, rows).map(({ sql }) => sql)).toEqual([
      ["DROP USER ''@`localhost`", "DROP USER ''@`%`"],
      ['DROP USER `foobar`@`%`'],
      ['DROP DATABASE IF EXISTS `te``st`'],
    ])
  })

  it('can’t be declared beside the same as present.', () => {
    const both = (mysql: DeclareMysql) => {
      mysql.database('test')
      mysql.absentDatabase('test')
    }
    expect(() => declared(both)).toThrow('mysql database test is declared twice')
  })
})

describe('a MySQL database', () => {
  const database = declared(mysql => mysql.database('foobar'))

  it.each([
    [[], 'CREATE DATABASE IF NOT EXISTS `foobar` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci'],
    [
      [['DATABASE', 'foobar', 'latin1', 'latin1_swedish_ci'] as const],
      'ALTER DATABASE `foobar` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci',
    ],
  ])('of a server with %j is made right.', (rows, sql) => {
    expect(plan(database, rows)).toMatchObject([{ sql: [sql] }])
  })
})

describe('names in SQL', () => {
  it('are read back whole from backticks, whatever they hold.', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: 'binary' }), name => {
        const quoted = identifier(name)
        expect(quoted).toMatch(/^`(?:[^`]|``)*`$/)
        expect(quoted.slice(1, -1).replaceAll('``', '`')).toBe(name)
      }),
    )
  })

  it('are, as patterns of GRANT, fitted by themselves alone.', () => {
    const fits = (name: string, pattern: string) => {
      const expression = pattern.replace(/\\(.)|([%_])|(.)/gsu, (_, escaped, wild, plain) =>
        wild ? (wild === '%' ? '.*' : '.') : (escaped ?? plain).replace(/[$()*+./?[\\\]^{|}-]/g, '\\$&'),
      )
      return new RegExp(`^${expression}$`, 'su').test(name)
    }
    const name = fc.string({ unit: fc.constantFrom('a', 'b', '_', '%', '\\', '`'), maxLength: 6 })
    fc.assert(
      fc.property(name, name, (one, other) => {
        expect(fits(one, patternOf(one))).toBe(true)
        expect(fits(other, patternOf(one))).toBe(one === other)
      }),
    )
    expect(everythingIn('my_`shop')).toBe('`my\\_``shop`.*')
  })

  it('are hex in a question, so that nothing in them is SQL.', () => {
    expect(literal("x'; DROP")).toBe("X'78273b2044524f50'")
    const [shell] = declared(mysql => mysql.absentUser("x'; DROP")).map(({ kind, wanted }) =>
      kind.probe([wanted], { diff: false }),
    )
    expect(statements(shell ?? '').join()).not.toContain("x'; DROP")
  })

  it.each([
    ['database', (mysql: DeclareMysql) => mysql.database('')],
    ['database', (mysql: DeclareMysql) => mysql.database('ends in space ')],
    ['database', (mysql: DeclareMysql) => mysql.database('n'.repeat(65))],
    ['database', (mysql: DeclareMysql) => mysql.database('nul\0')],
    ['user', (mysql: DeclareMysql) => mysql.absentUser('😀')],
    ['word of SQL', (mysql: DeclareMysql) => mysql.database('a', { collation: 'x; DROP' })],
    ['word of SQL', (mysql: DeclareMysql) => mysql.user('a', { password, grants: { a: ['ALL; x'] } })],
    ['localhost', (mysql: DeclareMysql) => mysql.user('a', { password, host: 'a`b', grants: {} })],
  ])('that no %s can have are refused.', (noun, role) => {
    expect(() => declared(role)).toThrow(noun)
  })
})

describe('a server', () => {
  it.each(['MariaDB is not installed yet', 'MariaDB does not run yet: ERROR 2002 (HY000): …'])(
    'that says “%s” leaves all unknown.',
    reason => {
      expect(states(user, Buffer.from(`unknown ${reason}\n`, 'latin1'))).toEqual([
        { known: false, reason: Buffer.from(reason, 'latin1').toString('latin1') },
      ])
    },
  )

  it('is asked in one batch for any number of resources.', () => {
    const many = declared(mysql => {
      for (let i = 0; i < 500; i++) mysql.user(`u${i}`, { password, grants: { [`d${i}`]: ['SELECT'] } })
    })
    const shell =
      many[0]?.kind.probe(
        many.map(({ wanted }) => wanted),
        { diff: false },
      ) ?? ''
    expect(shell.match(/<<'END_/g)).toHaveLength(1)
    expect(statements(shell)).toHaveLength(12)
  })

  it('is told no password, and its hash is masked like one.', () => {
    const sql = plan(user, [])
      .flatMap(change => change.sql)
      .join()
    expect(sql).not.toContain(password.reveal())
    expect(mask(sql)).toContain("USING '***'")
  })
})
