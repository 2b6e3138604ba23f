import { homedir, hostname, userInfo } from 'node:os'
import { UnreachableError, UsageError } from '../errors.ts'
import { openssh } from './openssh.ts'
import type { SshTarget } from './target.ts'

/** How to reach and log in to a host, as OpenSSH itself reads its configuration. */
export interface SshConfig {
  readonly hostname: string
  readonly port: number
  readonly user: string
  /** Paths, whether they exist or not, in the order to try. */
  readonly identityFiles: readonly string[]
  readonly identitiesOnly: boolean
  /** The agent's socket; absent: none. */
  readonly agentSocket: string | undefined
  /** Lines that are looked into instead of all files. */
  readonly knownHosts: string | undefined
  readonly userKnownHosts: readonly string[]
  readonly globalKnownHosts: readonly string[]
  readonly revokedHostKeys: string | undefined
  /** The name that known_hosts is asked for: HostKeyAlias, `host`, or `[host]:port`. */
  readonly hostKeyName: string
  readonly strictHostKeyChecking: string
  readonly connectTimeout: number | undefined
  readonly addressFamily: 0 | 4 | 6
  readonly bindAddress: string | undefined
  readonly proxyJump: string | undefined
  /** A command for `sh`, its tokens expanded. */
  readonly proxyCommand: string | undefined
}

/**
 * Asks `ssh -G`, unless no file is to be read and the target has all that it would say. Throws UsageError on an address
 * or user that no host has, UnreachableError with ssh's own words when it refuses the configuration.
 */
export async function readSshConfig(target: SshTarget): Promise<SshConfig> {
  refuseUnsafe(target)
  return configOf(target, ownSettings(target) ?? settings(await asked(target)))
}

/** What `ssh -G` would say of a target that leaves nothing to files and to ssh's defaults; undefined for another. */
function ownSettings(target: SshTarget): Settings | undefined {
  const { configFile, port, user, keyFile, knownHostsFile, hostKeyAlias, connectTimeout } = target
  const isPlain = configFile === 'none' && hostKeyAlias === undefined && connectTimeout === undefined
  if (!isPlain || !port || !user || !keyFile || !knownHostsFile) return undefined
  return new Map([
    ['port', [String(port)]],
    ['user', [user]],
    ['identitiesonly', ['yes']],
  ])
}

async function asked(target: SshTarget): Promise<string> {
  const { exitCode, stdout, stderr } = await openssh('ssh', ['-G', ...options(target), '--', target.address])
  if (exitCode !== 0)
    throw new UnreachableError(
      'ssh-config',
      `${target.host}: ssh -G ${target.address} exited with ${exitCode}`,
      {
        hint: 'Fix the file in the message. Capstan reads ssh_config with ssh -G.',
        lines: stderr.split('\n').filter(Boolean).slice(-6),
      },
    )
  return stdout
}

// A ProxyCommand hands both to a shell. Source: valid_hostname() and valid_ruser() of OpenSSH 9.6's ssh.c.
function refuseUnsafe({ host, address, user = '' }: SshTarget): void {
  for (const [what, value] of Object.entries({ address, user })) {
    if (!value.startsWith('-') && !/[\s'"`$\\;&<>|(){}\0]/.test(value)) continue
    throw new UsageError('address', `${host}: ${what}: expected a plain name, got ${JSON.stringify(value)}`)
  }
}

/** The values of the target, as options that win over every file. */
function options(target: SshTarget): readonly string[] {
  const { port, user, keyFile, knownHostsFile, hostKeyAlias, configFile, connectTimeout } = target
  return [
    ...(configFile === undefined ? [] : ['-F', configFile]),
    ...(port === undefined ? [] : ['-p', String(port)]),
    ...(user === undefined ? [] : ['-l', user]),
    ...(keyFile === undefined ? [] : ['-o', 'IdentitiesOnly=yes']),
    ...(knownHostsFile === undefined ? [] : ['-o', 'GlobalKnownHostsFile=none']),
    ...(hostKeyAlias === undefined ? [] : ['-o', `HostKeyAlias=${hostKeyAlias}`]),
    ...(connectTimeout === undefined ? [] : ['-o', `ConnectTimeout=${Math.ceil(connectTimeout)}`]),
  ]
}

type Settings = ReadonlyMap<string, readonly string[]>

function settings(stdout: string): Settings {
  const found = new Map<string, string[]>()
  for (const line of stdout.split('\n')) {
    const space = line.indexOf(' ')
    if (space === -1) continue
    const key = line.slice(0, space).toLowerCase()
    found.set(key, [...(found.get(key) ?? []), line.slice(space + 1)])
  }
  return found
}

function configOf(target: SshTarget, given: Settings): SshConfig {
  const one = (key: string) => {
    const value = given.get(key)?.[0]
    return value === undefined || value === 'none' ? undefined : value
  }
  const address = target.address.slice(target.address.lastIndexOf('@') + 1)
  const hostname = one('hostname') ?? address
  const port = Number(one('port') ?? 22)
  const user = one('user') ?? userInfo().username
  const alias = one('hostkeyalias')
  const lookedUp = (alias ?? (port === 22 ? hostname : `[${hostname}]:${port}`)).toLowerCase()
  const tokens = { hostname, port, user, address, alias: alias ?? hostname }
  const path = (text: string) => expand(home(text), tokens)
  const paths = (key: string) => (one(key) ?? '').split(/\s+/).filter(Boolean).map(path)
  const proxyCommand = one('proxycommand')
  const revoked = one('revokedhostkeys')
  const family = one('addressfamily')
  return {
    hostname,
    port,
    user,
    identityFiles:
      target.keyFile === undefined ? (given.get('identityfile') ?? []).map(path) : [target.keyFile],
    identitiesOnly: one('identitiesonly') === 'yes',
    agentSocket: agentSocket(given.get('identityagent')?.[0], path),
    knownHosts: target.knownHostsFile === undefined ? target.knownHosts : undefined,
    userKnownHosts:
      target.knownHostsFile === undefined ? paths('userknownhostsfile') : [target.knownHostsFile],
    globalKnownHosts: paths('globalknownhostsfile'),
    revokedHostKeys: revoked === undefined ? undefined : path(revoked),
    hostKeyName: lookedUp,
    strictHostKeyChecking: one('stricthostkeychecking') ?? 'ask',
    connectTimeout: Number(one('connecttimeout')) || undefined,
    addressFamily: family === 'inet' ? 4 : family === 'inet6' ? 6 : 0,
    bindAddress: one('bindaddress'),
    proxyJump: one('proxyjump'),
    proxyCommand: proxyCommand === undefined ? undefined : expand(proxyCommand, tokens),
  }
}

function agentSocket(setting: string | undefined, path: (text: string) => string): string | undefined {
  if (setting === 'none') return undefined
  if (setting === undefined || setting === 'SSH_AUTH_SOCK') return process.env['SSH_AUTH_SOCK'] || undefined
  const variable = setting.match(/^\$\{?(\w+)\}?$/)?.[1]
  return variable === undefined ? path(setting) : process.env[variable]
}

function home(path: string): string {
  return path === '~' || path.startsWith('~/') ? homedir() + path.slice(1) : path
}

interface Tokens {
  readonly hostname: string
  readonly port: number
  readonly user: string
  readonly address: string
  readonly alias: string
}

/** Source: ssh_config(5), TOKENS; `%C` and `%T` are left as they are. */
function expand(text: string, { hostname: name, port, user, address, alias }: Tokens): string {
  const local = hostname()
  const values: Readonly<Record<string, string>> = {
    '%': '%',
    d: homedir(),
    h: name,
    i: String(process.getuid?.() ?? ''),
    k: alias,
    L: local.split('.')[0] ?? local,
    l: local,
    n: address,
    p: String(port),
    r: user,
    u: userInfo().username,
  }
  return text.replace(/%(.)/g, (token, letter: string) => values[letter] ?? token)
}
