import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sandboxDown } from '#engine/sandbox/sandbox.ts'
import { liveRelease } from '../sandbox/deploy-app.ts'
import { type Machine, machine, root } from '../sandbox/machine.ts'
import { runHere } from '../sandbox/site.ts'

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

  it('gets 80 points or more of lynis', async () => {
    await host.run('lynis audit system --quick --quiet --no-colors', 300)
    const report = await host.say('cat /var/log/lynis-report.dat')
    const points = Number(/^hardening_index=(\d+)$/m.exec(report)?.[1])
    const findings = report.split('\n').filter(line => /^(warning|suggestion)\[\]/.test(line))
    console.log(`lynis, Debian ${debian}: ${points}\n${findings.join('\n')}`)
    expect(points).toBeGreaterThanOrEqual(80)
    expect(findings.filter(line => line.startsWith('warning'))).toEqual([])
  })

  it('has services that systemd-analyze calls well confined', async () => {
    const units = { [`foobar@${await liveRelease(host)}`]: 2, nginx: 4, mariadb: 4, pdns: 4 }
    for (const [unit, limit] of Object.entries(units)) {
      const said = await host.say(`systemd-analyze security --no-pager ${unit}.service | tail -1`)
      console.log(`Debian ${debian}:${said.trim()}`)
      expect(Number(/: (\d+\.\d)/.exec(said)?.[1]), said).toBeLessThanOrEqual(limit)
    }
  })

  it('shows other hosts the ports 22, 53, 80 and 443 alone', async () => {
    const at = await address()
    // A container may not send packets of its own making: the ports of UDP are not scanned.
    const tcp = await other.say(`nmap -sT -Pn -n -p- --min-rate 3000 -oG - ${at}`, 300)
    expect([...tcp.matchAll(/(\d+)\/open\/tcp/g)].map(([, port]) => Number(port))).toEqual([22, 53, 80, 443])
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
