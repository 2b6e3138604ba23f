import { describe, expect, it } from 'vitest'
import { judged, mysql, own, printed, socket, socketUnit, web } from './printed-sockets.ts'

describe('what no role has declared', () => {
  const others = [
    socket('tcp', 'any', 9100, 'node_exporter', 'node_exporter.service'),
    socket('tcp', '0.0.0.0', 3000, 'node'),
    socket('udp', '0.0.0.0', 51_820),
    socket('udp', '0.0.0.0', 5353, 'avahi-daemon', 'avahi-daemon.service'),
  ]
  const rpcbind = socketUnit('rpcbind', 'rpcbind', ['0.0.0.0:111 (Stream)', '0.0.0.0:111 (Datagram)'])

  it('is named by process, unit and address, and fails nothing', () => {
    const { lines, warnings } = judged([mysql], printed([own, ...others], [rpcbind]))
    expect(lines).toEqual([])
    expect(warnings).toEqual([
      'no role declares what listens here: tcp 9100 on all addresses (node_exporter, node_exporter.service); ' +
        'tcp 3000 on all of IPv4 (node); udp 5353 on all of IPv4 (avahi-daemon, avahi-daemon.service); ' +
        'tcp 111 on all of IPv4 (rpcbind.socket, after the next boot); udp 111 on all of IPv4 (rpcbind.socket, after the next boot). ' +
        'Bind it to 127.0.0.1 or declare it with listens().',
    ])
  })

  it('is not asked for where only some roles run', () => {
    expect(judged([mysql], printed([own, ...others, ...web], [rpcbind], false)).warnings).toEqual([])
  })

  it.each([
    [
      'sshd',
      [
        socket('tcp', '0.0.0.0', 22, 'sshd', 'ssh.service'),
        socket('tcp', '::', 2222, 'sshd', 'ssh2.service'),
      ],
      [],
    ],
    [
      'ssh.socket',
      [socket('tcp', 'any', 22, 'systemd', 'init.scope')],
      [socketUnit('ssh', 'ssh', ['[::]:22 (Stream)'], 'enabled', 'active')],
    ],
    ['ssh.socket after a boot', [], [socketUnit('ssh', 'ssh', ['[::]:22 (Stream)'])]],
    [
      'a DHCP client',
      [socket('udp', '0.0.0.0', 68, 'dhclient', 'networking.service'), socket('udp', '::', 546, 'dhcpcd')],
      [],
    ],
    [
      'systemd-resolved',
      [socket('udp', '127.0.0.53', 53, 'systemd-resolve', 'systemd-resolved.service')],
      [],
    ],
    [
      'chrony’s control port',
      [
        socket('udp', '127.0.0.1', 323, 'chronyd', 'chrony.service'),
        socket('udp', '::1', 323, 'chronyd', 'chrony.service'),
      ],
      [],
    ],
    ['a client of UDP', [socket('udp', '0.0.0.0', 40_000, 'dig')], []],
    [
      'journald',
      [],
      [
        socketUnit('systemd-journald', 'systemd-journald', [
          '/run/systemd/journal/dev-log (Datagram)',
          'audit 1 (Netlink)',
          'vsock::22 (Stream)',
        ]),
      ],
    ],
  ])('is no news: %s', (_, open, units) => {
    expect(judged([mysql], printed([own, ...open], units)).warnings).toEqual([])
  })
})
