import type { Flavour } from './flavour.ts'
import type { Login } from './login.ts'
import { account, identifier, literal } from './sql.ts'

/** What a resource needs to read: a database, all accounts of a user, the privileges of one of them, or every account. */
export interface Asking {
  readonly database?: string
  readonly user?: string
  readonly host?: string
  readonly everyAccount?: true
}

/** The state of the server, as far as it was read. */
export interface Server {
  readonly flavour: Flavour
  readonly databases: ReadonlyMap<string, Database>
  /** By `account(user, host)`. */
  readonly accounts: ReadonlyMap<string, Account>
  /** All that are not roles, without their privileges; absent if they were not read. */
  readonly every: readonly Account[] | undefined
  /** The content of `recordFile`, see undeclared.ts; empty if there is no such file. */
  readonly record: string
}

export interface Database {
  readonly charset: string
  readonly collation: string
}

export interface Account {
  readonly user: string
  readonly host: string
  /** Any one of them works. Empty if the account is deleted and only its privileges are left. */
  readonly logins: readonly Login[]
  /** Why a correct login fails: `locked`, `password expired`, `a second factor`. */
  readonly barred: readonly string[]
  /** What its connections require. */
  readonly requires: 'nothing' | 'TLS' | 'a client certificate'
  /** By the target as GRANT writes it: `` {'`foobar`.*': {'SELECT', 'GRANT OPTION'}} ``. */
  readonly privileges: ReadonlyMap<string, ReadonlySet<string>>
  /** What it holds besides, as REVOKE writes it: the role `` '`admin`' ``, `` 'PROXY ON `root`@`localhost`' ``. */
  readonly memberships: readonly string[]
}

/**
 * The questions, as SQL. Each row they give is a word and values in hex, so that no name can break it. Accounts are read
 * from the server's own table: MariaDB has one with JSON and roles without a host, MySQL has columns and roles that are accounts.
 */
export function questions(items: readonly Asking[], flavour: Flavour, every: boolean): readonly string[] {
  const names = items.flatMap(item => item.user ?? [])
  // Without a host it is a role.
  const users = `${within('User', names)} AND Host <> ''`
  const grantee = within('GRANTEE', [...granteesOf(items).keys()])
  const granted = (word: string, columns: readonly string[]) =>
    ask(
      word,
      ['GRANTEE', ...columns, 'PRIVILEGE_TYPE', 'IS_GRANTABLE'],
      `information_schema.${word}_PRIVILEGES`,
      grantee,
    )
  return [
    `SELECT 'SERVER', HEX('${flavour}')`,
    ask(
      'DATABASE',
      ['SCHEMA_NAME', 'DEFAULT_CHARACTER_SET_NAME', 'DEFAULT_COLLATION_NAME'],
      'information_schema.SCHEMATA',
      within(
        'SCHEMA_NAME',
        items.flatMap(item => item.database ?? []),
      ),
    ),
    accountsOf[flavour]('ACCOUNT', users),
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
    flavour === 'mariadb'
      ? ask('ROLE', ['User', 'Host', 'Role'], 'mysql.roles_mapping', users)
      : ask(
          'ROLE',
          ['TO_USER', 'TO_HOST', 'FROM_USER', 'FROM_HOST'],
          'mysql.role_edges',
          within('TO_USER', names),
        ),
    ask('PROXY', ['User', 'Host', 'Proxied_user', 'Proxied_host'], 'mysql.proxies_priv', users),
    ...(every ? ["SELECT 'ALL', ''", accountsOf[flavour]('EVERY', notRole[flavour])] : []),
  ]
}

const accountsOf: Readonly<Record<Flavour, (word: string, where: string) => string>> = {
  mariadb: (word, where) => ask(word, ['User', 'Host', 'Priv'], 'mysql.global_priv', where),
  mysql: (word, where) =>
    ask(
      `MY${word}`,
      [
        ...[
          'User',
          'Host',
          'plugin',
          'authentication_string',
          'account_locked',
          'password_expired',
          'ssl_type',
        ],
        "COALESCE(User_attributes, '{}')",
      ],
      'mysql.user',
      where,
    ),
}

// A role of MySQL is an account that is locked and has no password.
const notRole: Readonly<Record<Flavour, string>> = {
  mariadb: "Host <> ''",
  mysql: "NOT (account_locked = 'Y' AND authentication_string = '')",
}

function ask(word: string, columns: readonly string[], from: string, where: string): string {
  return `SELECT '${word}', ${columns.map(column => `HEX(${column})`).join(', ')} FROM ${from} WHERE ${where}`
}

/** The server as these rows describe it. Throws on a row of another kind than those of `questions`. */
export function serverOf(rows: readonly string[], items: readonly Asking[]): Server {
  const databases = new Map<string, Database>()
  const accounts = new Map<string, Draft>()
  const every = new Map<string, Draft>()
  const grantees = granteesOf(items)
  let [flavour, isEveryAsked, record]: [Flavour, boolean, string] = ['mariadb', false, '']
  const draftIn = (drafts: Map<string, Draft>, user: string, host: string): Draft => {
    const key = account(user, host)
    const found = drafts.get(key) ?? emptyDraft(user, host)
    drafts.set(key, found)
    return found
  }
  const draft = (user: string, host: string) => draftIn(accounts, user, host)
  const grant = (grantee: string, target: string, privileges: readonly string[]) => {
    const asked = grantees.get(grantee)
    if (asked) hold(draft(asked.user, asked.host), target, privileges)
  }

  for (const row of rows) {
    const [word, ...cells] = row.split('\t')
    const values = cells.map(hex => Buffer.from(hex, 'hex').toString())
    const [a = '', b = '', c = '', d = '', e = '', f = ''] = values
    if (word === 'SERVER') flavour = a === 'mysql' ? 'mysql' : 'mariadb'
    else if (word === 'ALL') isEveryAsked = true
    else if (word === 'RECORD') record = a
    else if (word === 'DATABASE') databases.set(a, { charset: b, collation: c })
    else if (word === 'ACCOUNT') accept(c, () => draft(a, b))
    else if (word === 'EVERY') accept(c, () => draftIn(every, a, b))
    else if (word === 'MYACCOUNT') acceptColumns(values, draft(a, b))
    else if (word === 'MYEVERY') acceptColumns(values, draftIn(every, a, b))
    else if (word === 'REMNANT') draft(a, b)
    else if (word === 'USER') grant(a, '*.*', privilege(b, c))
    else if (word === 'SCHEMA') grant(a, `${identifier(b)}.*`, privilege(c, d))
    else if (word === 'TABLE') grant(a, `${identifier(b)}.${identifier(c)}`, privilege(d, e))
    else if (word === 'COLUMN')
      grant(a, `${identifier(b)}.${identifier(c)}`, privilege(`${e} (${identifier(d)})`, f))
    else if (word === 'ROUTINE')
      hold(draft(a, b), `${c} ${identifier(d)}.${identifier(e)}`, routinePrivileges(f))
    else if (word === 'ROLE')
      draft(a, b).memberships.push(flavour === 'mysql' ? account(c, d) : identifier(c))
    else if (word === 'PROXY') draft(a, b).memberships.push(`PROXY ON ${account(c, d)}`)
    else throw new Error(`a row of the SQL batch has an unknown word: ${row.slice(0, 80)}`)
  }
  return { flavour, databases, accounts, every: isEveryAsked ? [...every.values()] : undefined, record }
}

interface Draft extends Account {
  logins: Login[]
  barred: string[]
  requires: Account['requires']
  readonly memberships: string[]
  readonly privileges: Map<string, Set<string>>
}

function emptyDraft(user: string, host: string): Draft {
  return {
    ...{ user, host, logins: [], barred: [], requires: 'nothing', memberships: [] },
    privileges: new Map<string, Set<string>>(),
  }
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
  const tls = Number(held.ssl_type ?? 0)
  found.requires = tls === 0 ? 'nothing' : tls === 1 ? 'TLS' : 'a client certificate'
}

// Source: MySQL, Grant Tables. A second password and further factors are attributes, in JSON.
function acceptColumns(values: readonly string[], found: Draft): void {
  const [, , plugin = '', secret = '', locked, expired, tls, attributes = '{}'] = values
  const held = JSON.parse(attributes) as Record<string, unknown>
  found.logins = [{ plugin, secret }]
  if (held['additional_password'] !== undefined) found.logins.push({ plugin, secret: '$A$ the former' })
  if (locked === 'Y') found.barred.push('locked')
  if (expired === 'Y') found.barred.push('password expired')
  if (held['multi_factor_authentication'] !== undefined) found.barred.push('a second factor')
  found.requires = tls === '' ? 'nothing' : tls === 'ANY' ? 'TLS' : 'a client certificate'
}

function hold(draft: Draft, target: string, privileges: readonly string[]): void {
  if (privileges.length === 0) return
  const held = draft.privileges.get(target) ?? new Set()
  for (const word of privileges) held.add(word)
  draft.privileges.set(target, held)
}

// USAGE means no privilege.
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
