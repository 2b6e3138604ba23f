import type { AppSettings } from '#engine/resources/release/app.ts'

/** An app’s settings, all quick; tests change what they are about. */
export const settings: AppSettings = {
  ...{ app: 'foobar', domain: 'www.foobar.com', ca: '', shared: [], workers: [] },
  ...{ health: { path: '/health', timeout: 1, passes: 1 }, drain: 1, assets: 0, keep: 5, warm: false },
  ...{ serial: undefined, database: 'foobar', ownDatabase: false },
  ...{ migrate: undefined, migrations: undefined, migrateTimeout: 1, hookTimeout: 1 },
  ...{ install: undefined, installTimeout: 1 },
}
