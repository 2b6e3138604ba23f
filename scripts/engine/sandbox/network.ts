import { existsSync, readFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { CapstanError } from '../errors.ts'
import { type Engine, engineError } from './engine.ts'
import { networkName, subnetChoices } from './plan.ts'

/**
 * The clone's own network, made where it is missing. Gives the first three bytes of its /24, `10.141.7`: those of
 * `recorded` where they are free, so that hosts keep their addresses.
 */
export async function ensureNetwork(
  engine: Engine,
  root: string,
  recorded: string | undefined,
): Promise<string> {
  const name = networkName(root)
  const existing = await engine.try(['network', 'inspect', name])
  const prefix = existing.code === 0 ? prefixOf(existing.stdout) : undefined
  if (prefix !== undefined) return prefix
  const choices = subnetChoices(root, await takenSubnets(engine))
  const ordered = recorded === undefined ? choices : [recorded, ...choices.filter(each => each !== recorded)]
  for (const choice of ordered.slice(0, 20)) {
    const args = [
      'network',
      'create',
      '--label',
      `capstan.clone=${root}`,
      '--subnet',
      `${choice}.0/24`,
      ...mtu(engine),
      name,
    ]
    const made = await engine.try(args)
    if (made.code === 0) return choice
    // The engine knows best what it refuses: another network may have come between our look and this.
    if (!/subnet|overlap|already used|address space/i.test(made.stderr))
      throw engineError(engine.name, args, made)
  }
  throw new CapstanError(
    'sandbox-network',
    `sandbox: no free /24 network for ${name} in 10.100.0.0–10.199.255.0`,
  )
}

function prefixOf(inspected: string): string | undefined {
  return /"[Ss]ubnet": "(\d+\.\d+\.\d+)\.0\/24"/.exec(inspected)?.[1]
}

async function takenSubnets(engine: Engine): Promise<readonly string[]> {
  const names = (await engine.must(['network', 'ls', '--format', '{{.Name}}'])).split('\n').filter(Boolean)
  const networks = names.length === 0 ? '' : (await engine.try(['network', 'inspect', ...names])).stdout
  const engines = Array.from(networks.matchAll(/"[Ss]ubnet": "([\d.]+\/\d+)"/g), match => match[1] ?? '')
  const own = Object.values(networkInterfaces()).flatMap(each => each ?? [])
  const interfaces = own.flatMap(each => (each.family === 'IPv4' && each.cidr ? [each.cidr] : []))
  return [...engines, ...interfaces, ...routedSubnets()]
}

/** What this machine has routes to, the default route apart. Source: /proc/net/route, little-endian hex. */
function routedSubnets(): readonly string[] {
  if (!existsSync('/proc/net/route')) return []
  const rows = readFileSync('/proc/net/route', 'utf8').trim().split('\n').slice(1)
  return rows.flatMap(row => {
    const [, destination = '', , , , , , mask = ''] = row.split('\t')
    const bits = [...Buffer.from(mask, 'hex')].reduce(
      (sum, byte) => sum + byte.toString(2).replaceAll('0', '').length,
      0,
    )
    return bits === 0 ? [] : [`${[...Buffer.from(destination, 'hex')].reverse().join('.')}/${bits}`]
  })
}

// A bridge of 1500 bytes behind an uplink of less loses large packets where path MTU discovery is filtered.
function mtu(engine: Engine): readonly string[] {
  if (!existsSync('/proc/net/route')) return []
  const uplink = /^(\S+)\t00000000\t/m.exec(readFileSync('/proc/net/route', 'utf8'))?.[1]
  const file = `/sys/class/net/${uplink}/mtu`
  const bytes = uplink !== undefined && existsSync(file) ? Number(readFileSync(file, 'utf8')) : 1500
  const key = engine.name === 'docker' ? 'com.docker.network.driver.mtu' : 'mtu'
  return bytes < 1500 ? ['--opt', `${key}=${bytes}`] : []
}
