import type { Secret } from '#engine/secret.ts'
import type { Declare, DeclareOptions } from '../resource.ts'
import { absentAccounts, accounts } from './account.ts'
import { databases } from './database.ts'
import { checkedHost, checkedName, checkedWord } from './names.ts'
import type { Privileges } from './privileges.ts'
import { restartAndLook, type ServerSocket } from './restart.ts'
import { everythingIn } from './sql.ts'
import { accountNamed, otherAccounts } from './undeclared.ts'

export interface DatabaseOptions extends DeclareOptions {
  /** Of new tables. utf8mb4 by default. */
  readonly charset?: string
  /** `utf8mb4_unicode_ci` by default: the one that all versions of MariaDB and MySQL have. */
  readonly collation?: string
}

export interface UserOptions extends DeclareOptions {
  /** `localhost` by default: the socket, and where names are resolved 127.0.0.1 too. */
  readonly host?: string
  /** Sent to the host as a hash. */
  readonly password: Secret
  /** Only encrypted connections are accepted; false by default. */
  readonly tls?: boolean
  /** All that it may do, by database: `{ foobar: ['SELECT', 'INSERT'] }`. What else it holds is revoked. */
  readonly grants: Readonly<Record<string, readonly string[]>>
}

export interface AbsentUserOptions extends DeclareOptions {
  /** The hosts at which it may have an account: `['localhost']`. */
  readonly except?: readonly string[]
}

export interface OtherAccountsOptions extends DeclareOptions {
  /** Drops them; by default they are reported. */
  readonly remove?: boolean
  /** Accounts that are left alone: `['backup@localhost']`. */
  readonly keep?: readonly string[]
  /** A sentence that ends the warning: which vars of the role drop or keep the accounts. */
  readonly advice?: string
}

export interface DeclareMysql {
  /** `mysql.database('foobar')`. Another character set than the declared is changed for tables yet to be made. */
  database(name: string, options?: DatabaseOptions): void
  /** No database of this name: it is dropped with all that is in it. */
  absentDatabase(name: string, options?: DeclareOptions): void
  /** `mysql.user('foobar', { password, grants: { foobar: ['SELECT'] } })` */
  user(name: string, options: UserOptions): void
  /** No account of this user at any host; `''` is the anonymous one. */
  absentUser(name: string, options?: AbsentUserOptions): void
  /** Accounts that no role of the host declares, and that the server does not create itself, are reported or dropped. */
  otherAccounts(options?: OtherAccountsOptions): void
  /** root logs in over the Unix socket only, and has all privileges. */
  root(options?: DeclareOptions): void
  /**
   * Shell for a handler: restarts the server, waits until it answers, and fails where it listens on another socket, or
   * where one of these global variables has another value than its file gave it: `{ local_infile: 'OFF' }`.
   */
  restart(socket: ServerSocket, inForce: Readonly<Record<string, string | number>>): string
}

/** Databases and accounts of a MariaDB or MySQL server on the host, read and changed as root over the Unix socket. */
export function mysql(declare: Declare): DeclareMysql {
  const absentUser = (name: string, { except = [], ...options }: AbsentUserOptions = {}) => {
    const others = except.length === 0 ? 'at any host' : `at any host but ${except.join(', ')}`
    const item = {
      name: `${name || 'anonymous'} ${others}`,
      wanted: { user: checkedName('user', name), except },
    }
    declare(absentAccounts, item, options)
  }
  return {
    absentUser,

    database(name, { charset = 'utf8mb4', collation = 'utf8mb4_unicode_ci', ...options } = {}) {
      const args = { charset: checkedWord(charset), collation: checkedWord(collation) }
      const wanted = { database: checkedName('database', name), present: true, ...args } as const
      declare(databases, { name, wanted }, options)
    },

    absentDatabase(name, options) {
      declare(
        databases,
        { name, wanted: { database: checkedName('database', name), present: false } },
        options,
      )
    },

    user(name, { host = 'localhost', password, grants, tls = false, ...options }) {
      const wanted = {
        ...{ user: checkedName('user', name), host: checkedHost(host) },
        ...{ login: { by: 'password', password } as const, tls, privileges: privileges(grants) },
      }
      declare(accounts, { name: `${name}@${host}`, wanted }, options)
    },

    root(options) {
      const wanted = {
        user: 'root',
        host: 'localhost',
        login: { by: 'unix_socket' },
        tls: false,
        privileges: 'everything',
      } as const
      declare(accounts, { name: 'root@localhost', wanted }, options)
      absentUser('root', { except: ['localhost'], ...options })
    },

    otherAccounts({ remove = false, keep = [], advice = defaultAdvice, ...options } = {}) {
      const names = keep.map(accountNamed)
      for (const { user, host } of names) {
        checkedName('user', user)
        checkedHost(host)
      }
      const wanted = { everyAccount: true, remove, keep: names, advice, declared: [], decided: [] } as const
      declare(otherAccounts, { name: 'that no role declares', wanted }, options)
    },

    restart: restartAndLook,
  }
}

const defaultAdvice = 'Drop them, or declare those that you use.'

function privileges(grants: UserOptions['grants']): Privileges {
  return new Map(
    Object.entries(grants).map(([database, args]) => [
      everythingIn(checkedName('database', database)),
      new Set(args.map(checkedWord)),
    ]),
  )
}
