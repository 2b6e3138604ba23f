import { differs, type Kind } from '../resource.ts'
import { here } from '../shell.ts'
import { absentAccounts, accounts, type WantedAccount, type WantedNoAccount } from './account.ts'
import { isOpen, isWithoutPassword } from './login.ts'
import type { Account, Server } from './questions.ts'
import { recordFile } from './record.ts'
import { parseServer, probeServer } from './server.ts'
import { account, runSql } from './sql.ts'

/** No account but those that the roles of the host declare, those of the server itself, and these. */
export interface WantedOthers {
  readonly everyAccount: true
  /** Dropped; false: reported. */
  readonly remove: boolean
  readonly keep: readonly AccountName[]
  /** What to do about others, a sentence of the warning. */
  readonly advice: string
  /** By all roles of the host; `complete` fills them in. */
  readonly declared: readonly AccountName[]
  /** Users whose hosts a role declares. */
  readonly decided: readonly string[]
}

export interface AccountName {
  readonly user: string
  readonly host: string
}

/** Source: mysql.global_priv and mysql.user; the packages of Debian. */
export const otherAccounts: Kind<WantedOthers, Server> = {
  noun: 'mysql user',
  probe: probeServer,
  parse: parseServer,

  complete(wanted, all) {
    const of = <W>(kind: unknown) => all.filter(one => one.kind === kind).map(one => one.wanted as W)
    const declared = of<WantedAccount>(accounts).map(({ user, host }) => ({ user, host }))
    return { ...wanted, declared, decided: of<WantedNoAccount>(absentAccounts).map(({ user }) => user) }
  },

  diff(wanted, server) {
    const others = wanted.remove ? undeclared(wanted, server.every ?? []) : []
    const isCurrent = server.record === recordOf(wanted, server)
    return [
      ...others.flatMap(each => differs(account(each.user, each.host), 'present', 'absent')),
      ...differs('record for status.mjs', isCurrent ? 'current' : 'another', 'current'),
    ]
  },

  apply(wanted, server) {
    const others = wanted.remove ? undeclared(wanted, server.every ?? []) : []
    const drop = runSql(others.map(each => `DROP USER ${account(each.user, each.host)}`))
    const write = `mkdir -p -m 0700 /var/lib/capstan\n${here(`put ${recordFile} 0600 root root`, recordOf(wanted, server))}`
    return `${others.length > 0 ? drop : ''}${write}`
  },

  warning(wanted, server) {
    const others = undeclared(wanted, server.every ?? [])
    if (others.length === 0) return undefined
    const names = others.map(each => `${account(each.user, each.host)} (${describe(each)})`).join(', ')
    return `no role declares these accounts of the database server: ${names}. ${wanted.advice}`
  },
}

/** Accounts that the server and its packages create. */
const systemAccounts: readonly AccountName[] = [
  ...[
    'root',
    'mysql',
    'mariadb.sys',
    'mysql.sys',
    'mysql.session',
    'mysql.infoschema',
    'debian-sys-maint',
  ].map(user => ({ user, host: 'localhost' })),
  ...['localhost', '127.0.0.1', '::1'].map(host => ({ user: 'healthcheck', host })),
]

function undeclared(
  { keep, declared, decided }: WantedOthers,
  every: readonly Account[],
): readonly Account[] {
  const known = new Set([...systemAccounts, ...keep, ...declared].map(each => account(each.user, each.host)))
  return every.filter(each => !known.has(account(each.user, each.host)) && !decided.includes(each.user))
}

// In a run with some of the host's roles only, the accounts of the others stay in it.
function recordOf({ keep, declared }: WantedOthers, { every, record }: Server): string {
  const hex = (text: string) => Buffer.from(text).toString('hex').toUpperCase()
  const all = [...systemAccounts, ...keep, ...declared].map(({ user, host }) => `${hex(user)} ${hex(host)}`)
  const known = every === undefined ? record.split('\n').filter(Boolean) : []
  return [...new Set([...all, ...known])]
    .sort()
    .map(line => `${line}\n`)
    .join('')
}

function describe({ logins, barred }: Account): string {
  if (barred.includes('locked') || !logins.some(isOpen)) return 'cannot log in'
  return logins.some(isWithoutPassword) ? 'no password' : logins.map(({ plugin }) => plugin).join(' or ')
}

/** The account that a text names, `backup@localhost`: the host follows the last @. */
export function accountNamed(text: string): AccountName {
  const at = text.lastIndexOf('@')
  return { user: text.slice(0, at), host: text.slice(at + 1) }
}
