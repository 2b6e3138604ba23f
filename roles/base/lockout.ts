import { BlockList, isIPv6 } from 'node:net'
import type { Facts } from '#engine/converge/facts.ts'
import { HostError } from '#engine/errors.ts'
import { checkedNetwork } from '#engine/resources/firewall/rules.ts'

/** What of the role's vars decides who gets in. */
interface Access {
  readonly ports: readonly number[] | undefined
  readonly from: readonly string[]
  readonly users: readonly string[]
  readonly root: 'key' | 'no' | undefined
}

/** An account whose keys the role decides. */
interface Account {
  readonly user: string | undefined
  readonly keys: readonly string[]
}

/**
 * Throws HostError where the login of this run would not work any more. It only reads: nothing has been changed then. Of
 * several keys of the account, the one that this run uses is not known: one of them has to stay. Settings of sshd and the firewall
 * are also tried by a new login after the change, and put back.
 */
export function refuseLockout(host: string, access: Access, deploy: Account, login: Facts['ssh']): void {
  const { ports, from, users, root } = access
  for (const network of from) checkedNetwork(network)
  if (login === undefined) return
  const { port, client, user, keys } = login
  if (keys?.length === 0)
    throw lockedOut(
      host,
      `only keys can log in, and ${user} has none in ~/.ssh/authorized_keys`,
      `Run \`ssh-copy-id ${user}@…\` and try again.`,
    )
  if (deploy.user === user && keys && !deploy.keys.some(key => isAmong(keys, key)))
    throw lockedOut(
      host,
      `base.deploy.keys has none of the keys that ${user} logs in with, and others are removed`,
      `Add yours, or make base.deploy.user another account.`,
    )
  if (ports && !ports.includes(port))
    throw lockedOut(
      host,
      `base.ssh.ports is ${ports.join(', ')}, and this run is logged in at port ${port}`,
      `Move in two runs: ports [${port}, ${ports.join(', ')}] first, then the new port in the inventory or ~/.ssh/config, then ports [${ports.join(', ')}].`,
    )
  if (from.length > 0 && !isIn(from, client))
    throw lockedOut(
      host,
      `base.ssh.from is ${from.join(', ')}, and this run comes from ${client}`,
      `Add a network that ${client} is in.`,
    )
  if (users.length > 0 && !users.includes(user))
    throw lockedOut(
      host,
      `base.ssh.users is ${users.join(', ')}, and this run is logged in as ${user}`,
      `Add ${user}, or log in as another user.`,
    )
  if (root === 'no' && user === 'root')
    throw lockedOut(
      host,
      'base.ssh.root is no, and this run is logged in as root',
      'Create a user with sudo first (base.deploy, or by hand), and make it the user of the inventory.',
    )
}

function lockedOut(host: string, message: string, hint: string): HostError {
  return new HostError('locked-out', `${host}: this would lock you out: ${message}`, {
    where: 'roles/base/role.ts',
    hint: `Nothing was changed. ${hint}`,
  })
}

function isAmong(ends: readonly string[], key: string): boolean {
  const [, blob = ''] = key.split(' ')
  return ends.some(end => blob.endsWith(end))
}

function isIn(networks: readonly string[], client: string): boolean {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', bits] = network.split('/')
    const family = isIPv6(address) ? 'ipv6' : 'ipv4'
    list.addSubnet(address, bits === undefined ? (family === 'ipv6' ? 128 : 32) : Number(bits), family)
  }
  const address = client.replace(/%.*/, '')
  return list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
}
