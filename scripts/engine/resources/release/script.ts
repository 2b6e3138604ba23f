import { readFileSync } from 'node:fs'
import { quote } from '#engine/quote.ts'
import { functions as workers } from '#engine/resources/workers.ts'
import type { ReleaseApp } from './app.ts'
import { hashedName } from './hashed-name.ts'

/** What a release is brought to life by. */
export interface ReleaseChange {
  /** The release's id. */
  readonly release: string
  /** What it was made from; an empty string: not known. */
  readonly ref: string
  readonly how: 'deploy' | 'rollback' | 'restart'
}

/** Variables and functions of release.sh, ahead of shell that calls them. The stage has set RUN and BY, a run's id and who runs it. */
export function releaseShell(
  { app, ca, warm, installTimeout, migrateTimeout, hookTimeout }: ReleaseApp,
  change: ReleaseChange,
): string {
  const variables = {
    APP: app,
    BASE: homeOf(app),
    CA: ca,
    RELEASE: change.release,
    REF: change.ref,
    WARM: warm ? '1' : '',
    HOW: change.how,
    SYSTEM_PATH: systemPath,
    INSTALL_LIMIT: String(installTimeout),
    MIGRATE_LIMIT: String(migrateTimeout),
    HOOK_LIMIT: String(hookTimeout),
    ANSWERED: `/run/capstan/deploy-${app}.answered`,
    ASK: ask,
    DRAIN: drain,
    CONFIGURE: configure,
    COPY: copy,
    DEPENDENCIES: dependencies,
    INTACT: intact,
    HASHED: hashedName,
  }
  const set = Object.entries(variables).map(([name, value]) => `${name}=${quote(value)}\n`)
  return [...set, 'SINCE=$(date +%s)\n', workers, functions].join('')
}

/** Shell that asks the release on its own socket, through nginx, until it is healthy. */
export function gateShell({ app, domain, health }: ReleaseApp): string {
  const at = [`/run/nginx-gate/${app}.sock`, health.path, domain].map(quote).join(' ')
  return `gate ${at} ${health.passes} ${health.timeout}\nrecord ready\n`
}

/** Shell that asks the site as a visitor does until the live release answers. */
export function verifyShell({ domain, health }: ReleaseApp): string {
  const seconds = Math.min(health.timeout, 3)
  return `verify ${quote(health.path)} ${quote(domain)} ${health.passes} ${seconds}\n`
}

/** Shell that records the live release as good, starts it at boot and keeps its assets. */
export function goodShell({ assets }: ReleaseApp): string {
  return `found_good ${Math.ceil(assets / 60)}\n`
}

/** The app's folder on a host. */
export function homeOf(app: string): string {
  return `/srv/www/${app}`
}

/** Perl functions that read an app's configuration, for a program of their own. */
export const configuration = read('configuration.pl')

/** PATH of a service, as systemd sets it. */
export const systemPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** Perl that reads the paths of a manifest, for a program of its own. */
export const manifest = read('manifest.pl')

const functions = read('release.sh')
/** Perl that asks a site until it answers as expected; its arguments are in its first lines. */
export const ask = read('ask.pl')
const drain = read('drain.pl')
const configure = read('configure.pl') + configuration + manifest
const copy = read('copy.pl') + manifest
const dependencies = read('dependencies.pl') + manifest
const intact = read('intact.pl') + manifest

function read(name: string): string {
  return readFileSync(new URL(name, import.meta.url), 'utf8')
}
