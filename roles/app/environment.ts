import type { Secret } from '#engine/secret.ts'
import type { AppVars } from './runtime.ts'

type Value = string | Secret

/** The app's variables by name, those of `environment` above those of the database. */
export function environment({ database, environment: own }: AppVars): Readonly<Record<string, Value>> {
  if (database.password === undefined) return own
  return {
    DB_HOST: 'localhost',
    DB_SOCKET: database.socket,
    DB_NAME: database.name,
    DB_USER: database.user,
    DB_PASSWORD: database.password,
    ...own,
  }
}
