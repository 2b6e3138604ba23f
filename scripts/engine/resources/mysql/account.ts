import type { Difference } from '#engine/output/events.ts'
import { differs, type Kind } from '../resource.ts'
import { foundWords, identified, type WantedLogin, wantedWords } from './login.ts'
import {
  type PrivilegeChange,
  privilegeChanges,
  privilegeDifference,
  privilegeStatements,
  type WantedPrivileges,
} from './privileges.ts'
import type { Account, Server } from './questions.ts'
import { parseServer, probeServer } from './server.ts'
import { account, runSql } from './sql.ts'

/** One account: how it gets in, and all that it may do. */
export interface WantedAccount {
  readonly user: string
  readonly host: string
  readonly login: WantedLogin
  readonly privileges: WantedPrivileges
}

/** Source: mysql.global_priv and information_schema.*_PRIVILEGES. */
export const accounts: Kind<WantedAccount, Server> = {
  noun: 'mysql user',
  probe: probeServer,
  parse: parseServer,

  diff(wanted, server) {
    const found = accountIn(server, wanted)
    return [
      ...(found ? loginDifferences(wanted, found) : differs('state', 'absent', 'present')),
      ...changes(wanted, found).map(privilegeDifference),
      ...tooManyMemberships(wanted, found).map(each => ({ what: each, found: 'held', wanted: 'not held' })),
    ]
  },

  apply(wanted, server) {
    const found = accountIn(server, wanted)
    const name = account(wanted.user, wanted.host)
    return runSql([
      // Privileges that outlived their account keep CREATE USER from making it.
      ...(!found && server.accounts.has(name) ? [`DROP USER ${name}`] : []),
      ...loginStatements(wanted, found, name),
      ...privilegeStatements(changes(wanted, found), name),
      ...tooManyMemberships(wanted, found).map(each => `REVOKE ${each} FROM ${name}`),
    ])
  },
}

/** No account of this user, except at these hosts. */
export interface WantedNoAccount {
  readonly user: string
  readonly except: readonly string[]
}

/** Source: mysql.global_priv; mysql.db for privileges that outlived their account. */
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

function loginDifferences({ login }: WantedAccount, found: Account): readonly Difference[] {
  return [
    ...differs('login by', foundWords(found.logins, login), wantedWords(login)),
    ...differs('barred by', found.barred.join(', ') || 'nothing', 'nothing'),
  ]
}

function loginStatements(wanted: WantedAccount, found: Account | undefined, name: string): readonly string[] {
  if (!found) return [`CREATE USER ${name} ${identified(wanted.login)}`]
  if (loginDifferences(wanted, found).length === 0) return []
  return [`ALTER USER ${name} ${identified(wanted.login)} REQUIRE NONE ACCOUNT UNLOCK`]
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
