import { type AppFlag, setFlag } from '#engine/deploy/app-flags.ts'
import { HostDeploy } from '#engine/deploy/host-deploy.ts'
import type { AppState } from '#engine/deploy/inspect.ts'
import { restartRelease } from '#engine/deploy/restart.ts'
import { releaseJson, releaseTable } from '#engine/deploy/table.ts'
import { type CapstanError, UnreachableError, UsageError } from '#engine/errors.ts'
import { orNearest } from '#engine/nearest.ts'
import { jsonLine } from '#engine/output/json.ts'
import type { OutputStream } from '#engine/output/printer.ts'
import {
  bySite,
  type ReleaseDefinition,
  type ReleaseHost,
  refuseSeveralSites,
  releaseHosts,
} from '#engine/run/release-hosts.ts'
import { common, type Flags, flagLines } from './flags.ts'
import type { CommandInput } from './main.ts'
import { parseFlags } from './options.ts'
import { type ReleaseRun, releaseRun } from './release-run.ts'

const flags = {
  ...common('inventory', 'limit', 'site', 'extra-vars', 'ask-become-pass'),
  json: { type: 'boolean', default: false, help: 'print JSON, one line per host' },
  ...common('help'),
} as const satisfies Flags

const help = `Usage: npx zx scripts/releases.mjs [options] [command]

Lists the releases on the hosts, freezes deploys, and shows a maintenance page.

  list                   list the releases (default)
  freeze REASON          refuse deploys until thaw, and show this reason
  thaw                   allow deploys again
  restart                replace the live instance with a new one of the same release, without losing a request
  maintenance on|off     show visitors a maintenance page (503), or stop showing it

${flagLines(flags)}`

/** Runs scripts/releases.mjs; gives its exit code. */
export async function releasesCommand(definition: ReleaseDefinition, input: CommandInput): Promise<number> {
  const { values, positionals } = parseFlags(input.args, flags, 'releases.mjs', true)
  if (values.help) {
    input.stdout.write(help)
    return 0
  }
  const restart = positionals[0] === 'restart' && positionals.length === 1
  const flag = restart ? undefined : flagOf(positionals)
  const hosts = await releaseHosts(definition, input, values)
  if (restart) refuseSeveralSites(hosts, 'restart')
  const options = {
    command: restart ? 'restart' : undefined,
    inventory: values.inventory,
    hosts,
    json: values.json,
    verbosity: 0,
    askSudo: values['ask-become-pass'],
  }
  return releaseRun(options, input, async run => {
    if (restart) return (await restartRelease({ ...run, wait: 30 })).exitCode
    return flag ? setOnAll(run, flag) : list(run, hosts, values.json, input.stdout)
  })
}

function flagOf(args: readonly string[]): AppFlag | undefined {
  const [verb = 'list', word, ...rest] = args
  if (verb === 'list' && word === undefined) return undefined
  if (verb === 'freeze' && word !== undefined) return { do: 'freeze', reason: [word, ...rest].join(' ') }
  if (verb === 'thaw' && word === undefined) return { do: 'thaw' }
  if (verb === 'maintenance' && (word === 'on' || word === 'off') && rest.length === 0)
    return { do: 'maintenance', on: word === 'on' }
  const known = ['list', 'freeze', 'thaw', 'restart', 'maintenance']
  const why = known.includes(verb)
    ? `${args.join(' ')}: expected ${{ freeze: 'freeze REASON', maintenance: 'maintenance on|off' }[verb] ?? verb}`
    : `no command is named ${JSON.stringify(verb)}${orNearest(verb, known)}`
  throw new UsageError('usage', why, { hint: 'npx zx scripts/releases.mjs --help lists the commands.' })
}

async function setOnAll({ hosts, emit }: ReleaseRun, flag: AppFlag): Promise<number> {
  let exitCode = 0
  for (const host of hosts) {
    try {
      await setFlag(host, flag)
      emit({ event: 'note', message: `${host.name}: ${described(flag, host.settings.app)}` })
    } catch (error) {
      emit({ event: 'failed', host: host.name, error: error as CapstanError })
      exitCode = error instanceof UnreachableError ? 4 : 1
    }
  }
  return exitCode
}

function described(flag: AppFlag, app: string): string {
  switch (flag.do) {
    case 'freeze':
      return `deploys of ${app} are frozen: ${flag.reason}`
    case 'thaw':
      return `deploys of ${app} are allowed`
    case 'maintenance':
      return flag.on ? `visitors of ${app} get the maintenance page` : `visitors get ${app}`
  }
}

async function list(
  run: ReleaseRun,
  hosts: readonly ReleaseHost[],
  json: boolean,
  stdout: OutputStream,
): Promise<number> {
  const { emit } = run
  const looked = await Promise.all(
    run.hosts.map(async host => {
      const each = new HostDeploy(host, { ...run, emit: () => {}, wait: 0 })
      const found = await each.peek().catch((error: CapstanError) => error)
      await each.end()
      return { host: host.name, site: host.settings.app, found }
    }),
  )
  let exitCode = 0
  const hasSites = bySite(hosts).size > 1
  for (const { host, site, found } of looked) {
    if (found instanceof Error) {
      emit({ event: 'failed', host, error: found })
      exitCode = found instanceof UnreachableError ? 4 : 1
    } else
      stdout.write(
        json
          ? `${jsonLine({ site, ...releaseJson(host, found) })}\n`
          : table(looked.length > 1 ? `${host}${hasSites ? `  ${site}` : ''}\n` : '', found),
      )
  }
  return exitCode
}

function table(head: string, found: AppState): string {
  return `${head}${releaseTable(found)
    .map(line => `${line}\n`)
    .join('')}`
}
