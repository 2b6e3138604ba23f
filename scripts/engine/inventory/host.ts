import { homedir } from 'node:os'
import { resolve } from 'node:path'
import { type DebianRelease, debianReleases } from '#engine/systems.ts'
import { choice, flag, optional, port, text, type VarsOf, vars } from '#engine/vars.ts'

/** How a host is reached. */
export type HostConnection = SshHost | LocalHost | SandboxHost

export interface SshHost {
  readonly kind: 'ssh'
  /** A name, an address or an alias of ~/.ssh/config; the host's own name where the inventory gives none. */
  readonly address: string
  /** Absent, here and below: as OpenSSH's own configuration says. */
  readonly user: string | undefined
  readonly port: number | undefined
  /** Absolute paths. */
  readonly key: string | undefined
  readonly knownHosts: string | undefined
  readonly config: string | undefined
  readonly hostKeyAlias: string | undefined
  /** Whether root is entered by sudo; absent: where the login is not root. */
  readonly sudo: boolean | undefined
}

/** This machine itself. */
export interface LocalHost {
  readonly kind: 'local'
  readonly sudo: boolean | undefined
}

/** A container of this clone's own, brought up when it is not. */
export interface SandboxHost {
  readonly kind: 'sandbox'
  readonly debian: DebianRelease
}

/** The keys of a host in the inventory, `vars` apart. */
export const hostSettings = vars({
  connection: choice(['ssh', 'local', 'sandbox'], { default: 'ssh', is: 'how it is reached' }),
  address: optional(
    text({
      pattern: /[A-Za-z0-9_:][A-Za-z0-9_.:@-]*/,
      max: 253,
      expects: 'a host name or an IP address',
      is: 'its name, address or ssh alias',
    }),
  ),
  user: optional(name('a login name', 'who logs in')),
  port: optional(port({ is: 'the port of its sshd' })),
  key: optional(text({ is: 'the private key file; ~ is your home' })),
  known_hosts: optional(text({ is: 'the file its host key is looked up in' })),
  host_key_alias: optional(name('a name of known_hosts', 'the name its host key is known by')),
  config: optional(text({ is: 'an ssh_config file instead of your own' })),
  sudo: optional(flag({ is: 'whether root is entered by sudo' })),
  debian: choice(debianReleases, { default: 12, is: 'the Debian of a sandbox' }),
})

/** The settings that each kind of connection has a use for. */
export const settingsOf: Readonly<Record<HostConnection['kind'], readonly string[]>> = {
  ssh: ['address', 'user', 'port', 'key', 'known_hosts', 'host_key_alias', 'config', 'sudo'],
  local: ['sudo'],
  sandbox: ['debian'],
}

/** The connection of a host from its settings; relative paths start at `root`. */
export function connectionOf(
  host: string,
  settings: VarsOf<typeof hostSettings>,
  root: string,
): HostConnection {
  const { connection: kind, sudo } = settings
  if (kind === 'sandbox') return { kind, debian: settings.debian }
  if (kind === 'local') return { kind, sudo }
  const file = (path: string | undefined) =>
    path === undefined ? undefined : resolve(root, path.replace(/^~(?=\/|$)/, homedir()))
  return {
    kind,
    address: settings.address ?? host,
    user: settings.user,
    port: settings.port,
    key: file(settings.key),
    knownHosts: file(settings.known_hosts),
    config: file(settings.config),
    hostKeyAlias: settings.host_key_alias,
    sudo,
  }
}

// A dash in front would be read as an option by ssh; nothing here has a use for other punctuation.
function name(expects: string, is: string) {
  return text({ pattern: /[A-Za-z0-9_][A-Za-z0-9_.:@-]*/, max: 253, expects, is })
}
