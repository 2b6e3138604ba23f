import { createHash } from 'node:crypto'
import { HostError, UsageError } from '#engine/errors.ts'
import type { Emit } from '#engine/output/events.ts'
import { activate, type Candidate } from './activate.ts'
import { isLive, liveOn, lookAt, refuseFrozen } from './candidates.ts'
import { type Came, type DeployResult, finished } from './ending.ts'
import { bytes, HostRun } from './host.ts'
import type { Found } from './look.ts'
import { digest, entryLine, type Manifest } from './manifest.ts'
import { plannedSteps } from './planned.ts'
import { type ReleaseFacts, releaseId } from './release.ts'
import type { AppSettings, Deployer, DeployHost } from './settings.ts'
import { readSource, type Source } from './source.ts'
import { shipment } from './transfer.ts'

export interface DeployOptions {
  readonly hosts: readonly DeployHost[]
  /** The folder to ship. */
  readonly source: string
  /** What it was made from, for people: a commit's short hash and subject. */
  readonly ref?: string
  readonly by: Deployer
  readonly emit: Emit
  /** Seconds to wait for another deploy to end. */
  readonly wait: number
  /** Aborted: nothing is switched that has not been. */
  readonly stop: AbortSignal
  /** Looks and tells what would be done, without the lock; changes nothing. */
  readonly plan?: boolean
}

/**
 * Ships a folder to all hosts and makes it live on all of them or on none. What goes wrong on a host is told as
 * an event and in the exit code; throws only UsageError, for a source that can't be shipped.
 */
export async function deployRelease(options: DeployOptions): Promise<DeployResult> {
  const [first] = options.hosts
  if (!first) throw new UsageError('no-hosts', 'there is no host to deploy to')
  const source = await readSource(options.source, first.settings.shared)
  for (const message of source.notes) options.emit({ event: 'warning', message })
  const runs = options.hosts.map(host => new HostRun(host, options))
  const deploy = new Deploy(options, first.settings, source, runs)
  return finished(runs, 'deploy', options.emit, () => (options.plan ? deploy.plan() : deploy.run()))
}

class Deploy {
  readonly #options: DeployOptions
  readonly #settings: AppSettings
  readonly #source: Source
  readonly #runs: readonly HostRun[]
  readonly #sha256: string

  constructor(options: DeployOptions, settings: AppSettings, source: Source, runs: readonly HostRun[]) {
    this.#options = options
    this.#settings = settings
    this.#source = source
    this.#runs = runs
    this.#sha256 = digest(source.manifest)
  }

  async run(): Promise<Came> {
    const candidates = await lookAt(this.#runs, run => run.look(this.#sha256))
    if (!candidates || refuseFrozen(candidates)) return { outcome: 'failed' }
    const release = this.#facts(knownTo(candidates, this.#sha256))
    const about = { release, previous: liveOn(candidates) }
    if (candidates.every(({ found }) => isLive(found, release.id)))
      return { outcome: 'already live', ...about }
    if (!(await this.#upload(candidates, release))) return { outcome: 'failed', ...about }
    const migrate = this.#migration(candidates, release)
    return { outcome: await activate(candidates, { release, how: 'deploy', migrate }), ...about }
  }

  async plan(): Promise<Came> {
    const candidates = await lookAt(this.#runs, run => run.peek(this.#sha256))
    if (!candidates || refuseFrozen(candidates)) return { outcome: 'failed' }
    const known = knownTo(candidates, this.#sha256)
    // A new release gets the rest of its name, the time, when it is deployed.
    const release = { ...this.#facts(known), ...(known ? {} : { id: this.#sha256.slice(0, 7) }) }
    const about = { release, previous: liveOn(candidates) }
    if (candidates.every(({ found }) => isLive(found, release.id)))
      return { outcome: 'already live', ...about }
    const migrate = this.#migration(candidates, release)
    const { manifest } = this.#source
    for (const [index, candidate] of candidates.entries()) {
      const host = candidate.run.name
      try {
        refuseFull(host, manifest, candidate.found)
      } catch (error) {
        candidate.run.fail(error)
      }
      const steps = plannedSteps(candidate, { release, how: 'deploy', migrate }, manifest, index === 0)
      for (const step of steps) this.#options.emit({ event: 'step', host, state: 'planned', ...step })
    }
    const failed = candidates.some(({ run }) => run.error !== undefined)
    return { outcome: failed ? 'failed' : 'planned', ...about }
  }

  /** A release that a host has with this content is that release, on every host. */
  #facts(known: ReleaseFacts | undefined): ReleaseFacts {
    const { manifest, bytes: size } = this.#source
    const migrations = migrationsDigest(manifest, this.#settings)
    const id = known?.id ?? releaseId(new Date(), this.#sha256)
    return {
      id,
      sha256: this.#sha256,
      ...(this.#options.ref === undefined ? {} : { ref: this.#options.ref }),
      by: this.#options.by.who,
      files: manifest.filter(({ type }) => type === 'file').length,
      bytes: size,
      ...(migrations === undefined ? {} : { migrations }),
    }
  }

  async #upload(candidates: readonly Candidate[], release: ReleaseFacts): Promise<boolean> {
    const { manifest, folder } = this.#source
    await Promise.all(
      candidates.map(async ({ run, found }) => {
        try {
          if (found.releases.some(({ id }) => id === release.id)) return
          refuseFull(run.name, manifest, found)
          await run.upload(release, folder, manifest, found.base)
        } catch (error) {
          run.fail(error)
        }
      }),
    )
    return candidates.every(({ run }) => run.error === undefined)
  }

  #migration(candidates: readonly Candidate[], { migrations }: ReleaseFacts) {
    if (migrations === undefined) return undefined
    const [first] = candidates
    if (candidates.some(({ found }) => found.migrated?.digest === migrations)) {
      const host = first?.run.name ?? ''
      if (this.#options.plan) return undefined
      this.#options.emit({ event: 'step', host, step: 'migrate', state: 'done', note: 'unchanged, not run' })
      return undefined
    }
    return { command: this.#settings.migrate ?? './deploy/migrate', digest: migrations }
  }
}

/** The release that some host has with this content. */
function knownTo(candidates: readonly Candidate[], content: string): ReleaseFacts | undefined {
  return candidates.flatMap(({ found }) => found.releases).find(({ sha256 }) => sha256 === content)
}

const script = 'deploy/migrate'

/** Of the command and of all it may depend on; undefined: the release migrates nothing. */
function migrationsDigest(manifest: Manifest, { migrate, migrations }: AppSettings): string | undefined {
  const command = migrate ?? (manifest.some(({ path }) => path === script) ? script : undefined)
  if (command === undefined) return undefined
  const within = [script, ...migrations]
  const lines = manifest
    .filter(({ path }) => within.some(name => path === name || path.startsWith(`${name}/`)))
    .map(entryLine)
  return createHash('sha256')
    .update([command, ...lines].join('\n'))
    .digest('hex')
}

// Room for what is sent, half as much again for what the host makes of it, and some for the site to live on.
function refuseFull(host: string, manifest: Manifest, found: Found): void {
  const { bytes: needed } = shipment(manifest, found.base)
  const wanted = needed * 1.5 + 16 * 1024 * 1024
  if (found.bytesFree < wanted)
    throw new HostError(
      'disk-full',
      `${host}: ${bytes(wanted)} are needed on the disk, ${bytes(found.bytesFree)} are free`,
      {
        hint: 'Nothing was sent. Make room (older releases: app.release.keep) and run again.',
      },
    )
  if (found.inodesFree > 0 && found.inodesFree < manifest.length + 64)
    throw new HostError(
      'disk-full',
      `${host}: ${manifest.length} files are to be made, the disk has ${found.inodesFree} left`,
      {
        hint: 'Nothing was sent. Remove files and run again.',
      },
    )
}
