import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sandboxDown } from '#engine/sandbox/sandbox.ts'
import { liveRelease } from '../sandbox/deploy-app.ts'
import { type Machine, machine, root } from '../sandbox/machine.ts'
import { runHere } from '../sandbox/site.ts'
import { controls } from './controls.ts'
import { audit, ofTheMachine } from './lynis.ts'

// What the scanners that people run against a server say of a converged one. docs/security.md lists what they still object to.

const vars = { site: { database: { password: 'of-the-scanned' } }, mysql: { bufferPool: '128m' } }

describe.each([12, 13] as const)('A converged Debian %i', debian => {
  let host: Machine
  let other: Machine
  beforeAll(async () => {
    host = await machine(`scanned${debian}`, debian)
    other = await machine(`scanner${debian}`, debian)
    const run = await runHere({ hosts: host, vars })
    expect(run.exitCode, run.stdout.slice(-3000)).toBe(0)
    const install = (packages: string) =>
      `apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends ${packages} >/dev/null 2>&1`
    await other.say(install('nmap ssh-audit testssl.sh dnsutils bsdextrautils'), 300)
    await host.say(install('lynis'), 300)
  })
  afterAll(async () => {
    host?.close()
    other?.close()
    await sandboxDown({ root, say: () => {}, names: [`scanned${debian}`, `scanner${debian}`] })
  })
  const address = async () => (await host.say('hostname -I')).trim().split(' ')[0] ?? ''

  it.each(Object.entries(controls))('meets the control %s', async (_id, check) => {
    await host.say(`set -ex\n${check}`)
  })

  it('gets 80 points or more of lynis, where what a container cannot have is left out', async () => {
    const all = await audit(host)
    const keys = all.keysOfTheMachine.map(key => `KRNL-6000:${key}`)
    const some = await audit(host, [...Object.keys(ofTheMachine), ...keys])
    console.log(`lynis, Debian ${debian}: ${some.index}, of ${some.most} points. With all tests: ${all.index}, of ${all.most} points.
Left out:\n${Object.entries(ofTheMachine)
      .map(([test, { points, why }]) => `${test}, ${points} points: ${why}`)
      .join(
        '\n',
      )}\nkernel settings, 1 point each: ${all.keysOfTheMachine.join(' ')}\n${all.findings.join('\n')}`)
    const points = Object.values(ofTheMachine).reduce((sum, one) => sum + one.points, keys.length)
    expect(all.most - some.most).toBe(points)
    expect(some.index).toBeGreaterThanOrEqual(80)
    expect(all.findings.filter(line => line.startsWith('warning'))).toEqual([])
  })

  it('has services that systemd-analyze calls well confined', async () => {
    const units = { [`foobar@${await liveRelease(host)}`]: 2, nginx: 4, mariadb: 4, pdns: 4 }
    for (const [unit, limit] of Object.entries(units)) {
      const said = await host.say(`systemd-analyze security --no-pager ${unit}.service | tail -1`)
      console.log(`Debian ${debian}:${said.trim()}`)
      expect(Number(/: (\d+\.\d)/.exec(said)?.[1]), said).toBeLessThanOrEqual(limit)
    }
  })

  it('shows other hosts the ports 22, 53, 80 and 443 of TCP alone', async () => {
    const at = await address()
    // A container may not send packets of its own making: nmap connects to each port.
    const tcp = await other.say(`nmap -sT -Pn -n -p- --min-rate 3000 -oG - ${at}`, 300)
    expect([...tcp.matchAll(/(\d+)\/open\/tcp/g)].map(([, port]) => Number(port))).toEqual([22, 53, 80, 443])
  })

  // nmap's scan of UDP needs packets of its own making. So a program on the host takes all ports, and tells which of them a
  // datagram from outside came through to. The firewall is opened for one more, which shows that they are sent.
  it('lets other hosts reach the port 53 of UDP alone', async () => {
    const at = await address()
    await host.say('nft insert rule inet capstan input udp dport 161 accept')
    await host.say(`rm -f /run/udp.*; ulimit -n 20000; setsid -f perl -e '${receiver}' >/run/udp.log 2>&1`)
    await host.until('[ -e /run/udp.bound ]')
    await other.say(`perl -e '${sender}' ${at}`)
    await host.say(': >/run/udp.sent')
    await host.until('[ -e /run/udp.done ]')
    await host.say('systemctl restart nftables')
    const [reached, taken] = (await host.say('cat /run/udp.done')).trim().split('\n')
    expect([reached, taken]).toEqual(['reached: 161', 'taken by others: 53'])
    expect((await host.say('nft list chain inet capstan input')).includes('161')).toBe(false)
    expect(await other.say(`dig +short +notcp @${at} foobar.com SOA`)).toContain('hostmaster')
    expect(await other.say(`dig +notcp +ignore @${at} foobar.com ANY`)).toMatch(/;; flags:[^;]* tc[ ;]/)
  })

  it('has nothing that ssh-audit fails', async () => {
    const { stdout } = await other.run(`ssh-audit -n ${await address()}`, 120)
    expect(stdout).toContain('(kex)')
    expect(stdout.split('\n').filter(line => line.includes('[fail]'))).toEqual([])
  })

  it('has no finding of testssl.sh at MEDIUM or above but those in docs/security.md', async () => {
    await other.say(`echo "${await address()} www.foobar.com" >>/etc/hosts`)
    const { stderr } = await other.run(
      'testssl --quiet --color 0 --severity MEDIUM --jsonfile /root/tls.json https://www.foobar.com/ >/root/tls.txt 2>&1',
      900,
    )
    const found = JSON.parse(await other.say('cat /root/tls.json')) as readonly {
      readonly id: string
      readonly severity: string
      readonly finding: string
    }[]
    const told = found.map(({ id, severity, finding }) => `${severity} ${id}: ${finding}`)
    expect(await other.say('cat /root/tls.txt'), stderr).toMatch(/Testing protocols/)
    console.log(`testssl.sh, Debian ${debian}:\n${told.join('\n')}`)
    const serious = found.filter(({ severity }) => ['MEDIUM', 'HIGH', 'CRITICAL'].includes(severity))
    expect(serious.filter(({ id }) => !allowed.has(id)).map(({ id }) => id)).toEqual([])
  })
})

/** docs/security.md has the reason of each. */
const allowed = new Set(['cert_chain_of_trust', 'cert_revocation', 'BREACH', 'cipher_order'])

const ports = '1 .. 10000, 11211, 27017, 33434, 41641, 51820'

// Ports of loopback alone are free on the address of the host.
const receiver = `use Socket; my ($bound, $taken, %socket) = (0, "");
  for my $port (${ports}) {
    socket my $one, AF_INET, SOCK_DGRAM, 0 or die $!;
    if (bind $one, pack_sockaddr_in($port, INADDR_ANY)) { $socket{$port} = $one } else { $taken .= " $port" }
  }
  sub note { my ($name, $text) = @_; open my $file, ">", "/run/udp.$name.new"; print $file $text; close $file; rename "/run/udp.$name.new", "/run/udp.$name" }
  note("bound", ""); select undef, undef, undef, 0.1 until -e "/run/udp.sent"; sleep 1;
  note("done", join "", "reached:", (map { defined recv($socket{$_}, my $data, 9, MSG_DONTWAIT) ? " $_" : () } sort { $a <=> $b } keys %socket), "\ntaken by others:$taken\n")`

const sender = `use Socket; socket my $one, AF_INET, SOCK_DGRAM, 0 or die $!; my $n = 0;
  for my $port (${ports}) { send $one, "x", 0, pack_sockaddr_in($port, inet_aton($ARGV[0])); select undef, undef, undef, 0.01 unless ++$n % 50 }`
