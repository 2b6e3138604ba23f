import { converge } from '#engine/converge/converge.ts'
import type { HostWork } from '#engine/converge/host.ts'
import { UsageError } from '#engine/errors.ts'
import { runIdentity } from '#engine/host/run-identity.ts'
import { type Inventory, type InventoryHost, loadInventory } from '#engine/inventory/inventory.ts'
import { selectHosts } from '#engine/inventory/pattern.ts'
import { roleNames } from '#engine/inventory/roles.ts'
import type { Emit } from '#engine/output/events.ts'
import type { Report } from '#engine/output/report/report.ts'
import { HostPool, type HostSource } from '#engine/run/host-pool.ts'
import { assignRoles, filterPlays, type HostRoles, type Play, playWork } from '#engine/run/plays.ts'
import { type ReleaseDefinition, refuseSeparateDatabases, releasesOf } from '#engine/run/release-hosts.ts'
import type { Host } from '#engine/script/host.ts'
import type { Site, Vars } from '#engine/vars.ts'
import { askSudoPassword } from './ask.ts'
import { firstRelease } from './first-release.ts'
import { common, type Flags, flagLines } from './flags.ts'
import { handleInterrupts } from './interrupts.ts'
import { listTasks } from './list-tasks.ts'
import type { CommandInput } from './main.ts'
import { parseCount, parseFlags, parseNames } from './options.ts'
import { openPrinter } from './printer.ts'
import { withReport } from './report.ts'
import { refreshCertificates } from './sandbox-certificate.ts'

const flags = {
  ...common('inventory', 'limit'),
  tags: {
    type: 'string',
    short: 't',
    multiple: true,
    value: 'ROLES',
    help: 'limit to these roles: nginx,tls',
  },
  'skip-tags': { type: 'string', multiple: true, value: 'ROLES', help: 'skip these roles' },
  ...common('check', 'diff'),
  'exit-code': {
    ...{ type: 'boolean', default: false },
    help: 'exit with 1 if something changed, or would change with --check',
  },
  purge: {
    ...{ type: 'string', value: 'SITE' },
    help: 'delete files, database and account of a site that is no longer in the inventory',
  },
  ...common('extra-vars', 'forks', 'ask-become-pass', 'verbose', 'report', 'json'),
  'list-hosts': { type: 'boolean', default: false, help: 'list the selected hosts' },
  'list-tasks': { type: 'boolean', default: false, help: 'list the resources of each role' },
  ...common('help'),
} as const satisfies Flags

const help = `Usage: npx zx scripts/site.mjs [options]

Applies roles to the hosts of an inventory: inspects the hosts, changes what differs, and verifies the result.

${flagLines(flags)}
Examples:
  npx zx scripts/site.mjs                             apply the roles to the sandbox, and start it if needed
  npx zx scripts/site.mjs -i production -CD           show what would change in production
  npx zx scripts/site.mjs -i production -t nginx,tls  apply two roles
`

/** The site as scripts/site.mjs declares it. */
export interface SiteDefinition {
  readonly site: Vars<Site>
  readonly plays: readonly Play[]
  /** What a first release has to know of the role `app`; absent: none is shipped. */
  readonly settings?: ReleaseDefinition['settings']
  /** Is given the hosts of the run, for what `before` and `after` of a play do elsewhere. */
  readonly onHosts?: (source: HostSource) => void
}

/** Runs scripts/site.mjs; gives its exit code. */
export async function siteCommand(definition: SiteDefinition, input: CommandInput): Promise<number> {
  const { values } = parseFlags(input.args, flags, 'site.mjs')
  if (values.help) return say(input, help)
  const forks = parseCount('--forks', values.forks, 1, 500)
  const plays = filterPlays(definition.plays, parseNames(values.tags), parseNames(values['skip-tags']))
  const inventory = await loadInventory({
    root: input.root,
    inventory: values.inventory,
    extraVars: values['extra-vars'] ?? [],
    // A play may have a role from elsewhere.
    roles: [
      ...(await roleNames(input.root)),
      ...definition.plays.flatMap(play => play.roles.map(role => role.name)),
    ],
    environment: input.environment,
    // Listing hosts needs no secrets.
    resolve: !values['list-hosts'],
  })
  const hosts = selectHosts(inventory, values.limit)
  if (values['list-hosts']) return say(input, hosts.map(host => `${host.name}\n`).join(''))
  const assigned = assignRoles(inventory, hosts, plays, definition.site, definition.plays)
  const purge = parseNames(values.purge === undefined ? [] : [values.purge])
  refusePurge(purge, assigned)
  const { settings } = definition
  if (settings) refuseSeparateDatabases(releasesOf(assigned, settings))
  if (values['list-tasks']) return say(input, await listTasks(assigned))
  return withReport(values.report, report =>
    runSite({ definition, values, forks, plays, inventory, hosts, assigned, purge, report }, input),
  )
}

interface SiteRun {
  readonly definition: SiteDefinition
  readonly values: ReturnType<typeof parseFlags<typeof flags>>['values']
  readonly forks: number
  readonly plays: readonly Play[]
  readonly inventory: Inventory
  readonly hosts: readonly InventoryHost[]
  readonly assigned: readonly HostRoles[]
  readonly purge: readonly string[]
  readonly report: Report | undefined
}

async function runSite(
  { definition, values, forks, plays, inventory, hosts, assigned, purge, report }: SiteRun,
  input: CommandInput,
): Promise<number> {
  const sudoPassword = await askSudoPassword(values['ask-become-pass'], input.environment)

  const printer = await openPrinter({
    stream: input.stdout,
    json: values.json,
    verbosity: values.verbose?.length ?? 0,
    diff: values.diff,
    report,
  })
  const live = new Map<string, readonly string[]>()
  const certified = new Set<string>()
  const emit: Emit = event => {
    if (event.event === 'facts') live.set(event.host, event.facts.live)
    if (event.event === 'changed' && /^(placeholder )?certificate /.test(event.resource))
      certified.add(event.host)
    printer.on(event)
  }
  const interrupts = handleInterrupts(emit, () => printer.close())
  try {
    emit({
      event: 'run',
      command: 'site',
      hosts: hosts.map(host => host.name),
      check: values.check,
      inventory: inventory.name,
    })
    // A report shows differences, whether they are printed or not.
    const diff = values.diff || report !== undefined
    const run = { emit, check: values.check, diff, stop: interrupts.stop, forks, purge }
    const progress = (message: string) => emit({ event: 'progress', message })
    const reached = { root: input.root, sudoPassword, say: progress }
    const pool = new HostPool(inventory, inventory.hosts, { ...run, ...reached })
    definition.onHosts?.(pool)
    const members = new Map((await pool.select(hosts)).map(host => [host.name, host]))
    // What some roles don't declare, others may, and a release needs all of them.
    const partial = values.tags !== undefined || values['skip-tags'] !== undefined
    const { exitCode, hosts: recap } = await converge(workOf(assigned, members, partial), {
      ...run,
      run: runIdentity(input.environment),
      plays: playWork(inventory, plays, members),
    }).finally(() => pool.close())
    for (const { host, sites } of assigned.filter(each => certified.has(each.host.name))) {
      const way = pool.reachable.find(one => one.host === host)
      const domains = sites.map(({ www, domain }) => www[0] ?? domain)
      if (way) await refreshCertificates(way, domains, input.root)
    }
    const differed = Object.values(recap).some(({ changed }) => changed > 0)
    if (values['exit-code'] && differed && exitCode === 0) return interrupts.exitCode() ?? 1
    const bare = new Map(
      assigned.flatMap(({ host, sites }) => {
        const way = pool.reachable.find(one => one.host === host)
        const apps = live.get(host.name)
        const waiting = sites.flatMap(site => (apps?.includes(site.app) ? [] : [site.app]))
        return way?.sandbox && apps && waiting.length > 0 ? [[way, waiting]] : []
      }),
    )
    const app = plays.flatMap(play => play.roles).find(role => role.name === 'app')
    const { site, settings } = definition
    if (exitCode !== 0 || values.check || partial || interrupts.stop.aborted)
      return interrupts.exitCode() ?? exitCode
    if (!app || !settings || bare.size === 0) return interrupts.exitCode() ?? exitCode
    return await firstRelease({ site, app, settings }, input, bare, {
      inventory: values.inventory,
      extraVars: values['extra-vars'] ?? [],
      emit,
      stop: interrupts.stop,
    })
  } finally {
    interrupts.release()
    printer.close()
  }
}

/** Throws UsageError for what is no name, and for a site that the inventory has: it has to be taken out of it first. */
function refusePurge(names: readonly string[], assigned: readonly HostRoles[]): void {
  for (const name of names)
    if (!/^[a-z][a-z0-9_-]{0,31}$/.test(name))
      throw new UsageError('usage', `--purge: expected the name of a site, got ${JSON.stringify(name)}`)
  for (const { host, sites } of assigned)
    for (const { app } of sites)
      if (names.includes(app))
        throw new UsageError('usage', `--purge ${app}: ${host.name} has this site in the inventory`, {
          hint: 'Nothing was changed. Take the site out of the inventory first, then run this again.',
        })
}

function workOf(
  assigned: readonly HostRoles[],
  hosts: ReadonlyMap<string, Host>,
  partial: boolean,
): readonly HostWork[] {
  return assigned.flatMap(({ host: { name, groups }, sites, roles }) => {
    const host = hosts.get(name)
    if (!host) return []
    const { connection } = host
    return [{ identity: { name, groups }, sites, roles, partial, connection, $: host.$({ readOnly: true }) }]
  })
}

function say({ stdout }: CommandInput, text: string): 0 {
  stdout.write(text)
  return 0
}
