import { createHash } from 'node:crypto'
import { dirname } from 'node:path'
import { expect } from 'vitest'
import type { Connection, Outcome } from '#engine/connection/connection.ts'
import { connectSsh } from '#engine/connection/ssh.ts'
import { convergeHost, type HostResult } from '#engine/converge/host.ts'
import { type Role, role } from '#engine/converge/role.ts'
import { typicalSite } from '#engine/converge/testing.ts'
import type { Event } from '#engine/output/events.ts'
import { quote } from '#engine/quote.ts'
import type { DeclareMysql } from '#engine/resources/mysql/mysql.ts'
import { here } from '#engine/resources/shell.ts'
import { type SandboxHost, sandboxDown, sandboxUp } from '#engine/sandbox/sandbox.ts'
import { Secret } from '#engine/secret.ts'
import { checkScript, findingsOf } from '#engine/status/checks.ts'
import { vars } from '#engine/vars.ts'
import mysqlRole from '#roles/mysql/role.ts'
import site from '#roles/site.ts'
import { kept, oddPassword } from './kept.ts'

/** The app's password in these tests. */
export const secret = oddPassword
export const given = { password: secret }
export const file = '/etc/mysql/mariadb.conf.d/90-capstan.cnf'

/** A sandbox host of these tests' own, and what they do with it. */
export interface MysqlHost {
  readonly connection: Connection
  /** Converges one role with these vars, as the inventory gives them. */
  converge(role: Role, vars?: unknown): Promise<Converged>
  /** Runs shell on the host as root, and gives its stdout; throws unless it exits with 0. */
  shell(script: string): Promise<string>
  /** Runs SQL as root; each row a line. */
  sql(statements: string): Promise<string>
  /** What `SELECT CURRENT_USER()` gives a client that logs in with exactly this password, or its error. */
  login(user: string, password: string, options?: LoginOptions): Promise<Outcome>
  remove(): Promise<void>
}

export interface LoginOptions {
  readonly tcp?: boolean
  readonly sql?: string
}

export interface Converged extends HostResult {
  readonly events: readonly Event[]
  /** Labels of what was changed, in order; handlers too. */
  readonly changes: readonly string[]
}

const root = dirname(dirname(import.meta.dirname))

/** A host with the database that the role sets up: one that is there already is taken down first. */
export async function mysqlHost(
  debian: SandboxHost['debian'],
  server: 'mariadb' | 'mysql' = 'mariadb',
): Promise<MysqlHost> {
  const name = `mysqltest${debian}`
  const quiet = { root, say: () => {} }
  await sandboxDown({ ...quiet, names: [name] }).catch(() => {})
  const [host] = await sandboxUp(
    [{ name, debian, image: await kept(server === 'mysql' ? 'mysql' : 'data', debian) }],
    quiet,
  )
  if (host === undefined) throw new Error('no sandbox host')
  const { address, port, user, keyFile, knownHostsFile } = host
  const connect = () => connectSsh({ host: name, address, port, user, keyFile, knownHostsFile, sudo: 'auto' })
  const connection = await connect()
  const client = `${server} --protocol=socket --default-character-set=utf8mb4 --binary-mode -BN`

  const shell = async (script: string) => {
    const { exitCode, stdout, stderr } = await connection.run(script, { deadline: 300 })
    if (exitCode !== 0) throw new Error(`${script}\nended with ${exitCode}: ${stderr}`)
    return stdout.toString().trimEnd()
  }
  return {
    connection,
    shell,
    sql: statements => shell(here(client, statements)),
    login: (user, password, { tcp = false, sql = 'SELECT CURRENT_USER()' } = {}) =>
      connection.run(
        `MYSQL_PWD=${quote(password)} ${server} --no-defaults --default-character-set=utf8mb4 -BN ` +
          `${tcp ? '-h 127.0.0.1' : '--protocol=socket'} --user=${quote(user)} -e ${quote(sql)}`,
      ),
    async converge(role, given = {}) {
      const events: Event[] = []
      const sites = site.parse({})
      if (!sites.ok) throw new Error('the site has defaults')
      const parsed = role.vars.parse(given, sites.value)
      if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems))
      const work = {
        ...{ identity: { name, groups: [] }, sites: [sites.value], connection: connect },
        roles: [{ role, vars: [parsed.value] }],
      }
      const run = { runId: `test-${Date.now()}`, who: 'test@test', url: undefined }
      const options = { run, check: false, diff: true, emit: (event: Event) => events.push(event) }
      const result = await convergeHost(work, options)
      const changes = events.flatMap(event => (event.event === 'changed' ? [event.resource] : []))
      return { ...result, events, changes }
    },
    async remove() {
      await connection.close()
      await sandboxDown({ ...quiet, names: [name] })
    },
  }
}

/** What the migrations of an app do in its own database. */
export const migration = `USE foobar; CREATE TABLE a (id INT PRIMARY KEY, t TEXT); CREATE TABLE b (a INT, FOREIGN KEY (a) REFERENCES a (id));
  ALTER TABLE a ADD c INT; CREATE INDEX i ON a (c); CREATE VIEW v AS SELECT * FROM a; SHOW CREATE VIEW v;
  CREATE TRIGGER g BEFORE INSERT ON a FOR EACH ROW SET NEW.c = 1; INSERT INTO a VALUES (1, 'é😀', 0); UPDATE a SET c = 2;
  CREATE TEMPORARY TABLE s SELECT * FROM a; DELETE FROM a; DROP VIEW v; DROP TABLE b, a`

/** What the account of an app is refused on either server. */
export const forbidden = [
  'CREATE DATABASE other',
  "SELECT 1 INTO OUTFILE '/var/lib/mysql-files/x'",
  'CREATE PROCEDURE foobar.p() SELECT 1',
  'SET GLOBAL local_infile = 1',
  'CREATE USER x',
  'GRANT SELECT ON foobar.* TO foobar@localhost',
]

/** Gives the app every kind of privilege by hand; gives what the role changes, and the grants before and after. */
export async function withEveryPrivilege(on: MysqlHost, vars: object = given) {
  const grants = () => on.sql('SHOW GRANTS FOR foobar@localhost')
  const before = await grants()
  await on.sql(`CREATE DATABASE d1; CREATE TABLE d1.t1 (a INT, b INT); CREATE FUNCTION d1.f1() RETURNS INT NO SQL RETURN 1;
    CREATE ROLE r1; REVOKE TRIGGER ON foobar.* FROM foobar@localhost`)
  const changes = await mended(
    on,
    `GRANT ALL ON *.* TO foobar@localhost WITH GRANT OPTION; GRANT ALL ON d1.* TO foobar@localhost;
    GRANT ALL ON foobar.* TO foobar@localhost WITH GRANT OPTION; GRANT SELECT ON \`foob%\`.* TO foobar@localhost;
    GRANT ALL ON d1.t1 TO foobar@localhost WITH GRANT OPTION; GRANT SELECT (a), UPDATE (b) ON d1.t1 TO foobar@localhost;
    GRANT EXECUTE ON FUNCTION d1.f1 TO foobar@localhost WITH GRANT OPTION; GRANT r1 TO foobar@localhost;
    GRANT PROXY ON root@localhost TO foobar@localhost WITH GRANT OPTION`,
    vars,
  )
  const after = await grants()
  await on.sql('DROP DATABASE d1; DROP ROLE r1')
  return { changes, before, after }
}

/** Databases and accounts of these names: each account sees its own database alone, and both can be removed. */
export async function expectNames(on: MysqlHost, names: readonly string[]): Promise<void> {
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
      sql: `CREATE TABLE ${quoted(name)}.t (a INT); SELECT HEX(CURRENT_USER()); SELECT HEX(SCHEMA_NAME) FROM information_schema.SCHEMATA`,
    })
    expect(own.stderr.toString(), name).toBe('')
    const [user, ...seen] = own.stdout
      .toString()
      .trim()
      .split('\n')
      .map(hex => Buffer.from(hex, 'hex').toString())
    expect(user).toBe(`${name}@localhost`)
    expect(
      seen.filter(other => names.includes(other)),
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
  expect(await on.sql('SHOW DATABASES')).toContain('foobar')
}

/** Checks what status.mjs shows of accounts that no role declares, and of a server that refuses to list its accounts. */
export async function expectStatusOfAccounts(on: MysqlHost): Promise<void> {
  const [check] = mysqlRole.status?.([{ site: typicalSite, vars: undefined }]) ?? []
  if (check === undefined) throw new Error('the role has a check')
  const texts = async (environment = '') => {
    const { stdout, stderr } = await on.connection.run(`${environment}${checkScript(check)}`, {
      deadline: 60,
    })
    const findings = findingsOf('database', { stdout, lastError: stderr.toString() })
    return findings.map(({ state, text }) => `${state} ${text}`)
  }
  const answers = expect.stringMatching(/^good (MariaDB|MySQL) answers, /)
  expect(await texts()).toEqual([answers])
  await on.sql("CREATE USER ''@localhost; CREATE USER intruder@'%' IDENTIFIED BY 'x'")
  expect(await texts()).toEqual([
    answers,
    "bad no password is needed for the account ''@'localhost', which no role declares",
    "warning no role declares the account 'intruder'@'%'",
  ])
  await on.sql("DROP USER ''@localhost, intruder@'%'")
  // An account that may not read the accounts of the server.
  await on.shell(
    `mkdir -p /root/limited && umask 077 && ${here('cat >/root/limited/.my.cnf', '[client]\nuser=limited\n')}`,
  )
  await on.sql('CREATE USER limited@localhost; GRANT SELECT ON performance_schema.* TO limited@localhost')
  expect(await texts('export HOME=/root/limited\n')).toEqual([
    answers,
    expect.stringMatching(/^bad the accounts of (MariaDB|MySQL) cannot be read: ERROR 1142 /),
  ])
  await on.sql('DROP USER limited@localhost')
  await on.shell('rm -r /root/limited')
}

/** A role that declares only this. */
export function declaring(declare: (mysql: DeclareMysql) => void): Role {
  return role(import.meta, { vars: vars({}), tasks: ({ mysql }) => declare(mysql) })
}

/** Changes something by hand; gives what the role changes to mend it, after which it finds nothing more to do. */
export async function mended(on: MysqlHost, sql: string, vars: object = given): Promise<readonly string[]> {
  await on.sql(sql)
  const repair = await on.converge(mysqlRole, vars)
  expect(repair.error).toBeUndefined()
  expect(await on.converge(mysqlRole, vars)).toMatchObject({ error: undefined, changed: 0, trips: 2 })
  return repair.changes
}

/** What mysql_native_password keeps of a password. */
export function hash(text: string): string {
  const once = createHash('sha1').update(text).digest()
  return `*${createHash('sha1').update(once).digest('hex').toUpperCase()}`
}
