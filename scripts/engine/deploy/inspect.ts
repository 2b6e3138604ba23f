import { readFileSync } from 'node:fs'
import { HostError } from '#engine/errors.ts'
import { quoteAll } from '#engine/quote.ts'
import type { AppSettings } from '#engine/resources/release/app.ts'
import { homeOf } from '#engine/resources/release/script.ts'
import { digest, type Manifest, parseManifest } from './manifest.ts'
import { type LogLine, type Release, type ReleaseFacts, type ReleaseState, readReleases } from './release.ts'

/** What a host has of an app. */
export interface AppState {
  /** The release that `current` leads to; undefined: nothing was ever live. */
  readonly current: string | undefined
  /** Newest deploy first. */
  readonly releases: readonly Release[]
  /** Those with an instance that runs. */
  readonly running: readonly string[]
  /** The live release's server takes connections, or it needs none. */
  readonly answers: boolean
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
  /** What could not be read; nothing is pruned then, as it may be about a release that is good. */
  readonly doubts: readonly string[]
}

/** Shell that prints what a host has. `sha256`: also what to build that content on, where no release has it yet. */
export function inspectScript({ app, shared }: AppSettings, sha256: string, locked: boolean): string {
  const args = [homeOf(app), app, sha256, locked ? '1' : '', ...shared]
  return `perl -e ${quoteAll([inspector, '--', ...args])}\n`
}

/** What `inspectScript` printed. Throws HostError for a host where nothing can be deployed, saying what to do. */
export function parseAppState(host: string, { app }: AppSettings, output: Buffer): AppState {
  const { values, manifest } = readPairs(output)
  const all = (key: string) => values.get(key) ?? []
  const one = (key: string) => all(key)[0]
  refuseUnready(host, app, all)
  const doubts = [...all('doubt')]
  const parse = <T>(text: string): readonly T[] => {
    try {
      return [JSON.parse(text) as T]
    } catch {
      doubts.push(`${text.slice(0, 60)}… is no JSON`)
      return []
    }
  }
  const facts = all('release').flatMap(text => parse<ReleaseFacts>(text))
  const states = new Map(all('state').map(text => text.split(' ') as [string, ReleaseState]))
  const [migrated] = all('migrated').flatMap(text => parse<LogLine>(text))
  return {
    current: one('current') || undefined,
    releases: readReleases(
      facts,
      all('log').flatMap(text => parse<LogLine>(text)),
      states,
    ),
    running: all('running'),
    answers: one('answers') !== undefined,
    migrated: migrated && { digest: migrated.migrations ?? '', release: migrated.release },
    frozen: one('frozen')?.trim(),
    maintenance: one('maintenance') !== undefined,
    bytesFree: Number(one('bytes')),
    inodesFree: Number(one('inodes')),
    base: baseOf(one('base'), one('have') ?? '', manifest, facts, doubts),
    cleaned: Number(one('cleaned') ?? 0),
    doubts,
  }
}

/** The error where `inspectScript` came to no end. */
export function unreadable(host: string, { app }: AppSettings, stderr: string): HostError {
  return new HostError('inspect', `${host}: the releases of ${app} can’t be read`, {
    lines: stderr.trimEnd().split('\n').slice(-5),
    hint: 'Nothing was changed. Log in and check the files in the lines above.',
  })
}

function baseOf(
  id: string | undefined,
  have: string,
  manifest: Buffer,
  facts: readonly ReleaseFacts[],
  doubts: string[],
): AppState['base'] {
  if (id === undefined) return undefined
  try {
    const read = parseManifest(manifest.toString('latin1'))
    if (digest(read) === facts.find(one => one.id === id)?.sha256)
      return { id, manifest: read, more: new Set(have.split(',').filter(Boolean)) }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
  }
  doubts.push(`releases/${id}/.capstan/manifest is garbled: all files are sent`)
  return undefined
}

function refuseUnready(host: string, app: string, all: (key: string) => readonly string[]): void {
  const problems = all('problem')
  if (problems.length > 0)
    throw new HostError('not-set-up', `${host}: the app ${app} is not set up here`, {
      lines: problems,
      hint: 'Run npx zx scripts/site.mjs first: its role app creates the folders, the unit and the configuration.',
    })
  const missing = all('missing')
  if (missing.length > 0)
    throw new HostError('shared-missing', `${host}: ${homeOf(app)}/shared is incomplete`, {
      lines: missing.map(name => `${name} is missing`),
      hint: 'Nothing was changed. Restore it, or run npx zx scripts/site.mjs, which creates the folders of app.shared.',
    })
  const astray = all('astray')[0]
  if (astray !== undefined)
    throw new HostError('current-astray', `${host}: ${homeOf(app)}/current ${astray}`, {
      hint: 'Nothing was changed. It must be a link to releases/<release>, which only deploys create: move away the current file or folder and run again.',
    })
}

/** What `inspectScript` printed, as pairs. They end with NUL; the manifest's text follows the last of them, as long as its value says. */
export function readPairs(output: Buffer): {
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
    const before = values.get(key)
    if (before) before.push(value)
    else values.set(key, [value])
  }
  return { values, manifest: Buffer.alloc(0) }
}

const inspector = readFileSync(new URL('inspect.pl', import.meta.url), 'utf8')
