// The public API, all of it: what a script imports as #capstan.
import { createRequire } from 'node:module'
import type { Flags } from './command/flags.ts'
import type { CommandInput } from './command/main.ts'
import type { ScriptDefinition, ScriptInput, ScriptRun } from './command/script.ts'
import type { StatusDefinition } from './command/status.ts'
import type { PackagedRole, Role } from './converge/role.ts'
import type { Inventory } from './inventory/inventory.ts'
import type { HostSource } from './run/host-pool.ts'
import type { Play, PlayOptions } from './run/plays.ts'
import type { AppDefinition } from './run/release-hosts.ts'
import type { Hosts } from './script/hosts.ts'

export type { ScriptDefinition, ScriptInput } from './command/script.ts'
export type { Facts } from './converge/facts.ts'
export type { PackagedRole, Role } from './converge/role.ts'
export { CapstanError, HostError, UnreachableError, UsageError } from './errors.ts'
export type { Inventory } from './inventory/inventory.ts'
export type { PlayOptions } from './run/plays.ts'
export type { Dollar } from './script/dollar.ts'
export type { DollarOptions } from './script/dollar-host.ts'
export type { FileOptions } from './script/files.ts'
export type { Converged, Host } from './script/host.ts'
export type { EachOptions, Hosts } from './script/hosts.ts'
export type { Timeout } from './script/seconds.ts'
export type { Awaited } from './script/wait-for.ts'
export { Secret } from './secret.ts'

/**
 * The hosts of a pattern (`all`, `web`, `web:!web3`), within what `-l` allows. Nothing is contacted before the first
 * command: ``await hosts('web').each(host => host.$`uptime`)``.
 */
export function hosts(pattern = 'all'): Hosts {
  return source().hosts(pattern)
}

/** The inventory that `-i` names, with its hosts, groups and merged vars. */
export function inventory(): Promise<Inventory> {
  return source().inventory()
}

/**
 * Declares what the script takes on its command line beside the common flags, and gives what it got. Called before the
 * rest of the API. Without it a script takes the common flags alone.
 */
export function script<const F extends Flags>(definition: ScriptDefinition<F>): ScriptInput<F> {
  if (current)
    throw new Error('script() comes before hosts() and inventory(): the command line has been read')
  const run = scriptRun(definition)
  current = run
  return run.input as unknown as ScriptInput<F>
}

/** A play for `site`: the hosts of a pattern get these roles, those of these names, or those of npm packages, in this order. */
export function play(
  pattern: string,
  roles: readonly (Role | PackagedRole | string)[],
  options: PlayOptions = {},
): DeclaredPlay {
  return { hosts: pattern, roles, ...options }
}

export interface DeclaredPlay extends Omit<Play, 'roles'> {
  readonly roles: readonly (Role | PackagedRole | string)[]
}

/**
 * The command of scripts/site.mjs: inspects all hosts, then applies the plays in order, each to the hosts that differ.
 * Ends with the exit code of the run.
 */
export function site(...declared: readonly DeclaredPlay[]): Promise<void> {
  const { siteCommand } = from<typeof import('./command/site.ts')>('site')
  if (current) throw new Error('site() opens the hosts itself: use hosts() in before and after of its plays')
  const onHosts = (source: HostSource) => {
    current = source
  }
  return main(input => {
    const plays = declared.map(play => ({ ...play, roles: play.roles.map(role => named(input, role)) }))
    return siteCommand({ ...definition(input), plays, onHosts }, input)
  })
}

/**
 * A text that came from a host, to be printed: its control characters are shown and not obeyed, and no line of it is a
 * command to GitHub's runner. `console.log` itself masks secrets, and prints all else as it is.
 */
export function printable(text: string): string {
  const { cleanLines } = load('./output/clean.ts') as typeof import('./output/clean.ts')
  const { harmless } = load('./output/actions.ts') as typeof import('./output/actions.ts')
  return cleanLines(text)
    .map(line => harmless(line, process.env))
    .join('\n')
}

/** The other commands of scripts/: each reads its own command line, and ends with its exit code. */
export const commands = {
  deploy: () =>
    main(input =>
      from<typeof import('./command/deploy.ts')>('deploy').deployCommand(definition(input), input),
    ),
  rollback: () =>
    main(input =>
      from<typeof import('./command/rollback.ts')>('rollback').rollbackCommand(definition(input), input),
    ),
  app: () =>
    main(input => from<typeof import('./command/app.ts')>('app').appCommand(definition(input), input)),
  releases: () =>
    main(input =>
      from<typeof import('./command/releases.ts')>('releases').releasesCommand(definition(input), input),
    ),
  status: () =>
    main(async input =>
      from<typeof import('./command/status.ts')>('status').statusCommand(
        await statusDefinition(input),
        input,
      ),
    ),
  test: () =>
    main(input => from<typeof import('./command/test.ts')>('test').testCommand(definition(input), input)),
  doctor: () => main(input => from<typeof import('./command/doctor.ts')>('doctor').doctorCommand(input)),
  github: () =>
    main(input =>
      from<typeof import('./command/github.ts')>('github').githubCommand(() => definition(input), input),
    ),
  sandbox: () => main(input => from<typeof import('./command/sandbox.ts')>('sandbox').sandboxCommand(input)),
  create: () => main(input => from<typeof import('./command/create.ts')>('create').createCommand(input)),
  inventory: () =>
    main(input => from<typeof import('./command/inventory.ts')>('inventory').inventoryCommand(input)),
} as const

// Modules are loaded by their first use: a command loads what it needs, and a script what it asks for.
const load = createRequire(import.meta.url)

function from<M>(command: string): M {
  return load(`./command/${command}.ts`) as M
}

function main(command: (input: CommandInput) => Promise<number>): Promise<void> {
  return from<typeof import('./command/main.ts')>('main').main(command)
}

function definition({ root }: CommandInput): AppDefinition {
  const { releaseDefinition } = load('./run/project.ts') as typeof import('./run/project.ts')
  return releaseDefinition(root)
}

async function statusDefinition(input: CommandInput): Promise<StatusDefinition> {
  const { roleNamed } = load('./run/project.ts') as typeof import('./run/project.ts')
  const { roleNames } = load('./inventory/roles.ts') as typeof import('./inventory/roles.ts')
  const names = await roleNames(input.root)
  return { ...definition(input), roles: names.map(name => roleNamed(input.root, name)) }
}

function named({ root }: CommandInput, role: Role | PackagedRole | string): Role {
  if (typeof role === 'object' && 'declare' in role) return role
  const { packaged, roleNamed } = load('./run/project.ts') as typeof import('./run/project.ts')
  return typeof role === 'string' ? roleNamed(root, role) : packaged(role)
}

/** Where the hosts of this process come from: a script is one run. */
let current: HostSource | undefined

function source(): HostSource {
  current ??= scriptRun()
  return current
}

function scriptRun(definition?: ScriptDefinition<Flags>): ScriptRun {
  const { ScriptRun } = from<typeof import('./command/script.ts')>('script')
  return new ScriptRun(definition)
}
