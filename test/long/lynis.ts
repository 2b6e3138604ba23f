import type { Facts } from '#engine/converge/facts.ts'
import { kernelSettings } from '#roles/base/kernel.ts'
import type { Machine } from '../sandbox/machine.ts'

/** What a container lacks of lynis, as it is of its machine: of how many points, and why. */
export const ofTheMachine: Readonly<Record<string, { readonly points: number; readonly why: string }>> = {
  'USB-3000': { points: 8, why: 'USBGuard lets in devices of the machine. Capstan leaves it out there too' },
  'USB-1000': { points: 3, why: 'modules of the kernel: on a machine, base blocks usb-storage' },
  'STRG-1846': { points: 3, why: 'modules of the kernel: on a machine, base blocks firewire-core' },
  'MACF-6290': { points: 3, why: 'AppArmor is of the kernel: on a machine, Debian enables it' },
  'TIME-3104': { points: 2, why: 'the clock: on a machine, base runs systemd-timesyncd' },
}

/** What an audit gave. */
export interface Audit {
  /** Of 100, as lynis prints it. */
  readonly index: number
  /** Points that were to be had. */
  readonly most: number
  /** `warning[]=…` and `suggestion[]=…`. */
  readonly findings: readonly string[]
  /** Kernel settings that differ from what lynis expects, and that base sets so on a machine: in a container, /proc/sys is read-only. */
  readonly keysOfTheMachine: readonly string[]
}

/** Audits the host by lynis with its own profile, but for the tests to leave out: `USB-3000`, `KRNL-6000:kernel.sysrq`. */
export async function audit(host: Machine, leftOut: readonly string[] = []): Promise<Audit> {
  const profile = leftOut.map(test => `skip-test=${test}\n`).join('')
  await host.say(`printf %s '${profile}' >/etc/lynis/custom.prf`)
  await host.run('lynis audit system --quick --quiet --no-colors', 1500)
  const report = await host.say('cat /var/log/lynis-report.dat')
  const log = await host.say("grep -aE 'Hardening: assigned|has a different value' /var/log/lynis.log")
  return {
    index: Number(/^hardening_index=(\d+)$/m.exec(report)?.[1]),
    most: Number([...log.matchAll(/\(out of (\d+)\)/g)].at(-1)?.[1]),
    findings: report.split('\n').filter(line => /^(warning|suggestion)\[\]/.test(line)),
    keysOfTheMachine: [...log.matchAll(/sysctl key (\S+) has .* Expected=(.*), Real=/g)].flatMap(
      ([, key = '', expected = '']) => (expected.split(/[|\s]/).includes(`${settings[key]}`) ? [key] : []),
    ),
  }
}

const settings: Readonly<Record<string, number>> = kernelSettings({
  addresses: ['2001:db8::1'],
} as unknown as Facts)
