import { differs, type Kind } from '../resource.ts'
import type { Server } from './questions.ts'
import { parseServer, probeServer } from './server.ts'
import { identifier, runSql } from './sql.ts'

/** A database with the character set and collation that new tables in it get; or none of that name. */
export type WantedDatabase = { readonly database: string } & (
  | { readonly present: true; readonly charset: string; readonly collation: string }
  | { readonly present: false }
)

/** Source: information_schema.SCHEMATA. */
export const databases: Kind<WantedDatabase, Server> = {
  noun: 'mysql database',
  probe: probeServer,
  parse: parseServer,

  diff(wanted, server) {
    const found = server.databases.get(wanted.database)
    if (!wanted.present) return found ? differs('state', 'present', 'absent') : []
    if (!found) return differs('state', 'absent', 'present')
    return [
      ...differs('character set', found.charset, wanted.charset),
      ...differs('collation', found.collation, wanted.collation),
    ]
  },

  apply(wanted, server) {
    const name = identifier(wanted.database)
    if (!wanted.present) return runSql([`DROP DATABASE IF EXISTS ${name}`])
    const verb = server.databases.has(wanted.database) ? 'ALTER DATABASE' : 'CREATE DATABASE IF NOT EXISTS'
    return runSql([`${verb} ${name} CHARACTER SET ${wanted.charset} COLLATE ${wanted.collation}`])
  },
}
