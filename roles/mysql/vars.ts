import {
  bytes,
  choice,
  identifier,
  integer,
  list,
  number,
  optional,
  secret,
  text,
  vars,
} from '#engine/vars.ts'
import { appPrivileges, privileges } from './privileges.ts'

export default vars({
  password: secret({ is: 'the password of the app’s database user; only its hash reaches the server' }),
  database: identifier({ default: ({ site }) => site.app, is: 'the app’s database' }),
  user: identifier({ default: ({ site }) => site.app, is: 'the app’s database user' }),
  from: list(choice(['localhost', '127.0.0.1']), {
    default: ['localhost', '127.0.0.1'],
    min: 1,
    is: 'where the user may log in from: localhost is the socket, 127.0.0.1 is port 3306 of the host itself',
  }),
  privileges: list(choice(privileges), {
    default: appPrivileges,
    min: 1,
    is: 'all that the user may do, on its database alone; what else it holds is revoked',
  }),
  collation: text({
    pattern: /utf8mb4_[a-z0-9_]+/,
    words: 'a collation of utf8mb4, such as utf8mb4_unicode_ci',
    default: 'utf8mb4_unicode_ci',
    is: 'how the server and the app’s database compare text; tables that exist keep theirs',
  }),
  bufferPool: optional(
    bytes({ is: 'memory for InnoDB’s pages; unset: about a quarter of the host’s, 128m at least' }),
  ),
  maxConnections: optional(
    integer({ min: 10, max: 100_000, is: 'connections at once; unset: 50 to 500, by the host’s memory' }),
  ),
  slowQuery: number({ min: 0, max: 3600, default: 1, is: 'seconds from which a query is in the slow log' }),
})
