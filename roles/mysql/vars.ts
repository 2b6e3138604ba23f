import {
  bytes,
  choice,
  flag,
  identifier,
  integer,
  list,
  number,
  optional,
  secret,
  text,
  vars,
} from '#engine/vars.ts'
import { clientHost, listenAddress } from './addresses.ts'
import { appPrivileges, privileges } from './privileges.ts'

export default vars(
  {
    server: choice(['mariadb', 'mysql'], {
      default: 'mariadb',
      is: 'the database server; Debian 12 and 13 have no mysql. A host that has the other one, or its data, is refused',
    }),
    password: optional(
      secret({
        is: 'password of the site’s database user; default: that of site.database. Without one, there is no database. Only its hash is sent to the server',
      }),
      ({ site }) => site.database.password,
    ),
    database: identifier({
      default: ({ site }) => site.database.name,
      is: 'name of the site’s database',
    }),
    user: identifier({ default: ({ site }) => site.database.user, is: 'name of the site’s database user' }),
    from: list(clientHost(), {
      default: ['localhost', '127.0.0.1'],
      min: 1,
      is: 'where the user may connect from: localhost is the Unix socket, 127.0.0.1 is port 3306 on the host itself; the address of another host requires mysql.listen, and its connections have to be encrypted',
    }),
    privileges: list(choice(privileges), {
      default: appPrivileges,
      min: 1,
      is: 'privileges of the user on its database; all others are revoked',
    }),
    collation: text({
      pattern: /utf8mb4_[a-z0-9_]+/,
      expects: 'a collation of utf8mb4, such as utf8mb4_unicode_ci',
      default: 'utf8mb4_unicode_ci',
      is: 'collation of the server and of the app’s database; existing tables keep theirs',
    }),
    bufferPool: optional(
      bytes({
        is: 'size of the InnoDB buffer pool; default: about a quarter of the host’s memory, at least 128m',
      }),
    ),
    maxConnections: optional(
      integer({
        min: 10,
        max: 100_000,
        is: 'number of concurrent connections; default: 50 to 500, depending on the host’s memory',
      }),
    ),
    binaryLogs: integer({
      min: 0,
      max: 365,
      default: 0,
      is: 'days that binary logs are kept: with them a backup can be restored to any moment since. 0: no binary logs',
    }),
    listen: list(listenAddress(), {
      default: [],
      is: 'addresses to listen on in addition to 127.0.0.1. The firewall of the role base opens port 3306 to the addresses in mysql.from alone. All connections over TCP have to be encrypted, those to 127.0.0.1 too',
    }),
    removeUndeclared: flag({
      default: false,
      is: 'drop the accounts of the server that no role declares; by default they are reported. Those of the server and of Debian stay',
    }),
    keepAccounts: list(
      text({
        pattern: /[^@\n]{1,80}@[a-z0-9%_.:/-]{1,255}/,
        expects: 'an account such as backup@localhost',
      }),
      { default: [], is: 'accounts made by others, which are neither reported nor dropped' },
    ),
    slowQuery: number({
      min: 0,
      max: 3600,
      default: 1,
      is: 'queries that take longer than this many seconds are written to the slow query log',
    }),
  },
  { ofSite: ['password', 'database', 'user', 'from', 'privileges', 'collation'] },
)
