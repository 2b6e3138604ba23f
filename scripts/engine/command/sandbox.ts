import { parseArgs } from 'node:util'
import { UsageError } from '#engine/errors.ts'
import { loadInventory } from '#engine/inventory/inventory.ts'
import { roleNames } from '#engine/inventory/roles.ts'
import { aligned } from '#engine/output/table.ts'
import { runInTerminal } from '#engine/program.ts'
import type { SandboxHostStatus, SandboxOptions, SandboxRequest } from '#engine/sandbox/sandbox.ts'
import { sandboxDown, sandboxStatus, sandboxUp, sshArguments } from '#engine/sandbox/sandbox.ts'
import { releaseNamed, releasesInWords } from '#engine/systems.ts'
import type { CommandInput } from './main.ts'

export type SandboxCommand =
  | { readonly verb: 'help' }
  | { readonly verb: 'up'; readonly hosts: readonly WantedHost[] }
  | { readonly verb: 'down'; readonly names: readonly string[]; readonly purge: boolean }
  | { readonly verb: 'status' }
  | { readonly verb: 'ssh'; readonly host: string; readonly command: readonly string[] }

/** A host of `up web1` or `up web1:13`; without a release it is what the inventory says, else 12. */
export interface WantedHost {
  readonly name: string
  readonly debian: SandboxRequest['debian'] | undefined
}

const help = `Usage: npx zx scripts/sandbox.mjs <command>

Manages the sandbox: real Debian hosts (systemd, sshd, their own address) in containers on this machine.

  up [name[:release] …]  start hosts and wait for their sshd; by default those of inventory/sandbox.yml;
                         releases of Debian are ${releasesInWords('and')}
  down [name …]          remove hosts; by default the whole sandbox with its network and keys
  status                 list the hosts, their state, ports and addresses
  ssh <host> [command …] log in to a host as root, or run a command on it

  --purge    with down: also remove the images and downloaded packages, which all clones share
  --help     show this help

Examples:
  npx zx scripts/sandbox.mjs up
  npx zx scripts/sandbox.mjs up web1 web2:13
  npx zx scripts/sandbox.mjs ssh web1 systemctl --failed
  npx zx scripts/sandbox.mjs down --purge
`

/** Runs scripts/sandbox.mjs; gives 0, or with `ssh` the exit code of the command on the host. */
export async function sandboxCommand(input: CommandInput): Promise<number> {
  const command = parseSandboxCommand(input.args)
  const options = { root: input.root, say: (line: string) => void input.stdout.write(`${line}\n`) }
  if (command.verb === 'up') await up(command.hosts, await declaredHosts(input), options)
  else if (command.verb === 'down') await sandboxDown({ ...options, ...command })
  else if (command.verb === 'status') options.say(statusTable(await sandboxStatus(options)))
  else if (command.verb === 'ssh') return logIn(command.host, command.command, options)
  else options.say(help.trimEnd())
  return 0
}

/** The words after `sandbox.mjs` as a command. Throws UsageError on what it does not know. */
export function parseSandboxCommand(args: readonly string[]): SandboxCommand {
  // What follows the host of `ssh` is the command's own, dashes and all.
  if (args[0] === 'ssh' && args[1] !== undefined && !args[1].startsWith('-'))
    return { verb: 'ssh', host: args[1], command: args.slice(2) }
  const { values, positionals } = parse(args)
  const [verb, ...names] = positionals
  if (values.help === true) return { verb: 'help' }
  if (values.purge === true && verb !== 'down') throw usage('--purge goes with down')
  if (verb === 'up') return { verb, hosts: names.map(wantedHost) }
  if (verb === 'down' && values.purge === true && names.length > 0)
    throw usage('--purge goes with down of the whole sandbox, without names')
  if (verb === 'down') return { verb, names, purge: values.purge === true }
  if (verb === 'status' && names.length === 0) return { verb }
  if (verb === 'ssh') throw usage('ssh: wanted the name of a host, got none')
  throw usage(`wanted up, down, status or ssh, got ${verb === undefined ? 'nothing' : positionals.join(' ')}`)
}

function parse(args: readonly string[]) {
  try {
    const options = { help: { type: 'boolean', short: 'h' }, purge: { type: 'boolean' } } as const
    return parseArgs({ args: [...args], allowPositionals: true, strict: true, options })
  } catch (error) {
    // Its second sentence is advice on `--` that does not fit here.
    throw usage(error instanceof Error ? (error.message.split('. ')[0] ?? '') : String(error))
  }
}

function wantedHost(word: string): WantedHost {
  const [name = '', debian, ...more] = word.split(':')
  if (debian === undefined) return { name, debian }
  const release = releaseNamed(debian)
  if (release === undefined || more.length > 0)
    throw usage(`${name}: expected Debian ${releasesInWords('or')}, got ${word.slice(name.length + 1)}`)
  return { name, debian: release }
}

async function up(
  wanted: readonly WantedHost[],
  declared: readonly SandboxRequest[],
  options: SandboxOptions,
): Promise<void> {
  const release = (name: string) => declared.find(host => host.name === name)?.debian ?? 12
  const named = wanted.map(({ name, debian }) => ({ name, debian: debian ?? release(name) }))
  const hosts = await sandboxUp(named.length === 0 ? declared : named, options)
  options.say(statusTable(hosts.map(host => ({ ...host, state: 'running' }))))
}

/** The sandbox hosts of inventory/sandbox.yml: those that `up` brings up, and the Debian of each. */
async function declaredHosts({ root, environment }: CommandInput): Promise<readonly SandboxRequest[]> {
  const roles = await roleNames(root)
  const options = { root, inventory: 'sandbox', extraVars: [], roles, environment, resolve: false }
  const { hosts } = await loadInventory(options)
  return hosts.flatMap(({ name, connection }) =>
    connection.kind === 'sandbox' ? [{ name, debian: connection.debian }] : [],
  )
}

function statusTable(hosts: readonly SandboxHostStatus[]): string {
  if (hosts.length === 0) return 'the sandbox has no host; `npx zx scripts/sandbox.mjs up` makes web1'
  const head = ['name', 'debian', 'state', 'ssh', 'http', 'https', 'dns', 'ip']
  const rows = hosts.map(host => {
    const { http, https, dns } = host.ports
    return [host.name, host.debian, host.state, host.port, http, https, dns, host.ip].map(String)
  })
  return aligned([head, ...rows]).join('\n')
}

async function logIn(name: string, command: readonly string[], options: SandboxOptions): Promise<number> {
  const hosts = await sandboxStatus(options)
  const host = hosts.find(each => each.name === name)
  if (host?.state !== 'running') {
    throw new UsageError(
      'sandbox-host',
      `sandbox: expected a running host, ${name} is ${host?.state ?? 'none of its hosts'}`,
      {
        hint: `\`npx zx scripts/sandbox.mjs up ${name}\` starts it; \`… status\` lists the hosts.`,
      },
    )
  }
  return runInTerminal('ssh', [...sshArguments(host), ...command])
}

function usage(message: string): UsageError {
  return new UsageError('sandbox-usage', `sandbox.mjs: ${message}`, {
    hint: '`npx zx scripts/sandbox.mjs --help` lists the commands.',
  })
}
