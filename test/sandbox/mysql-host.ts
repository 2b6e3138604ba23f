import { createHash } from 'node:crypto'
import { dirname } from 'node:path'
import { expect } from 'vitest'
import type { Connection, Outcome } from '#engine/connection/connection.ts'
import { connectSsh } from '#engine/connection/ssh.ts'
import { convergeHost, type HostResult } from '#engine/converge/host.ts'
import { type Role, role } from '#engine/converge/role.ts'
import type { Event } from '#engine/output/events.ts'
import { quote } from '#engine/quote.ts'
import type { DeclareMysql } from '#engine/resources/mysql/mysql.ts'
import { here } from '#engine/resources/shell.ts'
import { type SandboxHost, sandboxDown, sandboxUp } from '#engine/sandbox/sandbox.ts'
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
  /** What a client that logs in with exactly this password is told by `SELECT CURRENT_USER()`, or its error. */
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
