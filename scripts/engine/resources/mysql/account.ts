import type { Difference } from '#engine/output/events.ts'
import { differs, type Kind } from '../resource.ts'
import type { Flavour } from './flavour.ts'
import { foundWords, identified, type WantedLogin, wantedWords } from './login.ts'
import {
  type PrivilegeChange,
  privilegeChanges,
  privilegeDifference,
  privilegeStatements,
  revoke,
  type WantedPrivileges,
} from './privileges.ts'
import type { Account, Server } from './questions.ts'
import { parseServer, probeServer } from './server.ts'
import { account, runSql } from './sql.ts'

/** One account: its login and all its privileges. */
export interface WantedAccount {
  readonly user: string
  readonly host: string
  readonly login: WantedLogin
  /** It requires encrypted connections. */
  readonly tls: boolean
  readonly privileges: WantedPrivileges
}

/** Source: mysql.global_priv, for MySQL mysql.user, and information_schema.*_PRIVILEGES. */
export const accounts: Kind<WantedAccount, Server> = {
  noun: 'mysql user',
  probe: probeServer,
  parse: parseServer,

  diff(wanted, server) {
    const found = accountIn(server, wanted)
    return [
      ...(found ? loginDifferences(wanted, found, server.flavour) : differs('state', 'absent', 'present')),
      ...changes(wanted, found).map(privilegeDifference),
      ...tooManyMemberships(wanted, found).map(each => ({ what: each, found: 'held', wanted: 'not held' })),
    ]
  },

  apply(wanted, server) {
    const found = accountIn(server, wanted)
    const name = account(wanted.user, wanted.host)
    return runSql([
      // CREATE USER fails while privileges of a deleted account are left.
      ...(!found && server.accounts.has(name) ? [`DROP USER ${name}`] : []),
      ...loginStatements(wanted, found, server.flavour),
      ...privilegeStatements(changes(wanted, found), wanted.privileges, name, server.flavour),
      ...tooManyMemberships(wanted, found).map(each => `${revoke[server.flavour]} ${each} FROM ${name}`),
    ])
  },
}

/** No account of this user, except at these hosts. */
export interface WantedNoAccount {
  readonly user: string
  readonly except: readonly string[]
}

/** Source: mysql.global_priv; mysql.db for privileges that are left of a deleted account. */
export const absentAccounts: Kind<WantedNoAccount, Server> = {
  noun: 'mysql user',
  probe: probeServer,
  parse: parseServer,

  diff(wanted, server) {
    return tooManyAccounts(wanted, server).flatMap(each =>
      differs(account(each.user, each.host), 'present', 'absent'),
    )
  },

  apply(wanted, server) {
    return runSql(tooManyAccounts(wanted, server).map(each => `DROP USER ${account(each.user, each.host)}`))
  },
}

function accountIn(server: Server, { user, host }: WantedAccount): Account | undefined {
  const found = server.accounts.get(account(user, host))
  return found && found.logins.length > 0 ? found : undefined
}

function loginDifferences(
  { login, tls }: WantedAccount,
  found: Account,
  flavour: Flavour,
): readonly Difference[] {
  return [
    ...differs('login by', foundWords(found.logins, login), wantedWords(login, flavour)),
    ...differs('requires', found.requires, tls ? 'TLS' : 'nothing'),
    ...differs('barred by', found.barred.join(', ') || 'nothing', 'nothing'),
  ]
}

function loginStatements(
  wanted: WantedAccount,
  found: Account | undefined,
  flavour: Flavour,
): readonly string[] {
  const name = account(wanted.user, wanted.host)
  const how = identified(wanted.login, flavour)
  if (!found) return [`CREATE USER ${name} ${how}${wanted.tls ? ' REQUIRE SSL' : ''}`]
  if (loginDifferences(wanted, found, flavour).length === 0) return []
  return [
    ...(found.barred.includes('a second factor') ? [`ALTER USER ${name} DROP 2 FACTOR`] : []),
    `ALTER USER ${name} ${how} REQUIRE ${wanted.tls ? 'SSL' : 'NONE'} ACCOUNT UNLOCK`,
    // MySQL keeps the former password as a second one, for a change of password without downtime.
    ...(flavour === 'mysql' && found.logins.length > 1 ? [`ALTER USER ${name} DISCARD OLD PASSWORD`] : []),
  ]
}

function changes(wanted: WantedAccount, found: Account | undefined): readonly PrivilegeChange[] {
  return privilegeChanges(wanted.privileges, found?.privileges ?? new Map())
}

function tooManyMemberships(wanted: WantedAccount, found: Account | undefined): readonly string[] {
  return wanted.privileges === 'everything' ? [] : (found?.memberships ?? [])
}

function tooManyAccounts(wanted: WantedNoAccount, server: Server): readonly Account[] {
  return [...server.accounts.values()].filter(
    each => each.user === wanted.user && !wanted.except.includes(each.host),
  )
}
