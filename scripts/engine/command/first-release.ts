import { relative, resolve } from 'node:path'
import { deployRelease } from '#engine/deploy/deploy.ts'
import { runIdentity } from '#engine/host/run-identity.ts'
import type { Emit } from '#engine/output/events.ts'
import type { ReachableHost } from '#engine/run/reach.ts'
import { type ReleaseDefinition, type ReleaseHost, releaseHosts } from '#engine/run/release-hosts.ts'
import type { CommandInput } from './main.ts'
import { keepCertificate } from './sandbox-certificate.ts'

export interface FirstReleaseOptions {
  readonly inventory: string
  readonly extraVars: readonly string[]
  readonly emit: Emit
  readonly stop: AbortSignal
}

/**
 * Ships the example to sandbox hosts on which nothing is live yet, and tells how to look at it; gives the exit
 * code. The hosts have just been converged by the same run, whose recap is the last word.
 */
export async function firstRelease(
  definition: ReleaseDefinition,
  input: CommandInput,
  bare: readonly ReachableHost[],
  { inventory, extraVars, emit, stop }: FirstReleaseOptions,
): Promise<number> {
  const limit = bare.map(({ host }) => host.name).join(',')
  const hosts = await releaseHosts(definition, input, { inventory, limit, extraVars })
  const ways = new Map(bare.map(one => [one.host.name, one]))
  const { exitCode } = await deployRelease({
    hosts: hosts.map(({ host, settings }) => ({
      name: host.name,
      settings,
      connect: seconds => wayTo(host.name, ways).connect(seconds),
    })),
    source: resolve(input.root, hosts[0]?.source ?? ''),
    run: runIdentity(input.environment),
    emit: event => event.event === 'recap' || emit(event),
    wait: 30,
    stop,
  })
  if (exitCode === 0)
    for (const host of hosts)
      emit({ event: 'note', message: await howToLook(host, wayTo(host.host.name, ways), input) })
  return exitCode
}

function wayTo(name: string, ways: ReadonlyMap<string, ReachableHost>): ReachableHost {
  const way = ways.get(name)
  if (!way) throw new Error(`${name} has no way to it`)
  return way
}

async function howToLook(
  { host, settings: { domain } }: ReleaseHost,
  way: ReachableHost,
  { root }: CommandInput,
): Promise<string> {
  const { ports } = way.sandbox ?? {}
  if (!ports) throw new Error(`${host.name} is no sandbox host`)
  const certificate = await keepCertificate(way, domain, root)
  return [
    `www on ${host.name}:`,
    `  curl --cacert ${relative(process.cwd(), certificate)} --connect-to ${domain}:443:127.0.0.1:${ports.https} https://${domain}/`,
    `  dig @127.0.0.1 -p ${ports.dns} ${domain}`,
    `  npx zx scripts/sandbox.mjs ssh ${host.name}`,
  ].join('\n')
}
