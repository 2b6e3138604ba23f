import { HostError, UsageError } from '#engine/errors.ts'
import type { RunIdentity } from '#engine/host/run-identity.ts'
import type { Emit } from '#engine/output/events.ts'
import type { AppSettings } from '#engine/resources/release/app.ts'
import { activate } from './activate.ts'
import { bytes } from './bytes.ts'
import { type Candidate, othersRunning } from './candidate.ts'
import { type Inspected, inspectAll, isLive, liveOn, refuseFrozen, withContent } from './candidates.ts'
import { HostDeploy } from './host-deploy.ts'
import type { AppState } from './inspect.ts'
import { digest, type Manifest } from './manifest.ts'
import { migrationsDigest } from './migrations.ts'
import { type DeployResult, type Ended, finished } from './outcome.ts'
import { plannedSteps } from './planned.ts'
import { type ReleaseFacts, releaseId } from './release.ts'
import type { DeployHost } from './settings.ts'
import { readSource, type Source } from './source.ts'
import { drainSteps } from './steps.ts'
import { shipment } from './transfer.ts'

export interface DeployOptions {
  readonly hosts: readonly DeployHost[]
  /** The folder to ship. */
  readonly source: string
  /** What it was made from, for people: a commit's short hash and subject. */
  readonly ref?: string
  readonly run: RunIdentity
  readonly emit: Emit
  /** Seconds to wait for another deploy to end. */
  readonly wait: number
  /** Aborted: nothing is switched that has not been. */
  readonly stop: AbortSignal
  /** Reads and reports what would be done, without the lock; changes nothing. */
  readonly plan?: boolean
}

/**
 * Ships a folder to all hosts and makes it live on all of them or on none. What goes wrong on a host is emitted as
 * an event and in the exit code; throws only UsageError, for a source that can't be shipped.
 */
export async function deployRelease(options: DeployOptions): Promise<DeployResult> {
  const [first] = options.hosts
  if (!first) throw new UsageError('no-hosts', 'there is no host to deploy to')
  const source = await readSource(options.source, first.settings.shared, first.settings.install?.folders)
  const migrations = migrationsDigest(source, first.settings)
  for (const message of source.notes) options.emit({ event: 'warning', message })
  const deploys = options.hosts.map(host => new HostDeploy(host, options))
  const deploy = new Deploy(options, first.settings, source, migrations, deploys)
  return finished(deploys, 'deploy', options.emit, () => (options.plan ? deploy.plan() : deploy.run()))
}

class Deploy {
  readonly #options: DeployOptions
  readonly #settings: AppSettings
  readonly #source: Source
  readonly #migrations: string | undefined
  readonly #deploys: readonly HostDeploy[]
  readonly #sha256: string

  constructor(
    options: DeployOptions,
    settings: AppSettings,
    source: Source,
    migrations: string | undefined,
    deploys: readonly HostDeploy[],
  ) {
    this.#options = options
    this.#settings = settings
    this.#source = source
    this.#migrations = migrations
    this.#deploys = deploys
    this.#sha256 = digest(source.manifest)
  }

  async run(): Promise<Ended> {
    const hosts = await inspectAll(this.#deploys, deploy => deploy.inspect(this.#sha256))
    if (!hosts || refuseFrozen(hosts)) return { outcome: 'failed' }
    const candidates = this.#candidates(hosts)
    const ended = { release: candidates[0]?.release, previous: liveOn(hosts) }
    if (hosts.every(({ state }) => isLive(state, this.#sha256))) {
      await Promise.all(candidates.map(endOthers))
      return { outcome: 'already live', ...ended }
    }
    if (!(await this.#upload(candidates))) return { outcome: 'failed', ...ended }
    const migrate = this.#migration(hosts)
    return { outcome: await activate(candidates, { how: 'deploy', migrate }), ...ended }
  }

  async plan(): Promise<Ended> {
    const hosts = await inspectAll(this.#deploys, deploy => deploy.peek(this.#sha256))
    if (!hosts || refuseFrozen(hosts)) return { outcome: 'failed' }
    const isKnown = hosts.some(({ state }) => withContent(state, this.#sha256))
    // A new release gets the rest of its name, the time, when it is deployed.
    const candidates = this.#candidates(hosts).map(one =>
      isKnown ? one : { ...one, release: { ...one.release, id: this.#sha256.slice(0, 7) } },
    )
    const ended = { release: candidates[0]?.release, previous: liveOn(hosts) }
    if (hosts.every(({ state }) => isLive(state, this.#sha256))) return { outcome: 'already live', ...ended }
    const migrate = this.#migration(hosts)
    const { manifest } = this.#source
    for (const [index, candidate] of candidates.entries()) {
      const { host } = candidate.deploy
      try {
        refuseFull(host, manifest, candidate.state)
      } catch (error) {
        candidate.deploy.fail(error)
      }
      const steps = plannedSteps(candidate, { how: 'deploy', migrate }, manifest, index === 0)
      for (const step of steps) this.#options.emit({ event: 'step', host, state: 'planned', ...step })
    }
    const failed = candidates.some(({ deploy }) => deploy.error !== undefined)
    return { outcome: failed ? 'failed' : 'planned', ...ended }
  }

  /** A release that a host has with this content is that release, and gives the others its name. */
  #candidates(hosts: readonly Inspected[]): readonly Candidate[] {
    const known = hosts.flatMap(({ state }) => withContent(state, this.#sha256) ?? [])[0]
    const now = releaseId(new Date(), this.#sha256)
    return hosts.map(({ deploy, state }) => {
      const own = withContent(state, this.#sha256)
      // Live and out of reach, such as with its socket deleted: another instance of the same content takes its place.
      const isCopy = own?.id === state.current && state.running.includes(own?.id ?? '') && !state.answers
      const id = isCopy ? now : (own ?? known)?.id
      return { deploy, state, release: this.#facts(id ?? now), isCopy }
    })
  }

  #facts(id: string): ReleaseFacts {
    const { manifest, bytes: size } = this.#source
    return {
      id,
      sha256: this.#sha256,
      ...(this.#options.ref === undefined ? {} : { ref: this.#options.ref }),
      by: this.#options.run.who,
      files: manifest.filter(({ type }) => type === 'file').length,
      bytes: size,
      ...(this.#migrations === undefined ? {} : { migrations: this.#migrations }),
    }
  }

  async #upload(candidates: readonly Candidate[]): Promise<boolean> {
    const { manifest, folder } = this.#source
    await Promise.all(
      candidates.map(async ({ deploy, state, release, isCopy }) => {
        try {
          if (isCopy || state.releases.some(({ id }) => id === release.id)) return
          refuseFull(deploy.host, manifest, state)
          await deploy.upload(release, folder, manifest, state.base)
          deploy.waits()
        } catch (error) {
          deploy.fail(error)
        }
      }),
    )
    return candidates.every(({ deploy }) => deploy.error === undefined)
  }

  #migration(hosts: readonly Inspected[]) {
    const digest = this.#migrations
    if (digest === undefined) return undefined
    if (hosts.some(({ state }) => state.migrated?.digest === digest)) {
      const host = hosts[0]?.deploy.host ?? ''
      if (this.#options.plan) return undefined
      this.#options.emit({ event: 'step', host, step: 'migrate', state: 'done', note: 'unchanged, not run' })
      return undefined
    }
    return { command: this.#settings.migrate ?? './deploy/migrate', digest }
  }
}

/** Instances that a killed deploy left beside the live one end. */
async function endOthers(candidate: Candidate): Promise<void> {
  const { deploy, release } = candidate
  const steps = drainSteps(deploy.settings, othersRunning(candidate))
  if (steps.length > 0) await deploy.stage(steps, release, 'deploy').catch(error => deploy.fail(error))
}

// Room for what is sent, half as much again for what the host makes of it, and some for the site to live on.
function refuseFull(host: string, manifest: Manifest, state: AppState): void {
  const { bytes: needed } = shipment(manifest, state.base)
  const wanted = needed * 1.5 + 16 * 1024 * 1024
  if (state.bytesFree < wanted)
    throw new HostError(
      'disk-full',
      `${host}: expected ${bytes(wanted)} of free disk space, got ${bytes(state.bytesFree)}`,
      {
        hint: 'Nothing was sent. Free some space, for example with a lower app.release.keep, and run again.',
      },
    )
  if (state.inodesFree > 0 && state.inodesFree < manifest.length + 64)
    throw new HostError(
      'disk-full',
      `${host}: expected ${manifest.length} free inodes on the disk, got ${state.inodesFree}`,
      { hint: 'Nothing was sent. Remove files and run again.' },
    )
}
