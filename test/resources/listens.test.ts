import { describe, expect, it } from 'vitest'
import { listensKind as kind } from '#engine/resources/listens/listens.ts'
import { canonical, hex } from '#engine/resources/listens/sockets.ts'
import {
  type Declared,
  judged,
  mariadbSocket,
  mysql,
  nginx,
  own,
  printed,
  socket,
  socketUnit,
  wanted,
  web,
} from './printed-sockets.ts'

describe('a service that listens', () => {
  it.each<[string, Declared, Buffer]>([
    ['where it is declared', [mysql, nginx], printed([own, ...web])],
    [
      'in one socket for IPv4 and IPv6',
      [['nginx', { tcp: 443 }]],
      printed([socket('tcp', 'any', 443, 'nginx', 'nginx.service')]),
    ],
    [
      'on IPv4 alone, as declared',
      [['nginx', { tcp: 80, at: ['0.0.0.0'] }]],
      printed([socket('tcp', '0.0.0.0', 80, 'nginx', 'nginx.service')]),
    ],
    [
      'on all addresses for one of them',
      [['pdns', { udp: 53, at: ['127.0.0.1', '::'] }]],
      printed([
        socket('udp', '127.0.0.1', 53, 'pdns', 'pdns.service'),
        socket('udp', '::', 53, 'pdns', 'pdns.service'),
      ]),
    ],
    ['by a process that root of a container can’t see', [mysql], printed([socket('tcp', '127.0.0.1', 3306)])],
    [
      'on further sockets of the host itself',
      [mysql],
      printed([own, socket('tcp', '::1', 4567, 'mariadbd', 'mariadb.service')]),
    ],
    [
      'by two declarations',
      [nginx, ['nginx', { tcp: 8443, at: ['192.0.2.1'] }]],
      printed([...web, socket('tcp', '192.0.2.1', 8443, 'nginx', 'nginx.service')]),
    ],
    [
      'and sends from any port of UDP',
      [mysql],
      printed([own, socket('udp', '0.0.0.0', 23_456, 'mariadbd', 'mariadb.service')]),
    ],
    [
      'by a socket unit that is declared too',
      [['foo', { tcp: 7 }]],
      printed(
        [socket('tcp', 'any', 7, 'systemd', 'init.scope')],
        [socketUnit('foo', 'foo', ['[::]:7 (Stream)'], 'enabled', 'active')],
      ),
    ],
    [
      'and has a socket unit that nothing starts',
      [mysql],
      printed([own], [socketUnit('mariadb', 'mariadb', mariadbSocket, 'disabled')]),
    ],
    [
      'and has one that opens no port',
      [mysql],
      printed([own], [socketUnit('mariadb', 'mariadb', mariadbSocket.slice(0, 2))]),
    ],
  ])('is as wanted: %s', (_, declared, output) => {
    const { lines, warnings } = judged(declared, output)
    expect([lines, warnings]).toEqual([[], []])
  })

  it.each<[string, Declared, Buffer, readonly string[]]>([
    ['nothing listens', [mysql], printed([]), ['tcp 3306: nothing → 127.0.0.1']],
    [
      'IPv6 is missing',
      [['nginx', { tcp: 80 }]],
      printed([socket('tcp', '0.0.0.0', 80, 'nginx', 'nginx.service')]),
      ['tcp 80: all of IPv4 (nginx, nginx.service) → all addresses'],
    ],
    [
      'it listens on all addresses',
      [mysql],
      printed([socket('tcp', '0.0.0.0', 3306, 'mariadbd', 'mariadb.service')]),
      ['tcp 3306: all of IPv4 (mariadbd, mariadb.service) → 127.0.0.1'],
    ],
    [
      'an unseen process does',
      [mysql],
      printed([socket('tcp', 'any', 3306)]),
      ['tcp 3306: all addresses → 127.0.0.1'],
    ],
    [
      'IPv6 is not declared',
      [['nginx', { tcp: 80, at: ['0.0.0.0'] }]],
      printed([socket('tcp', 'any', 80, 'nginx', 'nginx.service')]),
      ['tcp 80: all addresses (nginx, nginx.service) → all of IPv4'],
    ],
    [
      'another one has its port',
      [['nginx', { tcp: 80, at: ['0.0.0.0'] }]],
      printed([socket('tcp', '0.0.0.0', 80, 'apache2', 'apache2.service')], []),
      ['tcp 80: all of IPv4 (apache2, apache2.service) → all of IPv4'],
    ],
    [
      'it has a port beside',
      [nginx],
      printed([...web, socket('tcp', '192.0.2.1', 8080, 'nginx', 'nginx.service')]),
      ['tcp 8080: 192.0.2.1 (nginx, nginx.service) → nothing'],
    ],
    [
      'systemd listens for it',
      [mysql],
      printed(
        [socket('tcp', 'any', 3306, 'systemd', 'init.scope')],
        [socketUnit('mariadb', 'mariadb', mariadbSocket, 'enabled', 'active')],
      ),
      [
        'tcp 3306: all addresses (systemd, init.scope) → 127.0.0.1',
        'tcp 3306 after the next boot: all addresses (mariadb.socket) → 127.0.0.1',
      ],
    ],
    [
      'systemd will after the next boot',
      [mysql],
      printed([own], [socketUnit('mariadb', 'mariadb', mariadbSocket)]),
      ['tcp 3306 after the next boot: all addresses (mariadb.socket) → 127.0.0.1'],
    ],
    [
      'systemd will, on another port',
      [mysql],
      printed([own], [socketUnit('mariadb-extra', 'mariadb', ['192.0.2.1:3307 (Stream)'])]),
      ['tcp 3307 after the next boot: 192.0.2.1 (mariadb-extra.socket) → nothing'],
    ],
  ])('differs where %s', (_, declared, output, lines) => {
    expect(judged(declared, output).lines).toEqual(lines)
  })

  it('is warned of, not failed for, where the host lacks the address', () => {
    const { lines, warnings } = judged(
      [['pdns', { udp: 53, at: ['127.0.0.1', '192.0.2.9'] }]],
      printed([['absent', hex('192.0.2.9')], socket('udp', '127.0.0.1', 53, 'pdns', 'pdns.service')]),
    )
    expect(lines).toEqual([])
    expect(warnings).toEqual(['pdns.service is to listen on 192.0.2.9, which this host does not have'])
  })
})

describe('what brings a service to its sockets', () => {
  it('is that its socket units are disabled, and a restart', () => {
    const output = printed([own], [socketUnit('mariadb', 'mariadb', mariadbSocket)])
    expect(judged([mysql], output).shell).toEqual([
      'systemctl disable -q --now -- mariadb.socket\nunit_restart mariadb.service\n',
    ])
  })

  it('is a restart where it is declared that this helps', () => {
    expect(judged([mysql], printed([])).shell).toEqual(['unit_restart mariadb.service\n'])
  })

  it('is time, for one that was started and does not listen yet', () => {
    const [shell] = judged([nginx], printed([])).shell
    expect(shell).toMatch(
      /^unit_listens nginx.service tcp:80 tcp:443 \|\| \{\nprintf .* >&2\nreturn 1\n\}\n$/s,
    )
  })

  it('is time, for one that has only some of its sockets yet', () => {
    const own = web.filter((_, index) => index % 2 === 0)
    expect(judged([nginx], printed(own)).shell[0]).toMatch(/^unit_listens nginx.service tcp:80 tcp:443 /)
    const other = socket('tcp', '::', 443, 'apache2', 'apache2.service')
    expect(judged([nginx], printed([...own, other])).shell[0]).toMatch(/^printf .* >&2\nreturn 1\n$/s)
  })

  it('is for the operator to say elsewhere: the run fails, naming what listens', () => {
    const beside = socket('tcp', '0.0.0.0', 8080, 'nginx', 'nginx.service')
    const [shell] = judged([nginx], printed([...web, beside])).shell
    expect(shell).toMatch(
      /^printf '%s\\n' 'tcp 8080: wanted nothing, found all of IPv4 \(nginx, nginx.service\)'.* >&2\nreturn 1\n$/,
    )
  })
})

describe('a declaration', () => {
  it.each([
    [{ tcp: 0 }, 'expected a port from 1 to 65535, got 0'],
    [{ tcp: 80, at: ['localhost'] }, 'expected an IP address, got "localhost"'],
    [{ tcp: 80, at: [] }, 'x: expected a port and an address'],
    [{}, 'x: expected a port and an address'],
  ])('is refused: %j', (options, message) => {
    expect(() => wanted([['x', options]])).toThrow(message)
  })
})

it('writes an address in one way, and as the kernel has it', () => {
  expect(['2001:DB8:0:0::1', '::FFFF:127.0.0.1', '0::0', '10.0.0.1'].map(canonical)).toEqual([
    ...['2001:db8::1', '::ffff:7f00:1', '::', '10.0.0.1'],
  ])
  expect(['127.0.0.1', '::1', '2001:db8::a:1', 'fe80::1:2:3:4'].map(hex)).toEqual([
    ...['7f000001', '00000000000000000000000000000001', '20010db80000000000000000000a0001'],
    'fe800000000000000001000200030004',
  ])
})

it('throws on output that is cut', () => {
  const whole = printed([own])
  expect(() => kind.parse(whole.subarray(0, 40), wanted([mysql]))).toThrow(/list of sockets/)
})
