import { type AppStatus, appStatus, isHealthy } from '#engine/app/status.ts'
import { statusLines } from '#engine/app/status-lines.ts'
import type { DeployHost } from '#engine/deploy/settings.ts'
import { CapstanError, HostError, UnreachableError } from '#engine/errors.ts'
import { harmless } from '#engine/output/actions.ts'
import type { Emit } from '#engine/output/events.ts'
import { jsonLine } from '#engine/output/json.ts'
import { paintFor } from '#engine/output/paint.ts'
import { mask } from '#engine/secret.ts'
import type { CommandInput } from './main.ts'
import { type ReleaseRun, whereFlags } from './release-run.ts'

export interface StatusOptions {
  readonly json: boolean
  /** As it was given: `production`. */
  readonly inventory: string
  /** Commands have to name the site. */
  readonly hasSeveralSites: boolean
}

/**
 * Prints what the live releases do on their hosts. Gives 0 where all is well, 1 where something is not, and 4 where a
 * host can't be reached.
 */
export async function showStatus(
  { hosts, emit }: ReleaseRun,
  { json, inventory, hasSeveralSites }: StatusOptions,
  { stdout, environment }: CommandInput,
): Promise<number> {
  const found = await Promise.all([...byHost(hosts).values()].map(statusOf))
  const paint = paintFor(stdout, environment)
  const codes = found.flat().map(({ host, status }) => {
    if (status instanceof Error) return report(emit, host, status)
    const lines = json
      ? [jsonLine({ ...status, healthy: isHealthy(status) })]
      : statusLines(status, paint).map(line => harmless(mask(line), environment))
    stdout.write(lines.map(line => `${line}\n`).join(''))
    if (isHealthy(status)) return 0
    if (json) return 1
    const site = hasSeveralSites ? status.site : undefined
    return report(emit, host, unhealthy(status, whereFlags({ inventory, site })))
  })
  return Math.max(...codes)
}

interface Found {
  readonly host: string
  readonly status: AppStatus | CapstanError
}

/** All sites of one host, one after the other on one connection. */
async function statusOf(sites: readonly DeployHost[]): Promise<readonly Found[]> {
  const [first] = sites
  if (!first) return []
  const host = first.name
  try {
    const connection = await first.connect()
    try {
      const all: Found[] = []
      for (const { settings } of sites)
        all.push({ host, status: await appStatus(connection, settings).catch(ofHost) })
      return all
    } finally {
      await connection.close()
    }
  } catch (error) {
    if (!(error instanceof CapstanError)) throw error
    return [{ host, status: error }]
  }
}

/** An error of one site; a lost connection is one of all of them. */
function ofHost(error: unknown): HostError {
  if (error instanceof HostError) return error
  throw error
}

function byHost(hosts: readonly DeployHost[]): ReadonlyMap<string, readonly DeployHost[]> {
  return new Map(hosts.map(({ name }) => [name, hosts.filter(each => each.name === name)]))
}

function report(emit: Emit, host: string, error: CapstanError): 1 | 4 {
  emit({ event: 'failed', host, error })
  return error instanceof UnreachableError ? 4 : 1
}

function unhealthy({ host, site, release, answer, units }: AppStatus, where: readonly string[]): HostError {
  const command = (script: string, ...words: string[]) =>
    ['npx zx', `scripts/${script}.mjs`, ...where, ...words].join(' ')
  if (release === undefined)
    return new HostError('unhealthy', `${host}: nothing of ${site} is live`, {
      hint: `${command('deploy')} ships a release.`,
    })
  const broken = units.filter(({ good }) => !good).map(({ name }) => name)
  const what = [
    ...(answer?.good === false ? [`visitors are not answered by ${site}`] : []),
    ...(broken.length > 0
      ? [`${broken.join(' and ')} of ${site} ${broken.length > 1 ? 'have' : 'has'} failed`]
      : []),
  ]
  return new HostError('unhealthy', `${host}: ${what.join(', and ')}`, {
    hint: `${command('app', 'logs')} shows why. ${command('app', 'restart')} starts the release again. ${command('rollback')} returns to the release before it.`,
  })
}
