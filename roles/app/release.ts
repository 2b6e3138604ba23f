import type { AppSettings, Install } from '#engine/resources/release/app.ts'
import { Secret } from '#engine/secret.ts'
import type { Site } from '#engine/vars.ts'
import type { AppVars } from './runtime.ts'

/** What deploys and the role itself have to know of an app, from the role's vars. */
export function appSettings(
  { database, environment, shared, workers, release }: AppVars,
  site: Site,
): AppSettings {
  return {
    app: site.app,
    domain: site.www[0] ?? site.domain,
    ca: `/etc/ssl/capstan/${site.domain}.ca`,
    shared: [...shared, ...release.files],
    health: { ...release.health, timeout: secondsOf(release.health.timeout) },
    workers: Object.keys(workers),
    install: installOf(release.install),
    installTimeout: secondsOf(release.install.timeout),
    migrate: release.migrate,
    migrations: release.migrations,
    database: `${database.name} on ${database.socket}`,
    ownDatabase: database.password !== undefined && !database.shared && isHere(environment['DB_HOST']),
    migrateTimeout: secondsOf(release.migrateTimeout),
    hookTimeout: secondsOf(release.hookTimeout),
    drain: secondsOf(release.drain),
    assets: secondsOf(release.assets),
    serial: release.serial,
    warm: release.warm,
    keep: release.keep,
  }
}

function installOf({ command, folders, files }: AppVars['release']['install']): Install | undefined {
  return command === undefined ? undefined : { command, folders, files: [...lockFiles, ...files] }
}

/** Whether a host name of `app.environment` is the host itself, as it is without one. */
function isHere(name: string | Secret | undefined): boolean {
  const plain = name instanceof Secret ? name.reveal() : name
  return plain === undefined || ['localhost', '127.0.0.1', '::1'].includes(plain)
}

/** Of npm, pnpm, yarn, Composer, pip, Poetry, uv, Pipenv and Bundler. */
const lockFiles = [
  ...['package.json', 'package-lock.json', 'npm-shrinkwrap.json', 'pnpm-lock.yaml', 'yarn.lock'],
  ...['composer.json', 'composer.lock', 'requirements.txt', 'requirements', 'pyproject.toml'],
  ...['poetry.lock', 'uv.lock', 'Pipfile', 'Pipfile.lock', 'Gemfile', 'Gemfile.lock'],
]

/** Whole seconds, rounded up, of `500ms`, `30s`, `5m`, `1h`, `7d`. */
function secondsOf(duration: string): number {
  const units: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 }
  const [, count = '', unit = ''] = /^(\d+)([a-z]+)$/.exec(duration) ?? []
  return Math.ceil(Number(count) * (units[unit] ?? Number.NaN))
}
