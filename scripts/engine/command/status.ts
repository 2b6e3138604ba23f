import { setTimeout as wait } from 'node:timers/promises'
import type { Connection } from '#engine/connection/connection.ts'
import type { Role } from '#engine/converge/role.ts'
import { CapstanError, UnreachableError } from '#engine/errors.ts'
import { healthSummary } from '#engine/github/health.ts'
import { summaryFile } from '#engine/github/summary-file.ts'
import { type InventoryHost, loadInventory } from '#engine/inventory/inventory.ts'
import { selectHosts } from '#engine/inventory/pattern.ts'
import { roleNames } from '#engine/inventory/roles.ts'
import { descend } from '#engine/inventory/tree.ts'
import { harmless } from '#engine/output/actions.ts'
import { jsonLine } from '#engine/output/json.ts'
import { paintFor } from '#engine/output/paint.ts'
import { quote } from '#engine/quote.ts'
import { assignRoles } from '#engine/run/plays.ts'
import { type ReachableHost, reach } from '#engine/run/reach.ts'
import { type ReleaseDefinition, releasesOf } from '#engine/run/release-hosts.ts'
import { type HostSite, sitesOf } from '#engine/run/sites.ts'
import { mask } from '#engine/secret.ts'
import { unchecked } from '#engine/status/checks.ts'
import {
  type Commands,
  findingOfError,
  type HostStatus,
  hostStatus,
  type StatusHost,
  withCommands,
} from '#engine/status/host-status.ts'
import { screenLines, tableLines } from '#engine/status/lines.ts'
import { metrics, textfileScript } from '#engine/status/metrics.ts'
import type { Problem } from '#engine/vars.ts'
import { askSudoPassword } from './ask.ts'
import { common, type Flags, flagLines } from './flags.ts'
import type { CommandInput } from './main.ts'
import { parseCount, parseFlags } from './options.ts'
import { whereFlags } from './release-run.ts'

const flags = {
  ...common('inventory', 'limit', 'extra-vars'),
  watch: { type: 'string', short: 'w', value: 'SECONDS', help: 'check again every so many seconds until ^C' },
  textfile: {
    type: 'boolean',
    default: false,
    help: 'write the result for Prometheus on each host that has node-exporter',
  },
  ...common('ask-become-pass'),
  json: { type: 'boolean', default: false, help: 'print JSON, one line per host' },
  ...common('help'),
} as const satisfies Flags

const help = `Usage: npx zx scripts/status.mjs [options]

Shows the health of hosts: services, disk, memory, sockets, clock, updates, certificates, the database, name server, and
each site as a visitor gets it. Says what to do about each problem. Changes nothing but a cache in /run, and with
--textfile /var/lib/prometheus/node-exporter/capstan.prom.
Exits with 0, with 1 if something is wrong, and with 4 if a host is unreachable. Warnings do not count.

${flagLines(flags)}
Examples:
  npx zx scripts/status.mjs -i production
  npx zx scripts/status.mjs -i production -l web1 --watch 5
`

/** The same, and the roles of the project, whose checks are shown. */
export interface StatusDefinition extends ReleaseDefinition {
  readonly roles: readonly Role[]
}

/** Runs scripts/status.mjs; gives its exit code. */
export async function statusCommand(definition: StatusDefinition, input: CommandInput): Promise<number> {
  const { args, environment, stdout } = input
  const { values } = parseFlags(args, flags, 'status.mjs')
  if (values.help) {
    stdout.write(help)
    return 0
  }
  const pause = values.watch === undefined ? undefined : parseCount('--watch', values.watch, 1, 86_400)
  const { hosts, ways } = await statusHosts(definition, input, values)
  const paint = paintFor(stdout, environment)
  const stop = new AbortController()
  // Nobody reads any more.
  stdout.on?.('error', () => stop.abort())
  const open = new OpenConnections()
  const summary = summaryFile(environment)
  try {
    for (;;) {
      const all = await Promise.all(
        hosts.map((host, index) =>
          checked(host, open, ways[index], commandsOf(host, values.inventory), values.textfile),
        ),
      )
      summary.write(healthSummary(all))
      const columns = (stdout.isTTY && stdout.columns) || 1000
      const [first] = all
      const lines = values.json
        ? all.map(jsonLine)
        : (all.length === 1 && first
            ? screenLines(first, paint, columns)
            : tableLines(all, paint, columns)
          ).map(line => harmless(mask(line), environment))
      if (pause !== undefined && stdout.isTTY && !values.json) stdout.write('\x1b[2J\x1b[H')
      stdout.write(lines.map(line => `${line}\n`).join(''))
      if (pause === undefined || stop.signal.aborted) return exitCodeOf(all)
      await wait(pause * 1000, undefined, { signal: stop.signal }).catch(() => {})
    }
  } finally {
    await open.close()
  }
}

function exitCodeOf(all: readonly Checked[]): number {
  if (all.some(({ isUnreachable }) => isUnreachable)) return 4
  return all.some(({ state }) => state === 'bad') ? 1 : 0
}

interface Given {
  readonly inventory: string
  readonly limit: string
  readonly 'extra-vars'?: readonly string[] | undefined
  readonly 'ask-become-pass': boolean
}

async function statusHosts(
  { app, site, settings, roles }: StatusDefinition,
  { root, environment }: CommandInput,
  given: Given,
): Promise<{ readonly hosts: readonly StatusHost[]; readonly ways: readonly ReachableHost[] }> {
  const inventory = await loadInventory({
    ...{ root, environment, roles: await roleNames(root), placeholders: true },
    ...{ inventory: given.inventory, extraVars: given['extra-vars'] ?? [] },
  })
  const selected = selectHosts(inventory, given.limit)
  const assigned = assignRoles(inventory, selected, [{ hosts: 'all', roles: [app] }], site)
  const apps = releasesOf(assigned, settings)
  const hosts = selected.map((host): StatusHost => {
    const sites = sitesOf(host, inventory.roles, site, () => {})
    const checks = roles.map(role => checksOf(host, role, sites))
    return {
      name: host.name,
      checks: checks.flatMap(each => each.checks),
      unchecked: checks.flatMap(each => each.unchecked),
      apps: apps.filter(each => each.host === host).map(({ settings: of }) => of),
    }
  })
  const sudoPassword = await askSudoPassword(given['ask-become-pass'], environment)
  const say = (line: string) => void process.stderr.write(`${line}\n`)
  return { hosts, ways: await reach(selected, { root, sudoPassword, say }) }
}

function checksOf(
  host: InventoryHost,
  role: Role,
  sites: readonly HostSite[],
): Pick<StatusHost, 'checks' | 'unchecked'> {
  if (!role.status) return { checks: [], unchecked: [] }
  const problems: Problem[] = []
  const given = sites.flatMap(each =>
    each.varsOf(role, problem => problems.push(problem)).map(vars => ({ site: each.site, vars })),
  )
  if (problems.length === 0) return { checks: role.status(given), unchecked: [] }
  // A host where every site lacks a var that a role requires does not have that role.
  const isOfHost = given.length > 0
  const wrong = problems.filter(({ path }) => isOfHost || descend(host.tree, path).rest.length === 0)
  const lines = wrong.map(({ path, message }) => `${host.origin(path)}: ${message}`)
  return { checks: [], unchecked: lines.length === 0 ? [] : [unchecked(role.name, lines.join('; '))] }
}

/** A connection to each host, for as long as `--watch` goes on. */
class OpenConnections {
  readonly #open = new Map<string, Connection>()

  async with<T>(way: ReachableHost, work: (connection: Connection) => Promise<T>): Promise<T> {
    const { name } = way.host
    const connection = this.#open.get(name) ?? (await way.connect())
    this.#open.set(name, connection)
    try {
      return await work(connection)
    } catch (error) {
      this.#open.delete(name)
      await connection.close().catch(() => {})
      throw error
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open.values()].map(each => each.close()))
  }
}

interface Checked extends HostStatus {
  readonly isUnreachable?: boolean
}

async function checked(
  host: StatusHost,
  open: OpenConnections,
  way: ReachableHost | undefined,
  commands: Commands,
  textfile: boolean,
): Promise<Checked> {
  if (!way) throw new Error(`${host.name} has no way to it`)
  try {
    return await open.with(way, async connection => {
      const status = await hostStatus(connection, host, commands)
      return textfile ? withTextfile(connection, status) : status
    })
  } catch (error) {
    if (!(error instanceof CapstanError)) throw error
    const finding = withCommands(findingOfError('connection', error), commands)
    const isUnreachable = error instanceof UnreachableError
    return { host: host.name, state: 'bad', findings: [finding], isUnreachable }
  }
}

async function withTextfile(connection: Connection, status: HostStatus): Promise<HostStatus> {
  const { exitCode, stderr } = await connection.run(textfileScript(metrics(status, new Date())))
  // A host without node-exporter has no folder for it.
  if (exitCode === 0 || exitCode === 3) return status
  const finding = unchecked('textfile', stderr.toString().trim())
  return { ...status, state: 'bad', findings: [...status.findings, finding] }
}

function commandsOf({ name, apps }: StatusHost, inventory: string): Commands {
  const script = (file: string, site?: string) =>
    [
      `npx zx scripts/${file}.mjs`,
      ...whereFlags({ inventory, site: apps.length > 1 ? site : undefined }),
      ...(site === undefined ? ['-l', quote(name)] : []),
    ].join(' ')
  const run = ['npx zx scripts/run.mjs', ...whereFlags({ inventory, site: undefined }), quote(name)].join(' ')
  return { run, script }
}
