import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { type SandboxHost, sandboxDown } from '#engine/sandbox/sandbox.ts'
import { type Machine, machine, root } from '../sandbox/machine.ts'
import { runHere, type SiteRun } from '../sandbox/site.ts'

export interface DnssecRun extends SiteRun {
  readonly warnings: readonly string[]
}

export interface DnssecHost extends Pick<Machine, 'run' | 'say' | 'until'> {
  /** The TSIG secret of the key ns2, in the environment of each run as NS2_TSIG. */
  readonly secret: string
  /** A run of site.mjs for the role dns, with `dnssec: true` unless these vars say otherwise. */
  converge(dns: object): Promise<DnssecRun>
  /** The same; it must succeed, and a second run must change nothing in two trips. */
  converged(dns: object): Promise<DnssecRun>
  /** What status.mjs prints, as JSON. */
  status(): Promise<string>
  /** Runs scripts/dns.mjs with these words, on a signed zone with the secondary server. */
  keys(...args: readonly string[]): Promise<{ readonly code: number; readonly text: string }>
  /** What delv says to who trusts the key of this DS record alone. */
  delv(name: string, type: string, ds: string, at?: string): Promise<string>
  /** Has the parent `com`, which the host asks, give these records for foobar.com. */
  parentHas(records: readonly string[]): Promise<void>
  serial(at?: string): Promise<number>
  remove(): Promise<void>
}

/** A bare sandbox host with dig, delv and NSD, whose zone is foobar.com. */
export async function dnssecHost(debian: SandboxHost['debian']): Promise<DnssecHost> {
  const name = `dnssec${debian}`
  const down = () => sandboxDown({ root, say: () => {}, names: [name] })
  await down().catch(() => {})
  const on = await machine(name, debian)
  const folder = mkdtempSync(join(tmpdir(), 'capstan-dnssec-'))
  const secret = randomBytes(32).toString('base64')
  await on.say(packages, 300)

  const converge = async (dns: object) => {
    const vars = { dns: { dnssec: true, ...dns } }
    const run = await runHere({ hosts: on, args: ['-t', 'dns'], vars, env: { NS2_TSIG: secret } })
    const warnings = run.lines.flatMap(line => (line.event === 'warning' ? [line.message ?? ''] : []))
    return { ...run, warnings }
  }
  return {
    ...on,
    secret,
    converge,
    async converged(dns) {
      const run = await converge(dns)
      expect(run.exitCode, run.stdout.slice(-3000)).toBe(0)
      expect((await converge(dns)).recap()).toMatchObject({ changed: 0, trips: 2, failed: 0 })
      return run
    },
    async status() {
      const vars = { dns: { dnssec: true } }
      return (await runHere({ script: 'status', hosts: on, vars })).stdout
    },
    keys(...args) {
      const file = join(folder, 'inventory.yml')
      const hosts = { [name]: { connection: 'sandbox', debian } }
      const secondaries = [{ address: '127.0.0.53', key: 'ns2', secret: '!secret NS2_TSIG' }]
      const inventory = JSON.stringify({ vars: { dns: { dnssec: true, secondaries } }, hosts })
      writeFileSync(file, inventory.replace('"!secret NS2_TSIG"', ' !secret NS2_TSIG'))
      const words = [join(root, 'scripts/dns.mjs'), '-i', file, ...args]
      const env = { ...process.env, NS2_TSIG: secret }
      return new Promise(settle =>
        execFile(process.execPath, words, { cwd: root, env }, (error, stdout, stderr) =>
          settle({ code: Number(error?.code ?? 0), text: stdout + stderr }),
        ),
      )
    },
    delv(asked, type, ds, at = '127.0.0.1') {
      const anchor = ds.replace(/^(\S+) IN DS (\d+ \d+ \d+) (\S+)$/, '"$1" static-ds $2 "$3";')
      return on.say(`printf '%s\\n' 'trust-anchors { ${anchor} };' >/root/anchors
        delv @${at} -a /root/anchors +root=foobar.com ${asked} ${type} 2>&1 || :`)
    },
    async parentHas(records) {
      await on.say(`cat >/etc/nsd/com.zone <<'END'\n${parentZone(records)}END\n`)
      await on.say(`cat >/etc/nsd/nsd.conf <<'END'\n${nsdConf(secret)}END\n`)
      await on.say(`systemctl restart nsd; echo 'nameserver 127.0.0.54' >/etc/resolv.conf`)
      await on.until('dig +short +tries=1 +time=1 @127.0.0.54 com SOA | grep -q .', 20)
    },
    serial: async (at = '127.0.0.1') =>
      Number((await on.say(`dig +short @${at} foobar.com SOA`)).split(' ')[2]),
    async remove() {
      on.close()
      rmSync(folder, { recursive: true, force: true })
      await down()
    },
  }
}

const packages = `export DEBIAN_FRONTEND=noninteractive
apt-get update -q >/dev/null
apt-get install -qy --no-install-recommends bind9-dnsutils nsd >/dev/null 2>&1
systemctl stop nsd`

function parentZone(records: readonly string[]): string {
  return `$ORIGIN com.
$TTL 60
@ IN SOA ns.com. admin.com. 1 3600 900 1209600 60
@ IN NS ns.com.
ns IN A 127.0.0.54
foobar IN NS ns1.foobar
ns1.foobar IN A 127.0.0.1
${records.map(record => `${record}\n`).join('')}`
}

function nsdConf(secret: string): string {
  return `server:
  ip-address: 127.0.0.53
  ip-address: 127.0.0.54
  zonesdir: /etc/nsd
remote-control:
  control-enable: no
key:
  name: ns2
  algorithm: hmac-sha256
  secret: "${secret}"
zone:
  name: com
  zonefile: com.zone
zone:
  name: foobar.com
  zonefile: /var/lib/nsd/foobar.com.zone
  allow-notify: 127.0.0.1 NOKEY
  request-xfr: AXFR 127.0.0.1 ns2
`
}
