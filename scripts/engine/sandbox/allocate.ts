import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'
import { run } from '#engine/program.ts'
import { CapstanError } from '../errors.ts'
import type { Container } from './container.ts'
import type { SandboxRequest } from './host.ts'
import { addressIn, type HostPorts, portChoices } from './plan.ts'
import type { SandboxState } from './state.ts'

/**
 * An address and four ports for every requested host, beside those recorded: what its container has, else what
 * was recorded, as long as it is free, else the first free choice. Hosts come back on the ports they had.
 */
export async function allocate(
  root: string,
  network: string,
  requests: readonly SandboxRequest[],
  recorded: SandboxState['hosts'],
  found: readonly Container[],
  say: (line: string) => void,
): Promise<SandboxState['hosts']> {
  const hosts = { ...recorded }
  for (const { host, debian, ip, ports } of found)
    hosts[host] = { debian, ip, ports, ready: recorded[host]?.ready ?? false }
  for (const { name, debian } of requests) {
    if (found.some(each => each.host === name)) continue
    const before = hosts[name]
    const others = Object.entries(hosts).flatMap(([host, each]) => (host === name ? [] : [each]))
    const addresses = others.map(each => each.ip)
    const ip = before?.ip.startsWith(`${network}.`) ? before.ip : addressIn(network, name, addresses)
    const choices = [...(before === undefined ? [] : [before.ports]), ...portChoices(root, name)]
    const free = choices.filter(choice => !others.some(each => each.ports.ssh === choice.ssh))
    const ports = await firstFree(free)
    if (before !== undefined && ports.ssh !== before.ports.ssh)
      say(
        `${name}: another program listens on 127.0.0.1:${before.ports.ssh} now; its ssh moves to ${ports.ssh}`,
      )
    hosts[name] = { debian, ip, ports, ready: false }
  }
  return hosts
}

async function firstFree(choices: readonly HostPorts[]): Promise<HostPorts> {
  const forwarded = await forwardedPorts()
  for (const ports of choices) {
    const { ssh, http, https, dns } = ports
    if (Object.values(ports).some(port => forwarded.has(port))) continue
    const checks = await Promise.all([...[ssh, http, https, dns].map(isTcpFree), isUdpFree(dns)])
    if (checks.every(Boolean)) return ports
  }
  throw new CapstanError(
    'sandbox-ports',
    'sandbox: expected a free set of ports on 127.0.0.1, got none in 100 attempts',
  )
}

/**
 * Ports that netfilter leads elsewhere: nobody listens there, yet nobody could. An engine that was killed leaves
 * such rules behind. None where we may not see them, as then no engine of ours made them.
 */
async function forwardedPorts(): Promise<ReadonlySet<number>> {
  const rules = await run('iptables', ['-t', 'nat', '-S'])
  return new Set(Array.from(rules.stdout.matchAll(/--dport (\d+)\b.* -j DNAT/g), ([, port]) => Number(port)))
}

function isTcpFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)))
  })
}

function isUdpFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = createSocket('udp4')
    socket.once('error', () => resolve(false))
    socket.bind(port, '127.0.0.1', () => socket.close(() => resolve(true)))
  })
}
