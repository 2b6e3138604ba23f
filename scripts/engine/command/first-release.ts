import { relative, resolve } from 'node:path'
import { deployRelease } from '#engine/deploy/deploy.ts'
import { runIdentity } from '#engine/host/run-identity.ts'
import type { Emit } from '#engine/output/events.ts'
import type { ReachableHost } from '#engine/run/reach.ts'
import { bySite, type ReleaseDefinition, type ReleaseHost, releaseHosts } from '#engine/run/release-hosts.ts'
import { makeArtifact } from './artifact.ts'
import { projectOf } from './commits.ts'
import type { CommandInput } from './main.ts'
import { keepCertificates } from './sandbox-certificate.ts'

export interface FirstReleaseOptions {
  readonly inventory: string
  readonly extraVars: readonly string[]
  readonly emit: Emit
  readonly stop: AbortSignal
}

/**
 * Ships the first release of sites of sandbox hosts that have none yet, as `bare` names them, and tells how to look at
 * them; gives the exit code. The hosts have just been converged by the same run, whose recap is the last word.
 */
export async function firstRelease(
  definition: ReleaseDefinition,
  input: CommandInput,
  bare: ReadonlyMap<ReachableHost, readonly string[]>,
  { inventory, extraVars, emit, stop }: FirstReleaseOptions,
): Promise<number> {
  const ways = new Map([...bare.keys()].map(one => [one.host.name, one]))
  const limit = [...ways.keys()].join(',')
  const all = await releaseHosts(definition, input, { inventory, limit, 'extra-vars': extraVars })
  const hosts = all.filter(({ host, settings }) => bare.get(wayTo(host.name, ways))?.includes(settings.app))
  for (const ofSite of bySite(hosts).values()) {
    const source = resolve(input.root, ofSite[0]?.source ?? '')
    const artifact = await makeArtifact({
      ...{ root: projectOf(input.root, source), source, ref: undefined, build: ofSite[0]?.build },
      app: ofSite[0]?.settings.app ?? '',
      say: message => emit({ event: 'progress', message }),
    })
    const { folder, ref } = artifact
    const { exitCode } = await deployRelease({
      hosts: ofSite.map(({ host, settings }) => ({
        name: host.name,
        settings,
        connect: seconds => wayTo(host.name, ways).connect(seconds),
      })),
      source: folder,
      ...(ref === undefined ? {} : { ref }),
      run: runIdentity(input.environment),
      emit: event => event.event === 'recap' || emit(event),
      wait: 30,
      stop,
    }).finally(() => artifact.dispose())
    if (exitCode !== 0) return exitCode
  }
  for (const way of bare.keys()) {
    const sites = all.filter(({ host }) => host.name === way.host.name)
    emit({ event: 'note', message: await howToLook(sites, way, input) })
  }
  return 0
}

function wayTo(name: string, ways: ReadonlyMap<string, ReachableHost>): ReachableHost {
  const way = ways.get(name)
  if (!way) throw new Error(`${name} has no way to it`)
  return way
}

async function howToLook(
  sites: readonly ReleaseHost[],
  way: ReachableHost,
  { root }: CommandInput,
): Promise<string> {
  const { name } = way.host
  const { ports } = way.sandbox ?? {}
  if (!ports) throw new Error(`${name} is no sandbox host`)
  const domains = sites.map(({ settings }) => settings.domain)
  const certificate = relative(process.cwd(), await keepCertificates(way, domains, root))
  return [
    `www on ${name}:`,
    ...domains.flatMap(domain => [
      `  curl --cacert ${certificate} --connect-to ${domain}:443:127.0.0.1:${ports.https} https://${domain}/`,
      `  dig @127.0.0.1 -p ${ports.dns} ${domain}`,
    ]),
    `  npx zx scripts/sandbox.mjs ssh ${name}`,
  ].join('\n')
}
