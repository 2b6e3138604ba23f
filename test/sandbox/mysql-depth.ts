import { expect, it } from 'vitest'
import { Secret } from '#engine/secret.ts'
import mysqlRole from '#roles/mysql/role.ts'
import { itInFull, some } from './cases.ts'
import { declaring, file, given, hash, type MysqlHost, mended, secret } from './mysql-host.ts'

/** What a MariaDB comes through that has been set up by the role: each test leaves it as the role declares. */
export function depth(host: () => MysqlHost): void {
  it.each(
    some(
      [
        ['another password', "IDENTIFIED BY 'other'"],
        ['no password', "IDENTIFIED BY ''"],
        ['the unix user instead', 'IDENTIFIED VIA unix_socket'],
        ['a second way in', `IDENTIFIED VIA mysql_native_password USING '${hash(secret)}' OR unix_socket`],
        ['a password that none fits', "IDENTIFIED VIA mysql_native_password USING 'invalid'"],
        ['a lock', 'ACCOUNT LOCK'],
        ['an expired password', 'PASSWORD EXPIRE'],
        ['TLS as a condition', 'REQUIRE SSL'],
      ],
      1,
    ),
  )('mends an account that was given %s.', async (_, clause) => {
    expect(await mended(host(), `ALTER USER foobar@localhost ${clause}`)).toEqual([
      'mysql user foobar@localhost',
    ])
    expect((await host().login('foobar', secret)).stdout.toString()).toBe('foobar@localhost\n')
  })

  itInFull.each([
    ['a password beside', "IDENTIFIED VIA mysql_native_password USING PASSWORD('x') OR unix_socket"],
    ['no password beside', "IDENTIFIED VIA unix_socket OR mysql_native_password USING ''"],
  ])('takes from root %s its socket.', async (_, clause) => {
    expect(await mended(host(), `ALTER USER root@localhost ${clause}`)).toEqual(['mysql user root@localhost'])
  })

  itInFull('makes the accounts again that were deleted behind the server’s back.', async () => {
    const changes = await mended(
      host(),
      "DELETE FROM mysql.global_priv WHERE User = 'foobar'; FLUSH PRIVILEGES",
    )
    expect(changes.slice(0, 2)).toEqual(['mysql user foobar@localhost', 'mysql user foobar@127.0.0.1'])
    expect((await host().login('foobar', secret)).exitCode).toBe(0)
  })

  itInFull('carries any password to the account, byte by byte.', async () => {
    const passwords = [
      ...['a b c d', "'; DROP DATABASE foobar; --", '"`$(id)`$HOME\\', '\\n\\0%s', '*'.repeat(41), '-prefix'],
      ...[
        'line one\nline two\r\n',
        '\ttab',
        'é😀ß漢字',
        'x'.repeat(128),
        ' spaces around ',
        '%_%_',
        '#hash;semi',
      ],
    ]
    const role = declaring(mysql => {
      passwords.forEach((text, index) => {
        mysql.user(`p${index}`, { password: new Secret(text), grants: { foobar: ['SELECT'] } })
      })
    })
    expect(await host().converge(role)).toMatchObject({ error: undefined, changed: passwords.length })
    expect(await host().converge(role)).toMatchObject({ error: undefined, changed: 0 })
    for (const [index, text] of passwords.entries())
      expect((await host().login(`p${index}`, text)).stdout.toString(), text).toBe(`p${index}@localhost\n`)
  })

  itInFull('is refused no file that it starts from, plugins of its table included.', async () => {
    await host().sql("INSTALL SONAME 'server_audit'")
    await host().shell(
      "printf '[mariadbd]\\nserver_audit_logging = OFF\\n' >/etc/mysql/mariadb.conf.d/60-audit.cnf",
    )
    const { error, changes } = await host().converge(mysqlRole, { ...given, slowQuery: 2 })
    expect(error).toBeUndefined()
    expect(changes).toEqual([`template ${file}`, 'restart mariadb'])
    await host().sql("UNINSTALL SONAME 'server_audit'")
    await host().shell('rm /etc/mysql/mariadb.conf.d/60-audit.cnf')
    expect(await host().sql('SELECT @@long_query_time')).toBe('2.000000')
    await host().converge(mysqlRole, given)
  })

  itInFull('runs again with the old file when it won’t start with the new one.', async () => {
    const before = await host().shell(`sha256sum ${file}`)
    const { error } = await host().converge(mysqlRole, { ...given, bufferPool: '1k', maxConnections: 20 })
    expect(error).toMatchObject({ code: 'step-failed' })
    expect(await host().shell(`sha256sum ${file}`)).toBe(before)
    expect(await host().sql('SELECT @@max_connections > 20')).toBe('1')
    expect(await host().converge(mysqlRole, given)).toMatchObject({ error: undefined, changed: 0 })
  })

  itInFull('tells when another file overrules a setting.', async () => {
    await host().shell("printf '[mariadbd]\\nlocal_infile = ON\\n' >/etc/mysql/mariadb.conf.d/99-other.cnf")
    const { error } = await host().converge(mysqlRole, { ...given, slowQuery: 3 })
    expect(error?.lines).toContain('local_infile: wanted OFF, got ON')
    await host().shell('rm /etc/mysql/mariadb.conf.d/99-other.cnf')
    expect(await host().converge(mysqlRole, given)).toMatchObject({ error: undefined })
  })

  itInFull(
    'is started where it was stopped, with what a stopped server can’t tell looked at after.',
    async () => {
      await host().shell('systemctl stop mariadb')
      const { error, changes } = await host().converge(mysqlRole, given)
      expect(error).toBeUndefined()
      expect(changes).toEqual(['service mariadb'])
    },
  )

  it('ends the run with what to do when it runs and refuses root; no secret is in that.', async () => {
    await host().sql("ALTER USER root@localhost IDENTIFIED BY 'some other'")
    const { error, changes } = await host().converge(mysqlRole, given)
    expect(changes).toEqual([])
    expect(error).toMatchObject({ code: 'probe', exitCode: 1 })
    const told = error?.lines.join('\n')
    expect(told).toMatch(/ERROR 1045 .*Access denied for user 'root'@'localhost'/)
    expect(told).toMatch(/ALTER USER root@localhost IDENTIFIED VIA unix_socket/)
    await host().shell(
      "MYSQL_PWD='some other' mariadb -e 'ALTER USER root@localhost IDENTIFIED VIA unix_socket'",
    )
    expect(await host().converge(mysqlRole, given)).toMatchObject({ error: undefined, changed: 0 })
  })

  it('ends the run with the server’s words when its socket is gone.', async () => {
    await host().shell('mv /run/mysqld/mysqld.sock /run/mysqld/moved.sock')
    const { error } = await host().converge(mysqlRole, given)
    expect(error?.message).toMatch(/MariaDB does not run yet: ERROR 2002 .*mysqld\.sock/)
    await host().shell('mv /run/mysqld/moved.sock /run/mysqld/mysqld.sock')
  })

  itInFull(
    'tells what the server refuses in its words, without the statement and the hash in it.',
    async () => {
      await host().sql("INSTALL SONAME 'simple_password_check'; SET GLOBAL strict_password_validation = ON")
      const user = { password: new Secret(secret), grants: {} }
      const { error } = await host().converge(declaring(mysql => mysql.user('new', user)))
      expect(error).toMatchObject({ code: 'step-failed' })
      expect(error?.lines.join('\n')).toMatch(/^ERROR \d+ .*strict.password.validation.*$/)
      await host().sql("UNINSTALL SONAME 'simple_password_check'")
    },
  )
}
