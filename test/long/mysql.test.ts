import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Role } from '#engine/converge/role.ts'
import mysqlRole from '#roles/mysql/role.ts'
import {
  expectNames,
  expectStatusOfAccounts,
  forbidden,
  type MysqlHost,
  mended,
  migration,
  mysqlHost,
  secret,
  withEveryPrivilege,
} from '../sandbox/mysql-host.ts'

const given = { server: 'mysql', password: secret }
const file = '/etc/mysql/mysql.conf.d/zz-capstan.cnf'

describe('MySQL on Debian sid', () => {
  let on: MysqlHost

  beforeAll(async () => {
    on = await mysqlHost('sid', 'mysql')
  }, 1_800_000)
  afterAll(() => on?.remove())

  it('is found as one run of site.mjs left it, in two trips.', async () => {
    const again = await on.converge(mysqlRole, given)
    expect(again).toMatchObject({ error: undefined, changed: 0, trips: 2, changes: [] })
  })

  it('listens on its socket and on 127.0.0.1:3306, without the X protocol.', async () => {
    const listening = await on.shell("ss -Hltn | awk '{print $4}' | grep -v -e ':22$' -e '^127.0.0.11:'")
    expect(listening).toBe('127.0.0.1:3306')
    expect(await on.shell('ls /run/mysqld')).toBe('mysqld.sock\nmysqld.sock.lock')
    expect(
      await on.sql(
        'SELECT @@local_infile, @@secure_file_priv, @@skip_name_resolve, @@character_set_server, @@slow_query_log, @@log_bin',
      ),
    ).toBe('0\t/var/lib/mysql-files/\t1\tutf8mb4\t1\t0')
    expect(await on.shell("runuser -u nobody -- mysql -u root -e 'SELECT 1' 2>&1 || :")).toMatch(
      /^ERROR 1698 /,
    )
  })

  it('lets the app in with its password over the socket and the port, and with no other.', async () => {
    expect((await on.login('foobar', secret)).stdout.toString()).toBe('foobar@localhost\n')
    // Without a cached login, the password goes over TLS, which the client asks for by itself.
    expect((await on.login('foobar', secret, { tcp: true })).stdout.toString()).toBe('foobar@127.0.0.1\n')
    for (const wrong of ['', 'x', secret.slice(0, -1), `${secret} `])
      expect((await on.login('foobar', wrong)).stderr.toString()).toMatch(/^ERROR 1045 /)
  })

  it('lets the app migrate its own database and touch no other.', async () => {
    expect((await on.login('foobar', secret, { sql: migration })).stderr.toString()).toBe('')
    for (const sql of [...forbidden, 'SELECT * FROM mysql.user'])
      expect((await on.login('foobar', secret, { sql })).stderr.toString(), sql).toMatch(/^ERROR \d+ /m)
  })

  it.each([
    ['another password', "IDENTIFIED BY 'other'"],
    ['no password', "IDENTIFIED BY ''"],
    ['the unix user instead', 'IDENTIFIED WITH auth_socket'],
    ['a second password', "IDENTIFIED BY 'other' RETAIN CURRENT PASSWORD"],
    ['a lock', 'ACCOUNT LOCK'],
    ['an expired password', 'PASSWORD EXPIRE'],
    ['TLS as a condition', 'REQUIRE SSL'],
  ])('mends an account that was given %s.', async (_, clause) => {
    expect(await mended(on, `ALTER USER foobar@localhost ${clause}`, given)).toEqual([
      'mysql user foobar@localhost',
    ])
    expect((await on.login('foobar', secret)).stdout.toString()).toBe('foobar@localhost\n')
  })

  it('takes back every kind of privilege that the app was given.', async () => {
    const { changes, before, after } = await withEveryPrivilege(on, given)
    expect(changes).toEqual(['mysql user foobar@localhost'])
    expect(after).toBe(before)
  })

  it('loses what was made by hand: anonymous users, a test database, other ways in.', async () => {
    const changes = await mended(
      on,
      `CREATE USER ''@localhost; CREATE DATABASE test; CREATE USER root@'%' IDENTIFIED BY 'x';
      CREATE USER foobar@'%' IDENTIFIED BY 'x'; GRANT ALL ON *.* TO foobar@'%'`,
      given,
    )
    expect(changes).toEqual([
      'mysql user root at any host but localhost',
      'mysql user anonymous at any host',
      'mysql database test',
      'mysql user foobar at any host but localhost, 127.0.0.1',
    ])
  })

  it('accepts root over the socket for the Unix user root only.', async () => {
    expect(
      await mended(on, "ALTER USER root@localhost IDENTIFIED WITH auth_socket AS 'nobody'", given),
    ).toEqual(['mysql user root@localhost'])
    expect(await on.shell("runuser -u nobody -- mysql -u root -e 'SELECT 1' 2>&1 || :")).toMatch(
      /^ERROR 1698 /,
    )
  })

  it('reports accounts that no role declares, and drops them if that is declared.', async () => {
    await on.sql(
      "CREATE USER intruder@'%' IDENTIFIED BY ''; CREATE USER backup@localhost IDENTIFIED WITH auth_socket; CREATE ROLE r1",
    )
    const warnings = async (vars: object) => {
      const run = await on.converge(mysqlRole, { ...given, ...vars })
      expect(run.error).toBeUndefined()
      return run.events.flatMap(event => (event.event === 'warning' ? [event.message] : []))
    }
    const reported = expect.stringContaining(
      '`intruder`@`%` (no password), `backup`@`localhost` (auth_socket).',
    )
    expect(await warnings({})).toEqual([reported])
    expect(await warnings({ keepAccounts: ['backup@localhost'] })).toEqual([
      expect.stringContaining('`intruder`@`%` (no password).'),
    ])
    const kept = { keepAccounts: ['backup@localhost'], removeUndeclared: true }
    await warnings(kept)
    expect(
      await on.sql("SELECT User FROM mysql.user WHERE User IN ('intruder', 'backup', 'r1') ORDER BY 1"),
    ).toBe('backup\nr1')
    expect(await on.converge(mysqlRole, { ...given, ...kept })).toMatchObject({ changed: 0, trips: 2 })
    await on.sql('DROP USER backup@localhost; DROP ROLE r1')
    expect(await warnings({})).toEqual([])
  })

  it('shows in status.mjs which accounts no role declares.', () => expectStatusOfAccounts(on))

  it('carries any name and any password to the accounts.', async () => {
    const names = [
      "o'brien",
      'back`tick',
      'quo"te',
      'a_b',
      'a%b',
      'axb',
      'semi;colon',
      '-- x',
      'back\\slash',
      'é漢字',
    ]
    await expectNames(on, names)
  })

  it.each([
    ['collation_server = utf8mb4_no_such_ci', 'Unknown collation'],
    ['no_such_setting = 1', "unknown variable 'no_such_setting=1'"],
    ['max_connections = abc', "Error while setting value 'abc'"],
  ])('keeps its configuration when a file has %s, and prints the reason.', async (line, why) => {
    const state = `sha256sum ${file}; systemctl show -p MainPID mysql`
    const before = await on.shell(state)
    await on.shell(`printf '[mysqld]\\n${line}\\n' >/etc/mysql/mysql.conf.d/zzz-bad.cnf`)
    const { error } = await on.converge(mysqlRole, { ...given, slowQuery: 3 })
    expect(error).toMatchObject({ code: 'config-rejected' })
    expect(error?.lines.join('\n')).toContain(why)
    await on.shell('rm /etc/mysql/mysql.conf.d/zzz-bad.cnf')
    expect(await on.shell(state)).toBe(before)
  })

  it('refuses to take another server’s place, or to be taken the place of.', async () => {
    const { error, changes } = await on.converge(mysqlRole, { password: secret })
    expect(error).toMatchObject({ code: 'mysql-server' })
    expect(error?.message).toContain('mysql-server is installed and /var/lib/mysql has the data of MySQL')
    expect(changes).toEqual([])
    expect(await on.converge(mysqlRole, given)).toMatchObject({ error: undefined, changed: 0 })
  })

  sizes(() => on, given)
})

describe('MariaDB on Debian 12', () => {
  let on: MysqlHost
  beforeAll(async () => {
    on = await mysqlHost(12)
  }, 1_800_000)
  afterAll(() => on?.remove())

  it('is not replaced by MySQL, which Debian 12 does not have.', async () => {
    const { error, changes } = await on.converge(mysqlRole, given)
    expect(error).toMatchObject({ code: 'mysql-server' })
    expect(error?.message).toContain('debian 12 has no MySQL')
    expect(changes).toEqual([])
  })

  sizes(() => on, { password: secret })
})

/** The server starts with what the role gives it in 1 and in 32 GiB, whatever the host has. */
function sizes(host: () => MysqlHost, vars: object): void {
  it.each([
    [966, 268_435_456, 100, 16_777_216],
    [32_100, 8_589_934_592, 500, 67_108_864],
  ])('starts with the sizes of a machine of %i MiB.', async (memory, pool, connections, table) => {
    const sized: Role = {
      ...mysqlRole,
      declare: (into, given) => mysqlRole.declare(into, { ...given, facts: { ...given.facts, memory } }),
    }
    expect(await host().converge(sized, vars)).toMatchObject({ error: undefined })
    expect(await host().sql('SELECT @@innodb_buffer_pool_size, @@max_connections, @@tmp_table_size')).toBe(
      [pool, connections, table].join('\t'),
    )
    expect((await host().login('foobar', secret)).stdout.toString()).toBe('foobar@localhost\n')
    expect(await host().converge(sized, vars)).toMatchObject({ changed: 0, trips: 2 })
  })
}
