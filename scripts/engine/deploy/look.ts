import { readFileSync } from 'node:fs'
import { HostError } from '#engine/errors.ts'
import { quoteAll } from '#engine/quote.ts'
import { type Manifest, parseManifest } from './manifest.ts'
import { type LogLine, type Release, type ReleaseFacts, readReleases } from './release.ts'
import { type AppSettings, homeOf } from './settings.ts'

/** What a host has of an app. */
export interface Found {
  /** The release that `current` leads to; undefined: nothing was ever live. */
  readonly current: string | undefined
  /** Newest deploy first. */
  readonly releases: readonly Release[]
  /** Those with an instance that runs. */
  readonly running: readonly string[]
  /** The digest of the migrations that were run last, and the release that ran them. */
  readonly migrated: { readonly digest: string; readonly release: string } | undefined
  /** Why deploys are frozen; undefined: they aren't. */
  readonly frozen: string | undefined
  /** Visitors get the maintenance page. */
  readonly maintenance: boolean
  readonly bytesFree: number
  readonly inodesFree: number
  /** A kept release that an upload can be the difference to, and hashes that others have beside it. */
  readonly base:
    | { readonly id: string; readonly manifest: Manifest; readonly more: ReadonlySet<string> }
    | undefined
  /** Half releases of killed deploys that were removed. */
  readonly cleaned: number
}

/** Shell that tells what a host has. `sha256`: also what to build that content on, where no release has it yet. */
export function lookScript({ app, shared }: AppSettings, sha256: string, clean: boolean): string {
  return `perl -e ${quoteAll([look, '--', homeOf(app), app, sha256, clean ? '1' : '', ...shared])}\n`
}

/** What `lookScript` told. Throws HostError for a host where nothing can be deployed, saying what to do. */
export function parseLook(host: string, { app }: AppSettings, output: Buffer): Found {
  const { values, manifest } = read(output)
  const all = (key: string) => values.get(key) ?? []
  const one = (key: string) => all(key)[0]
  refuseUnready(host, app, all)
  const migrated = one('migrated')
  const base = one('base')
  const line = migrated === undefined ? undefined : (JSON.parse(migrated) as LogLine)
  return {
    current: one('current') || undefined,
    releases: readReleases(
      all('release').map(text => JSON.parse(text) as ReleaseFacts),
      all('log').map(text => JSON.parse(text) as LogLine),
    ),
    running: all('running'),
    migrated: line && { digest: line.migrations ?? '', release: line.release },
    frozen: one('frozen')?.trim(),
    maintenance: one('maintenance') !== undefined,
    bytesFree: Number(one('bytes')),
    inodesFree: Number(one('inodes')),
    base:
      base === undefined
        ? undefined
        : {
            id: base,
            manifest: parseManifest(manifest.toString('latin1')),
            more: new Set((one('have') ?? '').split(',').filter(Boolean)),
          },
    cleaned: Number(one('cleaned') ?? 0),
  }
}

function refuseUnready(host: string, app: string, all: (key: string) => readonly string[]): void {
  const problems = all('problem')
  if (problems.length > 0)
    throw new HostError('not-set-up', `${host}: the app ${app} is not set up here`, {
      lines: problems,
      hint: `Run npx zx scripts/site.mjs first: its role app makes the folders and the unit.`,
    })
  const missing = all('missing')
  if (missing.length > 0)
    throw new HostError('shared-missing', `${host}: ${homeOf(app)}/shared has not all that a release needs`, {
      lines: missing.map(name => `${name} is not there`),
      hint: 'Nothing was changed. Put it there, or run npx zx scripts/site.mjs, which makes the folders of app.shared.',
    })
  const astray = all('astray')[0]
  if (astray !== undefined)
    throw new HostError('current-astray', `${host}: ${homeOf(app)}/current ${astray}`, {
      hint: 'Nothing was changed. It has to be a link to releases/<release>, and only deploys make it: move away what is there and run again.',
    })
}

// Pairs end with NUL; the manifest's text follows the last of them, as long as its value says.
function read(output: Buffer): {
  readonly values: ReadonlyMap<string, readonly string[]>
  readonly manifest: Buffer
} {
  const values = new Map<string, string[]>()
  let at = 0
  const next = () => {
    const end = output.indexOf(0, at)
    if (end < 0) return undefined
    const text = output.toString('utf8', at, end)
    at = end + 1
    return text
  }
  for (let key = next(); key !== undefined; key = next()) {
    const value = next() ?? ''
    if (key === 'manifest') return { values, manifest: output.subarray(at, at + Number(value)) }
    values.set(key, [...(values.get(key) ?? []), value])
  }
  return { values, manifest: Buffer.alloc(0) }
}

const look = readFileSync(new URL('look.pl', import.meta.url), 'utf8')
