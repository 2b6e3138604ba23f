import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import mysqlRole from '#roles/mysql/role.ts'
import { debians, itInFull } from './cases.ts'
import { depth } from './mysql-depth.ts'
import {
  expectNames,
  expectStatusOfAccounts,
  file,
  forbidden,
  given,
  hash,
  type MysqlHost,
  mended,
  migration,
  mysqlHost,
  secret,
  withEveryPrivilege,
} from './mysql-host.ts'

describe.each(debians(12))('MariaDB on Debian %i', debian => {
  let on: MysqlHost

  beforeAll(async () => {
    on = await mysqlHost(debian)
  })
  afterAll(() => on.remove())

  const rows = async (sql: string) => (await on.sql(sql)).split('\n').filter(Boolean)
  const watched = () => on.shell('cat /run/watch; rm /run/watch')

  it('is found as one run of site.mjs left it, in two trips.', async () => {
    const again = await on.converge(mysqlRole, given)
    expect(again).toMatchObject({ error: undefined, changed: 0, trips: 2, changes: [] })
  })

  it('listens on its socket and on 127.0.0.1, and lets nobody read or write files by SQL.', async () => {
    // Docker's own name server is in each of its containers, on 127.0.0.11.
    const listening = await on.shell("ss -Hltn | awk '{print $4}' | grep -v -e ':22$' -e '^127.0.0.11:'")
    expect(listening).toBe('127.0.0.1:3306')
    const settings = await on.sql(
      'SELECT @@local_infile, @@secure_file_priv, @@skip_name_resolve, @@character_set_server, @@slow_query_log',
    )
    expect(settings).toBe('0\t/var/lib/mysql-files/\t1\tutf8mb4\t1')
    const blind = await on.shell("runuser -u nobody -- mariadb -e 'SELECT 1' 2>&1 || :")
    expect(blind).toMatch(/^ERROR 1698 /)
  })

  it('lets the app in with its password over the socket and the port, and with no other.', async () => {
    expect((await on.login('foobar', secret)).stdout.toString()).toBe('foobar@localhost\n')
    expect((await on.login('foobar', secret, { tcp: true })).stdout.toString()).toBe('foobar@127.0.0.1\n')
    for (const wrong of ['', 'x', secret.slice(0, -1), `${secret} `]) {
      expect((await on.login('foobar', wrong)).stderr.toString()).toMatch(/^ERROR 1045 /)
    }
  })

  it('lets the app migrate its own database and touch no other.', async () => {
    expect(
      (
        await on.login('foobar', secret, {
          sql: `${migration}; USE foobar; CREATE TABLE l (a INT); LOCK TABLES l WRITE; UNLOCK TABLES; DROP TABLE l`,
        })
      ).stderr.toString(),
    ).toBe('')
    for (const sql of [
      ...forbidden,
      'SELECT * FROM mysql.global_priv',
      "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE foobar.x",
    ]) {
      const refused = await on.login('foobar', secret, { sql })
      expect(refused.stderr.toString(), sql).toMatch(/^ERROR (1044|1142|1045|1227|1290|4166|1370|1146) /m)
    }
  })

  it('loses what was made by hand: anonymous users, a test database, other ways in.', async () => {
    const changes = await mended(
      on,
      `
      CREATE USER ''@localhost; CREATE USER ''@'%.example.com'; CREATE DATABASE test; CREATE TABLE test.t (a INT);
      INSERT INTO mysql.db (Host, Db, User, Select_priv) VALUES ('%', 'test\\\\_%', '', 'Y'); FLUSH PRIVILEGES;
      CREATE USER root@'%' IDENTIFIED BY 'x'; CREATE USER foobar@'%' IDENTIFIED BY 'x'; GRANT ALL ON *.* TO foobar@'%';
      CREATE ROLE foobar; GRANT SELECT ON foobar.* TO foobar`,
    )
    expect(changes).toEqual([
      'mysql user root at any host but localhost',
      'mysql user anonymous at any host',
      'mysql database test',
      'mysql user foobar at any host but localhost, 127.0.0.1',
    ])
    expect(
      await rows(
        "SELECT User, Host FROM mysql.global_priv WHERE User IN ('', 'root', 'foobar') ORDER BY 1, 2; DROP ROLE foobar",
      ),
    ).toEqual(['foobar\t', 'foobar\t127.0.0.1', 'foobar\tlocalhost', 'root\tlocalhost'])
    expect(await on.sql("SELECT * FROM mysql.db WHERE User = ''; SHOW DATABASES LIKE 'test'")).toBe('')
  })

  it('shows in status.mjs which accounts no role declares.', () => expectStatusOfAccounts(on))

  itInFull('takes back every kind of privilege that the app was given, and no other.', async () => {
    const { changes, before, after } = await withEveryPrivilege(on)
    expect(before.split('\n')).toHaveLength(2)
    expect(changes).toEqual(['mysql user foobar@localhost'])
    expect(after).toBe(before)
  })

  itInFull(
    'carries any name to databases and accounts, and a grant reaches its own database alone.',
    async () => {
      const names = [
        ...[
          "o'brien",
          'back`tick',
          '``',
          'quo"te',
          'a_b',
          'a%b',
          'axb',
          'ab',
          'semi;colon',
          '-- x',
          '/*!x*/',
          'back\\slash',
        ],
        ...[
          'end\\',
          '\\_',
          '%',
          '_',
          'new\nline',
          'cr\r\nlf',
          'tab\there',
          'é漢字',
          '$(id)',
          '-lead',
          'a.b',
          'DELIMITER x',
          'n'.repeat(64),
        ],
      ]
      await expectNames(on, names)
    },
  )

  it('keeps what it runs with when a file is refused, and says in the server’s words why.', async () => {
    const before = await on.shell(`sha256sum ${file}; systemctl show -p MainPID mariadb`)
    const { error } = await on.converge(mysqlRole, { ...given, collation: 'utf8mb4_no_such_ci' })
    expect(error).toMatchObject({ code: 'config-rejected' })
    expect(error?.lines.join('\n')).toMatch(/Unknown collation|utf8mb4_no_such_ci/)
    expect(await on.shell(`sha256sum ${file}; systemctl show -p MainPID mariadb`)).toBe(before)
    expect(await on.converge(mysqlRole, given)).toMatchObject({ error: undefined, changed: 0 })
  })

  it('never sees the password: not in a process, a log, a file or an event.', async () => {
    await on.shell(`printf '[mariadbd]\\nlog_bin = /var/log/mysql/bin\\ngeneral_log = ON\\ngeneral_log_file = /var/log/mysql/all.log\\n' >/etc/mysql/mariadb.conf.d/80-logs.cnf
      printf '[mariadbd]\\nlong_query_time = 0\\n' >/etc/mysql/mariadb.conf.d/95-slow.cnf; systemctl restart mariadb`)
    await on.sql('DROP USER foobar@localhost, foobar@127.0.0.1')
    await on.shell(watcher)
    await on.login('nobody', secret)
    expect(await watched(), 'a password that is in an environment is seen').toContain(secret)
    const run = await on.converge(mysqlRole, { ...given, maxConnections: 77 })
    expect(run.error).toBeUndefined()
    expect(run.changes).toEqual([
      `template ${file}`,
      'mysql user foobar@localhost',
      'mysql user foobar@127.0.0.1',
      'restart mariadb',
    ])
    const seen = await watched()
    expect(seen).toContain('mariadb')
    const kept = await on.shell(
      'cat /var/log/mysql/* /var/lib/capstan/runs/*/* /etc/mysql/*/* /var/log/syslog 2>/dev/null; journalctl --no-pager -n 5000',
    )
    expect(kept).toContain('foobar')
    for (const text of [seen, kept, JSON.stringify(run.events)]) {
      expect(text).not.toContain(secret)
      expect(text).not.toContain(Buffer.from(secret).toString('base64').slice(0, 24))
    }
    for (const text of [seen, JSON.stringify(run.events)]) expect(text).not.toContain(hash(secret))
    await on.shell(
      'rm -f /usr/local/bin/mariadb /etc/mysql/mariadb.conf.d/80-logs.cnf /etc/mysql/mariadb.conf.d/95-slow.cnf',
    )
    expect(await on.converge(mysqlRole, given)).toMatchObject({ error: undefined })
  })

  if (debian === 12) depth(() => on)
})

/** Puts a client in the client's place that first notes command line and environment of all processes there are. */
const watcher = `cat >/usr/local/bin/mariadb <<'E' && chmod 755 /usr/local/bin/mariadb
#!/bin/sh
cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ >>/run/watch 2>/dev/null
exec /usr/bin/mariadb "$@"
E
`
