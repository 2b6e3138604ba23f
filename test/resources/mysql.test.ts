import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { buildCatalog } from '#engine/converge/catalog.ts'
import { type DeclareMysql, mysql } from '#engine/resources/mysql/mysql.ts'
import { sha2Hash } from '#engine/resources/mysql/sha2.ts'
import { everythingIn, identifier, literal, patternOf } from '#engine/resources/mysql/sql.ts'
import type { Resource, State } from '#engine/resources/resource.ts'
import { mask, Secret } from '#engine/secret.ts'

const password = new Secret('mypass')
// Source: SELECT PASSWORD('mypass') on MariaDB 10.11.
const hash = '*6C8989366EAF75BB670AD8EA7A7FC1176A95CEF4'

function declared(role: (mysql: DeclareMysql) => void): readonly Resource[] {
  const catalog = buildCatalog()
  role(mysql(catalog.role('test').declare))
  return catalog.complete().resources
}

const hexOf = (text: string) => Buffer.from(text).toString('hex').toUpperCase()

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
    [native('invalid'), 'login by: nothing that works → the password ***'],
    ['{"plugin":"unix_socket","authentication_string":""}', 'login by: unix_socket → the password ***'],
    ['{"plugin":"ed25519","authentication_string":"x"}', 'login by: ed25519 → the password ***'],
    [
      native(hash, { auth_or: [{}, { plugin: 'unix_socket' }] }),
      'login by: the password *** or unix_socket → the password ***',
    ],
    [native(hash, { account_locked: true }), 'barred by: locked → nothing'],
    [native(hash, { password_last_changed: 0 }), 'barred by: password expired → nothing'],
    [native(hash, { ssl_type: 1 }), 'requires: TLS → nothing'],
    [native(hash, { ssl_type: 2 }), 'requires: a client certificate → nothing'],
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

describe('MySQL', () => {
  const server: Row = ['SERVER', 'mysql']
  const sha2 = sha2Hash(password.reveal())
  const row = (secret: string, { locked = 'N', expired = 'N', tls = '', attributes = '{}' } = {}): Row => [
    ...(['MYACCOUNT', 'a_b', 'localhost', 'caching_sha2_password', secret] as const),
    ...[locked, expired, tls, attributes],
  ]
  const others = asDeclared.slice(1)

  it('is asked of its own tables, and of no column of MariaDB.', () => {
    const shell = user[0]?.kind.probe(
      user.map(({ wanted }) => wanted),
      { diff: false },
    )
    const [, mysql = ''] = shell?.split('\nelse\n') ?? []
    expect(mysql).toContain('FROM mysql.user WHERE')
    expect(mysql).toContain('FROM mysql.role_edges WHERE')
    expect(mysql).not.toMatch(/global_priv|roles_mapping/)
  })

  it('makes an account with a hash of its own kind, in hex and masked.', () => {
    const [made] = plan(user, [server])
    expect(made?.sql).toEqual([
      expect.stringMatching(
        /^CREATE USER `a_b`@`localhost` IDENTIFIED WITH caching_sha2_password AS 0x[0-9a-f]{140}$/,
      ),
      'GRANT SELECT, INSERT ON `a\\_b`.* TO `a_b`@`localhost`',
    ])
    expect(mask(made?.sql[0] ?? '')).toContain('AS ***')
    const hex = made?.sql[0]?.slice(-140) ?? ''
    expect(plan(user, [server, row(Buffer.from(hex, 'hex').toString('latin1')), ...others])).toEqual([])
  })

  it.each([
    [row(sha2Hash('other')), 'login by: another password → the password ***'],
    [row(''), 'login by: no password → the password ***'],
    [row(sha2, { locked: 'Y' }), 'barred by: locked → nothing'],
    [row(sha2, { expired: 'Y' }), 'barred by: password expired → nothing'],
    [row(sha2, { tls: 'ANY' }), 'requires: TLS → nothing'],
    [row(sha2, { tls: 'X509' }), 'requires: a client certificate → nothing'],
  ])('gives the account of %j the declared login.', (found, told) => {
    const [change] = plan(user, [server, found, ...others])
    expect(change?.told).toEqual([told])
    expect(change?.sql).toEqual([
      expect.stringMatching(
        /^ALTER USER `a_b`@`localhost` IDENTIFIED WITH caching_sha2_password AS 0x\w+ REQUIRE NONE ACCOUNT UNLOCK$/,
      ),
    ])
  })

  it('takes a second password and a second factor away.', () => {
    const found = row(sha2, {
      attributes: '{"additional_password":"$A$","multi_factor_authentication":[{"plugin":"x"}]}',
    })
    const [change] = plan(user, [server, found, ...others])
    expect(change?.told).toEqual([
      'login by: the password *** or another password → the password ***',
      'barred by: a second factor → nothing',
    ])
    expect(change?.sql.map(sql => sql.replace(/IDENTIFIED.*/, '…'))).toEqual([
      'ALTER USER `a_b`@`localhost` DROP 2 FACTOR',
      'ALTER USER `a_b`@`localhost` …',
      'ALTER USER `a_b`@`localhost` DISCARD OLD PASSWORD',
    ])
  })

  it('has roles that are accounts, and dynamic privileges.', () => {
    const rows: readonly Row[] = [
      ...[server, row(sha2), ...others],
      ['USER', "'a_b'@'localhost'", 'BACKUP_ADMIN', 'YES'],
      ['ROLE', 'a_b', 'localhost', 'admin', '%'],
    ]
    expect(plan(user, rows)[0]?.sql).toEqual([
      'REVOKE IF EXISTS BACKUP_ADMIN, GRANT OPTION ON *.* FROM `a_b`@`localhost`',
      'GRANT SELECT, INSERT ON `a\\_b`.* TO `a_b`@`localhost`',
      'REVOKE IF EXISTS `admin`@`%` FROM `a_b`@`localhost`',
    ])
  })

  it('has a root that is let in by its socket, and by that of no other unix user.', () => {
    const root = declared(mysql => mysql.root())
    const all: readonly Row[] = ['SUPER', 'SELECT'].map(word => ['USER', "'root'@'localhost'", word, 'YES'])
    const rootBy = (as: string): Row => [
      ...(['MYACCOUNT', 'root', 'localhost', 'auth_socket', as] as const),
      ...['N', 'N', '', '{}'],
    ]
    expect(plan(root, [server, rootBy(''), ...all])).toEqual([])
    expect(plan(root, [server, rootBy('deploy'), ...all])).toEqual([
      {
        told: ['login by: auth_socket as deploy → auth_socket'],
        sql: ['ALTER USER `root`@`localhost` IDENTIFIED WITH auth_socket REQUIRE NONE ACCOUNT UNLOCK'],
      },
    ])
  })
})

describe('an account of a remote host', () => {
  const remote = declared(mysql => mysql.user('a_b', { password, host: '192.0.2.7', tls: true, grants: {} }))

  it('is made so that it needs TLS, and is given that where it lacks it.', () => {
    expect(plan(remote, [])[0]?.sql[0]).toMatch(/^CREATE USER .* REQUIRE SSL$/)
    expect(plan(remote, [['ACCOUNT', 'a_b', '192.0.2.7', native(hash)]])).toEqual([
      { told: ['requires: nothing → TLS'], sql: [expect.stringMatching(/ REQUIRE SSL ACCOUNT UNLOCK$/)] },
    ])
    expect(plan(remote, [['ACCOUNT', 'a_b', '192.0.2.7', native(hash, { ssl_type: 1 })]])).toEqual([])
  })
})

describe('accounts that no role declares', () => {
  const rows: readonly Row[] = [
    ...asDeclared,
    ['EVERY', 'a_b', 'localhost', native(hash)],
    ['EVERY', 'root', 'localhost', native('invalid')],
    ['EVERY', 'mariadb.sys', 'localhost', native('', { account_locked: true })],
    ['EVERY', 'healthcheck', '::1', native(hash)],
    ['EVERY', 'gone', 'localhost', native(hash)],
    ['EVERY', 'backup', 'localhost', '{"plugin":"unix_socket"}'],
    ['EVERY', 'root', '192.0.2.7', native(hash)],
    ['EVERY', 'x`y', '%', native('')],
    ['EVERY', 'old', 'localhost', native(hash, { account_locked: true })],
  ]
  const role = (options: Parameters<DeclareMysql['otherAccounts']>[0]) =>
    declared(mysql => {
      mysql.user('a_b', { password, grants: { a_b: ['SELECT', 'INSERT'] } })
      mysql.absentUser('gone')
      mysql.otherAccounts(options)
    })
  const found = (resources: readonly Resource[], more: readonly Row[]) => {
    const state = states(resources, printed([...rows, ...more])).at(-1)
    const resource = resources.at(-1)
    if (!resource || !state?.known) throw new Error('unknown')
    return { ...resource, value: state.value, differences: resource.kind.diff(resource.wanted, state.value) }
  }

  it('are reported with what lets them in, apart from those that are kept.', () => {
    const { kind, wanted, value, differences } = found(
      role({ keep: ['backup@localhost'], advice: 'Set x.remove.' }),
      [
        ['ALL', ''],
        ['RECORD', ''],
      ],
    )
    expect(kind.warning?.(wanted, value)).toBe(
      'no role declares these accounts of the database server: `root`@`192.0.2.7` (mysql_native_password), `x``y`@`%` (no password), ' +
        '`old`@`localhost` (cannot log in). Set x.remove.',
    )
    expect(differences.map(({ what }) => what)).toEqual(['record for status.mjs'])
  })

  it('are dropped where that is declared, and the server’s own are not.', () => {
    const { kind, wanted, value } = found(role({ remove: true }), [
      ['ALL', ''],
      ['RECORD', ''],
    ])
    expect(statements(kind.apply(wanted, value))).toEqual([
      'DROP USER `backup`@`localhost`',
      'DROP USER `root`@`192.0.2.7`',
      'DROP USER `x``y`@`%`',
      'DROP USER `old`@`localhost`',
    ])
  })

  it('are recorded for status.mjs, which is then found.', () => {
    const resources = role({ keep: ['backup@localhost'] })
    const { kind, wanted, value } = found(resources, [
      ['ALL', ''],
      ['RECORD', ''],
    ])
    const [, record = ''] = /<<'END_\w+'\n([\s\S]*?)END_/.exec(kind.apply(wanted, value)) ?? []
    expect(record).toContain(`${hexOf('a_b')} ${hexOf('localhost')}\n`)
    expect(record).toContain(`${hexOf('backup')} ${hexOf('localhost')}\n`)
    expect(
      found(resources, [
        ['ALL', ''],
        ['RECORD', record],
      ]).differences,
    ).toEqual([])
  })

  it('are nobody’s business where only some roles are looked at, and those of the others stay recorded.', () => {
    const resources = role({ remove: true })
    const { kind, wanted, value } = found(resources, [['RECORD', '78 79\n']])
    expect(kind.warning?.(wanted, value)).toBeUndefined()
    const applied = kind.apply(wanted, value)
    expect(applied).not.toContain('DROP')
    expect(applied).toContain('78 79\n')
    expect(applied).toContain(`${hexOf('a_b')} ${hexOf('localhost')}\n`)
    const partial = kind.probe([wanted], { diff: false, partial: true })
    expect(partial).not.toContain('EVERY')
    expect(partial).toContain('RECORD')
    expect(kind.probe([wanted], { diff: false })).toMatch(/MYEVERY[\s\S]*RECORD/)
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
  it.each(['no database server is installed yet', 'MariaDB does not run yet: ERROR 2002 (HY000): …'])(
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
    const batches = shell.split('\nelse\n')
    expect(batches.map(batch => batch.match(/<<'END_/g)?.length)).toEqual([1, 1])
    expect(batches.map(batch => statements(batch).length)).toEqual([13, 13])
  })

  it('receives no password, and its hash is masked.', () => {
    const sql = plan(user, [])
      .flatMap(change => change.sql)
      .join()
    expect(sql).not.toContain(password.reveal())
    expect(mask(sql)).toContain("USING '***'")
  })
})
