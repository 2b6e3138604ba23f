import { isIPv6 } from 'node:net'
import type { Facts } from '#engine/converge/facts.ts'

/** Kernel settings of a server that routes nothing. Source: CIS Debian Linux Benchmark; sysctl(8), proc_sys(5). */
export function kernelSettings({ addresses }: Facts): Readonly<Record<string, number>> {
  return {
    'fs.protected_fifos': 2,
    'fs.protected_hardlinks': 1,
    'fs.protected_regular': 2,
    'fs.protected_symlinks': 1,
    'fs.suid_dumpable': 0,
    'dev.tty.ldisc_autoload': 0,
    'kernel.core_uses_pid': 1,
    'kernel.dmesg_restrict': 1,
    'kernel.kptr_restrict': 2,
    'kernel.sysrq': 0,
    'kernel.unprivileged_bpf_disabled': 1,
    'kernel.yama.ptrace_scope': 1,
    'net.core.bpf_jit_harden': 2,
    'kernel.randomize_va_space': 2,
    'net.ipv4.conf.all.accept_redirects': 0,
    'net.ipv4.conf.all.accept_source_route': 0,
    'net.ipv4.conf.all.log_martians': 1,
    'net.ipv4.conf.all.rp_filter': 1,
    'net.ipv4.conf.all.secure_redirects': 0,
    'net.ipv4.conf.all.send_redirects': 0,
    'net.ipv4.conf.default.accept_redirects': 0,
    'net.ipv4.conf.default.accept_source_route': 0,
    'net.ipv4.conf.default.log_martians': 1,
    'net.ipv4.conf.default.rp_filter': 1,
    'net.ipv4.conf.default.secure_redirects': 0,
    'net.ipv4.conf.default.send_redirects': 0,
    'net.ipv4.icmp_echo_ignore_broadcasts': 1,
    'net.ipv4.icmp_ignore_bogus_error_responses': 1,
    'net.ipv4.tcp_syncookies': 1,
    'vm.swappiness': 10,
    // A kernel may have no IPv6, and then has none of these.
    ...(addresses.some(isIPv6)
      ? {
          'net.ipv6.conf.all.accept_redirects': 0,
          'net.ipv6.conf.all.accept_source_route': 0,
          'net.ipv6.conf.default.accept_redirects': 0,
          'net.ipv6.conf.default.accept_source_route': 0,
        }
      : {}),
  }
}

/**
 * Debian 13 sets 2 for each interface, and the kernel takes the higher value of `all` and the interface. Source: package
 * linux-sysctl-defaults; sysctl.d(5), which has patterns.
 */
export const reversePathFilter = '# Managed by Capstan.\nnet.ipv4.conf.*.rp_filter = 1\n'

/** Modules that a web server has no use for: rare protocols and file systems, and devices that somebody plugs in. Source: as above. */
export const blockedModules = [
  ...['dccp', 'rds', 'sctp', 'tipc'],
  ...['cramfs', 'freevxfs', 'hfs', 'hfsplus', 'jffs2'],
  ...['firewire-core', 'usb-storage'],
]

/** The size of the swap file where the vars give none: that of the memory on small hosts, in steps, as memory differs by some MiB. */
export function swapSize({ memory }: Facts): string | undefined {
  if (memory >= 1900) return undefined
  return memory > 900 ? '1g' : '512m'
}
