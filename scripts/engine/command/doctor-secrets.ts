import { connectSsh } from '#engine/connection/ssh.ts'
import { readSshConfig, type SshConfig } from '#engine/connection/ssh-config.ts'
import type { SshTarget } from '#engine/connection/target.ts'
import { type KeyPair, makeDeployUser, newKey } from '#engine/doctor/deployer.ts'
import { HostError, UsageError } from '#engine/errors.ts'
import type { Inventory, InventoryHost } from '#engine/inventory/inventory.ts'
import type { Tree } from '#engine/inventory/tree.ts'
import { Secret } from '#engine/secret.ts'

/** A host, and how whoever sets it up logs in to it today. */
export interface HostToSetUp {
  readonly host: InventoryHost
  readonly target: SshTarget
}

export interface SecretsOptions {
  readonly inventory: Inventory
  readonly from: string | undefined
  readonly say: (text: string) => unknown
}

/**
 * Makes the deploy user and a key on all hosts, logs in with nothing but what a runner will have, and prints the
 * secrets. Throws UsageError where an inventory can't be deployed to from a runner, before a host is contacted.
 */
export async function makeSecrets(hosts: readonly HostToSetUp[], options: SecretsOptions): Promise<number> {
  const { inventory, from, say } = options
  if (from !== undefined && !/^[\w.:*?/!,-]+$/.test(from))
    throw new UsageError(
      'usage',
      `--from: expected addresses such as 203.0.113.0/24, got ${JSON.stringify(from)}`,
    )
  const users = hosts.map(({ host }) => deployUserOf(host, inventory))
  const configs = await Promise.all(hosts.map(async one => runnerConfig(one)))
  const comment = `capstan deploy ${inventory.name}`
  const key = await newKey(comment)
  const lines: string[] = []
  for (const [index, { host, target }] of hosts.entries()) {
    const user = users[index] ?? ''
    const connection = await connectSsh(target)
    const keys = await makeDeployUser(connection, { user, publicKey: key.publicKey, comment, from }).finally(
      () => connection.close(),
    )
    const name = configs[index]?.hostKeyName
    const own = keys.map(line => `${name} ${line}`)
    await logInAsRunner({ target, user, key, knownHosts: own.join('\n') })
    lines.push(...own)
    say(`${host.name}  ${user} is there, gets in with the new key, and becomes root\n`)
  }
  say(pasteable(inventory, hosts, key, lines))
  return 0
}

function deployUserOf({ connection, name, line }: InventoryHost, { file }: Inventory): string {
  if (connection.kind !== 'ssh')
    throw new UsageError(
      'usage',
      `${name}: expected an ssh host, since a runner connects by ssh; got connection ${connection.kind}`,
    )
  if (connection.user !== undefined && connection.user !== 'root') return connection.user
  const got = connection.user ?? 'none'
  throw new UsageError(
    'usage',
    `${line([])}: ${name}.user: expected the user that deploys, such as deploy; got ${got}`,
    {
      hint: `Write \`user: deploy\` for it in ${file}. Use --as for your own login.`,
    },
  )
}

/** What ssh makes of the inventory alone. Throws UsageError where it needs your own ~/.ssh/config to get there. */
async function runnerConfig({ host, target }: HostToSetUp): Promise<SshConfig> {
  const [here, there] = await Promise.all([
    readSshConfig(target),
    readSshConfig({ ...target, configFile: target.configFile ?? '/dev/null' }),
  ])
  for (const setting of ['hostname', 'port', 'proxyJump', 'proxyCommand', 'hostKeyName'] as const) {
    if (here[setting] === there[setting]) continue
    throw new UsageError(
      'runner-config',
      `${host.name}: ${setting} is ${here[setting]} by your ~/.ssh/config, and ${there[setting]} without it`,
      {
        hint: 'A runner has no ~/.ssh/config: set address and port in the inventory, or add a config file to the repository.',
      },
    )
  }
  return there
}

interface RunnerLogin {
  readonly target: SshTarget
  readonly user: string
  readonly key: KeyPair
  readonly knownHosts: string
}

async function logInAsRunner({ target, user, key, knownHosts }: RunnerLogin): Promise<void> {
  const { keyFile: _own, knownHostsFile: _file, sudoPassword: _password, ...way } = target
  const connection = await connectSsh({
    ...way,
    user,
    key: new Secret(key.privateKey),
    knownHosts,
    configFile: way.configFile ?? '/dev/null',
  })
  try {
    const { stdout } = await connection.run('id -u')
    if (stdout.toString().trim() === '0') return
    throw new HostError('deploy-user', `${target.host}: ${user} can log in, but cannot become root with sudo`)
  } finally {
    await connection.close()
  }
}

function pasteable(
  inventory: Inventory,
  hosts: readonly HostToSetUp[],
  { privateKey }: KeyPair,
  knownHosts: readonly string[],
): string {
  const names = [...new Set(hosts.flatMap(({ host }) => secretNames(host.tree)))].sort()
  const others = names.map(
    name =>
      `gh secret set ${name} --env "$environment"    # asks for the value of !secret ${name} in the inventory\n`,
  )
  return `
Secrets of the environments ${inventory.name}, ${inventory.name}-plan and ${inventory.name}-checks: paste them under
Settings → Environments, or paste this into a shell that has GitHub's gh. The key is shown this once and kept nowhere; make another to replace it.

for environment in ${inventory.name} ${inventory.name}-plan ${inventory.name}-checks; do
gh secret set SSH_PRIVATE_KEY --env "$environment" <<'KEY'
${privateKey.trim()}
KEY
gh secret set KNOWN_HOSTS --env "$environment" <<'HOSTS'
${knownHosts.join('\n')}
HOSTS
${others.join('')}done
`
}

function secretNames(tree: Tree): readonly string[] {
  if (tree.kind === 'reference') return tree.to === 'secret' ? [tree.name] : []
  if (tree.kind === 'list') return tree.items.flatMap(secretNames)
  return tree.kind === 'map' ? [...tree.entries.values()].flatMap(secretNames) : []
}
