import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Secret } from '#engine/secret.ts'
import mysqlRole from '#roles/mysql/role.ts'
import { debians, itInFull } from './cases.ts'
import { depth } from './mysql-depth.ts'
import { declaring, file, given, hash, type MysqlHost, mended, mysqlHost, secret } from './mysql-host.ts'

describe.each(debians(12))('MariaDB on Debian %i', debian => {
  let on: MysqlHost

  beforeAll(async () => {
    on = await mysqlHost(debian)
  })
  afterAll(() => on.remove())

  const rows = async (sql: string) => (await on.sql(sql)).split('\n').filter(Boolean)
  const grants = (account: string) => rows(`SHOW GRANTS FOR ${account}`)
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
    const migration = `USE foobar; CREATE TABLE a (id INT PRIMARY KEY, t TEXT); CREATE TABLE b (a INT, FOREIGN KEY (a) REFERENCES a (id));
      ALTER TABLE a ADD c INT; CREATE INDEX i ON a (c); CREATE VIEW v AS SELECT * FROM a; SHOW CREATE VIEW v;
      CREATE TRIGGER g BEFORE INSERT ON a FOR EACH ROW SET NEW.c = 1; INSERT INTO a VALUES (1, 'é😀', 0); UPDATE a SET c = 2;
      CREATE TEMPORARY TABLE s SELECT * FROM a; LOCK TABLES a WRITE; UNLOCK TABLES; DELETE FROM a; DROP VIEW v; DROP TABLE b, a`
    expect((await on.login('foobar', secret, { sql: migration })).stderr.toString()).toBe('')
    for (const sql of [
      'CREATE DATABASE other',
      'SELECT * FROM mysql.global_priv',
      "SELECT 1 INTO OUTFILE '/var/lib/mysql-files/x'",
      "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE foobar.x",
      'CREATE PROCEDURE foobar.p() SELECT 1',
      'SET GLOBAL local_infile = 1',
      'CREATE USER x',
      'GRANT SELECT ON foobar.* TO foobar@localhost',
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

  itInFull(
    'takes back every kind of privilege that the app was given, and leaves its own alone meanwhile.',
    async () => {
      const before = await grants('foobar@localhost')
      expect(before).toHaveLength(2)
      await on.sql(`CREATE DATABASE IF NOT EXISTS d1; CREATE TABLE IF NOT EXISTS d1.t1 (a INT, b INT);
      CREATE OR REPLACE FUNCTION d1.f1() RETURNS INT RETURN 1; CREATE ROLE IF NOT EXISTS r1; REVOKE TRIGGER ON foobar.* FROM foobar@localhost`)
      const changes = await mended(
        on,
        `
      GRANT ALL ON *.* TO foobar@localhost WITH GRANT OPTION; GRANT ALL ON d1.* TO foobar@localhost;
      GRANT ALL ON foobar.* TO foobar@localhost WITH GRANT OPTION; GRANT SELECT ON \`foob%\`.* TO foobar@localhost;
      GRANT ALL ON d1.t1 TO foobar@localhost WITH GRANT OPTION; GRANT SELECT (a), UPDATE (b) ON d1.t1 TO foobar@localhost;
      GRANT EXECUTE ON FUNCTION d1.f1 TO foobar@localhost WITH GRANT OPTION; GRANT r1 TO foobar@localhost;
      GRANT PROXY ON root@localhost TO foobar@localhost WITH GRANT OPTION`,
      )
      expect(changes).toEqual(['mysql user foobar@localhost'])
      expect(await grants('foobar@localhost')).toEqual(before)
      await on.sql('DROP DATABASE d1; DROP ROLE r1')
    },
  )

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
      const role = declaring(mysql => {
        for (const name of names) {
          mysql.database(name)
          mysql.user(name, { password: new Secret(`of ${name}`), grants: { [name]: ['SELECT', 'CREATE'] } })
        }
        mysql.absentUser("x`; DROP DATABASE foobar; '")
      })
      expect(await on.converge(role)).toMatchObject({ error: undefined, changed: names.length * 2 })
      expect(await on.converge(role)).toMatchObject({ error: undefined, changed: 0, trips: 2 })
      const quoted = (name: string) => `\`${name.replaceAll('`', '``')}\``
      for (const name of names) {
        const own = await on.login(name, `of ${name}`, {
          sql: `CREATE TABLE ${quoted(name)}.t (a INT); SELECT HEX(CURRENT_USER())`,
        })
        expect(own.stderr.toString(), name).toBe('')
        expect(Buffer.from(own.stdout.toString().trim(), 'hex').toString()).toBe(`${name}@localhost`)
        const seen = await on.login(name, `of ${name}`, {
          sql: 'SELECT HEX(SCHEMA_NAME) FROM information_schema.SCHEMATA',
        })
        const others = seen.stdout
          .toString()
          .trim()
          .split('\n')
          .map(hex => Buffer.from(hex, 'hex').toString())
        expect(
          others.filter(other => names.includes(other)),
          name,
        ).toEqual([name])
      }
      const gone = declaring(mysql => {
        for (const name of names) {
          mysql.absentDatabase(name)
          mysql.absentUser(name)
        }
      })
      expect(await on.converge(gone)).toMatchObject({ error: undefined, changed: names.length * 2 })
      expect(await on.converge(gone)).toMatchObject({ error: undefined, changed: 0 })
      expect(await rows('SHOW DATABASES')).toContain('foobar')
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
