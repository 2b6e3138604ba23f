import type { Login } from './login.ts'
import { account, identifier, literal } from './sql.ts'

/** What a resource has to know of: a database, all accounts of a user, the privileges of one of them. */
export interface Asking {
  readonly database?: string
  readonly user?: string
  readonly host?: string
}

/** The server as far as it was asked. */
export interface Server {
  readonly databases: ReadonlyMap<string, Database>
  /** By `account(user, host)`. */
  readonly accounts: ReadonlyMap<string, Account>
}

export interface Database {
  readonly charset: string
  readonly collation: string
}

export interface Account {
  readonly user: string
  readonly host: string
  /** Any one of them lets it in. Empty where the account is gone and only its privileges were left behind. */
  readonly logins: readonly Login[]
  /** What stands in the way of a right login: `locked`, `password expired`, `TLS required`. */
  readonly barred: readonly string[]
  /** By the target as GRANT writes it: `` {'`foobar`.*': {'SELECT', 'GRANT OPTION'}} ``. */
  readonly privileges: ReadonlyMap<string, ReadonlySet<string>>
  /** What it holds besides, as REVOKE writes it: the role `` '`admin`' ``, `` 'PROXY ON `root`@`localhost`' ``. */
  readonly memberships: readonly string[]
}

/**
 * The questions, as SQL. Each row they give is a word and values in hex, so that no name can break it. Accounts are
 * read from MariaDB's own table: MySQL keeps them in columns of mysql.user, and its roles in mysql.role_edges.
 */
export function questions(items: readonly Asking[]): readonly string[] {
  const names = items.flatMap(item => item.user ?? [])
  // Without a host it is a role.
  const users = `${within('User', names)} AND Host <> ''`
  const grantee = within('GRANTEE', [...granteesOf(items).keys()])
  const ask = (word: string, columns: readonly string[], from: string, where: string) =>
    `SELECT '${word}', ${columns.map(column => `HEX(${column})`).join(', ')} FROM ${from} WHERE ${where}`
  const granted = (word: string, columns: readonly string[]) =>
    ask(
      word,
      ['GRANTEE', ...columns, 'PRIVILEGE_TYPE', 'IS_GRANTABLE'],
      `information_schema.${word}_PRIVILEGES`,
      grantee,
    )
  return [
    ask(
      'DATABASE',
      ['SCHEMA_NAME', 'DEFAULT_CHARACTER_SET_NAME', 'DEFAULT_COLLATION_NAME'],
      'information_schema.SCHEMATA',
      within(
        'SCHEMA_NAME',
        items.flatMap(item => item.database ?? []),
      ),
    ),
    ask('ACCOUNT', ['User', 'Host', 'Priv'], 'mysql.global_priv', users),
    ...['db', 'tables_priv', 'columns_priv'].map(table =>
      ask('REMNANT', ['User', 'Host'], `mysql.${table}`, users),
    ),
    granted('USER', []),
    granted('SCHEMA', ['TABLE_SCHEMA']),
    granted('TABLE', ['TABLE_SCHEMA', 'TABLE_NAME']),
    granted('COLUMN', ['TABLE_SCHEMA', 'TABLE_NAME', 'COLUMN_NAME']),
    ask(
      'ROUTINE',
      ['User', 'Host', 'Routine_type', 'Db', 'Routine_name', 'Proc_priv'],
      'mysql.procs_priv',
      users,
    ),
    ask('ROLE', ['User', 'Host', 'Role'], 'mysql.roles_mapping', users),
    ask('PROXY', ['User', 'Host', 'Proxied_user', 'Proxied_host'], 'mysql.proxies_priv', users),
  ]
}

/** The server that these rows tell of. Throws on a row that `questions` don't give. */
export function serverOf(rows: readonly string[], items: readonly Asking[]): Server {
  const databases = new Map<string, Database>()
  const accounts = new Map<string, Draft>()
  const grantees = granteesOf(items)
  const draft = (user: string, host: string): Draft => {
    const key = account(user, host)
    const found = accounts.get(key) ?? {
      ...{ user, host, logins: [], barred: [], memberships: [] },
      privileges: new Map<string, Set<string>>(),
    }
    accounts.set(key, found)
    return found
  }
  const grant = (grantee: string, target: string, privileges: readonly string[]) => {
    const asked = grantees.get(grantee)
    if (asked) hold(draft(asked.user, asked.host), target, privileges)
  }

  for (const row of rows) {
    const [word, ...cells] = row.split('\t')
    const values = cells.map(hex => Buffer.from(hex, 'hex').toString())
    const [a = '', b = '', c = '', d = '', e = '', f = ''] = values
    if (word === 'DATABASE') databases.set(a, { charset: b, collation: c })
    else if (word === 'ACCOUNT') accept(c, () => draft(a, b))
    else if (word === 'REMNANT') draft(a, b)
    else if (word === 'USER') grant(a, '*.*', privilege(b, c))
    else if (word === 'SCHEMA') grant(a, `${identifier(b)}.*`, privilege(c, d))
    else if (word === 'TABLE') grant(a, `${identifier(b)}.${identifier(c)}`, privilege(d, e))
    else if (word === 'COLUMN')
      grant(a, `${identifier(b)}.${identifier(c)}`, privilege(`${e} (${identifier(d)})`, f))
    else if (word === 'ROUTINE')
      hold(draft(a, b), `${c} ${identifier(d)}.${identifier(e)}`, routinePrivileges(f))
    else if (word === 'ROLE') draft(a, b).memberships.push(identifier(c))
    else if (word === 'PROXY') draft(a, b).memberships.push(`PROXY ON ${account(c, d)}`)
    else throw new Error(`a row of the SQL batch has an unknown word: ${row.slice(0, 80)}`)
  }
  return { databases, accounts }
}

interface Draft extends Account {
  logins: Login[]
  barred: string[]
  readonly memberships: string[]
  readonly privileges: Map<string, Set<string>>
}

// Source: https://mariadb.com/kb/en/mysqlglobal_priv-table/; `auth_or` holds all ways in, `{}` for the one outside.
function accept(json: string, draft: () => Draft): void {
  const held = JSON.parse(json) as Record<string, unknown>
  if (held.is_role === true) return
  const ways = Array.isArray(held.auth_or) ? (held.auth_or as Record<string, unknown>[]) : [{}]
  const found = draft()
  found.logins = ways.map(way => {
    const { plugin, authentication_string: secret } = 'plugin' in way ? way : held
    return { plugin: String(plugin ?? ''), secret: String(secret ?? '') }
  })
  if (held.account_locked === true) found.barred.push('locked')
  if (held.password_last_changed === 0) found.barred.push('password expired')
  if (Number(held.ssl_type ?? 0) !== 0) found.barred.push('TLS required')
}

function hold(draft: Draft, target: string, privileges: readonly string[]): void {
  if (privileges.length === 0) return
  const held = draft.privileges.get(target) ?? new Set()
  for (const word of privileges) held.add(word)
  draft.privileges.set(target, held)
}

// USAGE is the server's word for nothing.
function privilege(type: string, grantable: string): readonly string[] {
  return [...(type === 'USAGE' ? [] : [type]), ...(grantable === 'YES' ? ['GRANT OPTION'] : [])]
}

function routinePrivileges(set: string): readonly string[] {
  return set
    .split(',')
    .filter(Boolean)
    .map(word => (word === 'Grant' ? 'GRANT OPTION' : word.toUpperCase()))
}

// information_schema names an account in quotes without escaping them, so names are compared, never parsed.
function granteesOf(items: readonly Asking[]): ReadonlyMap<string, { user: string; host: string }> {
  return new Map(
    items.flatMap(({ user, host }) =>
      user === undefined || host === undefined ? [] : [[`'${user}'@'${host}'`, { user, host }] as const],
    ),
  )
}

function within(column: string, values: readonly string[]): string {
  return values.length === 0 ? 'FALSE' : `${column} IN (${[...new Set(values)].map(literal).join(', ')})`
}
