import { describe, expect, it } from 'vitest'
import { buildCatalog } from '#engine/converge/catalog.ts'
import { declarations } from '#engine/converge/declarations.ts'
import { inWords, openIn, rulesOf } from '#engine/resources/firewall/rules.ts'
import type { Kind } from '#engine/resources/resource.ts'
import { declared, type Nouns } from './nouns.ts'

const ruling = { ssh: [22], from: [], rate: 30, allow: [], rules: [] }
const socket = (
  protocol: 'tcp' | 'udp',
  port: number,
  address: string,
  from: readonly string[] = [],
  role = 'declared',
) => ({ protocol, port, address, from, role })

/** The firewall of a host whose roles declare so, and what it is compared with. */
function firewallOf(tasks: (nouns: Nouns) => void) {
  const catalog = buildCatalog()
  tasks(declarations(catalog.role('declared'), { directory: '/' }))
  const { kind, wanted } = catalog.complete().resources.find(one => one.kind.noun === 'firewall') ?? {}
  const diff = (found: object) =>
    (kind as Kind<unknown, unknown>).diff(wanted, {
      ...{ file: '', live: 'table', loaded: 'table', isEnabled: true, isPartial: false },
      ...found,
    })
  return { diff, shell: (found: object) => (kind as Kind<unknown, unknown>).apply(wanted, found) }
}

describe('the rules of a firewall', () => {
  // The answer to a DHCPv6 client's multicast belongs to no connection that the kernel knows.
  it('let the host keep an address that it has by DHCP', () => {
    const lines = rulesOf(ruling, [])
      .split('\n')
      .map(line => line.trim())
    expect(lines).toContain('ip6 saddr fe80::/10 udp sport 547 udp dport 546 accept')
    expect(lines).toContain('udp sport 67 udp dport 68 accept')
  })

  it('let in what others reach, by family and address, and name it in their comment', () => {
    const text = rulesOf(ruling, [
      socket('tcp', 443, '0.0.0.0'),
      socket('tcp', 80, '0.0.0.0'),
      socket('tcp', 80, '::'),
      socket('udp', 53, '192.0.2.7'),
      socket('tcp', 53, '2001:db8::7'),
      socket('tcp', 3306, '127.0.0.1'),
      socket('tcp', 3306, '::1'),
    ])
    expect(
      text
        .split('\n')
        .filter(line => /dport.*accept/.test(line) && !/sport/.test(line))
        .map(line => line.trim()),
    ).toEqual([
      'meta nfproto ipv4 tcp dport { 80, 443 } accept',
      'ip6 daddr 2001:db8::7 tcp dport 53 accept',
      'meta nfproto ipv6 tcp dport 80 accept',
      'ip daddr 192.0.2.7 udp dport 53 accept',
    ])
    expect(inWords(openIn(text))).toBe(
      'tcp 443 on 0.0.0.0, tcp 53 on 2001:db8::7, tcp 80 on 0.0.0.0, tcp 80 on ::, udp 53 on 192.0.2.7',
    )
  })

  it('let ssh and further ports in from the networks that are named', () => {
    const text = rulesOf(
      {
        ...ruling,
        ssh: [22, 2222],
        from: ['10.0.0.0/8', 'fd00::/8'],
        allow: [{ tcp: 9100, from: ['10.1.1.1'] }],
      },
      [],
    )
    expect(
      text
        .split('\n')
        .filter(line => /dport/.test(line) && !/sport/.test(line))
        .map(line => line.trim()),
    ).toEqual([
      'ip saddr { 10.0.0.0/8 } tcp dport { 22, 2222 } jump ssh',
      'ip6 saddr { fd00::/8 } tcp dport { 22, 2222 } jump ssh',
      'ip saddr { 10.1.1.1 } tcp dport 9100 accept',
    ])
  })
})

describe('a port that some networks may reach', () => {
  const sockets = [
    socket('tcp', 3306, '10.0.0.5', ['10.0.0.7', '10.0.1.0/24']),
    socket('tcp', 3306, 'fd00::5', ['10.0.0.7']),
    socket('tcp', 80, '0.0.0.0'),
  ]

  it('is closed to others, and to all of the other family', () => {
    const text = rulesOf(ruling, sockets)
    expect(text.split('\n').filter(line => /dport (80|3306)/.test(line))).toEqual([
      '\t\tip saddr { 10.0.0.7, 10.0.1.0/24 } ip daddr 10.0.0.5 tcp dport 3306 accept',
      '\t\tmeta nfproto ipv4 tcp dport 80 accept',
    ])
    expect(inWords(openIn(text))).toBe(
      'tcp 3306 on 10.0.0.5 from 10.0.0.7 10.0.1.0/24, tcp 3306 on fd00::5 from 10.0.0.7, tcp 80 on 0.0.0.0',
    )
  })

  it('differs when its networks change', () => {
    const { diff } = firewallOf(({ firewall, listens }) => {
      firewall()
      listens('mariadb', { tcp: 3306, at: ['10.0.0.5'], from: ['10.0.0.8'] })
    })
    const file = rulesOf(ruling, [socket('tcp', 3306, '10.0.0.5', ['10.0.0.7'])])
    expect(diff({ file })).toEqual([
      {
        what: 'open',
        found: 'tcp 3306 on 10.0.0.5 from 10.0.0.7',
        wanted: 'tcp 3306 on 10.0.0.5 from 10.0.0.8',
      },
    ])
  })
})

describe('a firewall', () => {
  const web = rulesOf(ruling, [socket('tcp', 80, '0.0.0.0')])

  it('follows from what all roles declare, those after it too', () => {
    const { diff } = firewallOf(({ firewall, listens }) => {
      firewall()
      listens('nginx', { tcp: 80, at: ['0.0.0.0'] })
    })
    expect(diff({ file: web })).toEqual([])
    expect(diff({ file: '' })[0]).toEqual({ what: 'open', found: 'no rules', wanted: 'tcp 80 on 0.0.0.0' })
    expect(diff({ file: web.replace('policy drop', 'policy accept') })).toEqual([
      { what: 'rules', found: 'others', wanted: 'as declared' },
    ])
    expect(diff({ file: web, live: 'other' })).toEqual([
      { what: 'in force', found: 'others are', wanted: 'yes' },
    ])
    // As nft of Debian sid lists a set of addresses that come and go.
    const counted = (count: string) =>
      `table inet capstan {\n\tset ssh_rate4 {\n\t\ttype ipv4_addr\n\t\tsize 65535${count}\n\t}\n}\n`
    const loaded = counted('\t# count 1')
    expect(diff({ file: web, live: counted('\t# count 2'), loaded })).toEqual([])
    expect(diff({ file: web, live: counted(''), loaded })).toEqual([])
    const grown = counted('\t# count 1').replace('65535', '65536')
    expect(diff({ file: web, live: grown, loaded })).toHaveLength(1)
    expect(diff({ file: web, live: '' })).toEqual([{ what: 'in force', found: 'no', wanted: 'yes' }])
    expect(diff({ file: web, isEnabled: false })).toEqual([{ what: 'at boot', found: 'no', wanted: 'yes' }])
  })

  it('keeps the ports of roles that are not in the run, if the run has some roles only', () => {
    const { diff } = firewallOf(({ firewall }) => firewall())
    for (const role of ['nginx', '']) {
      const file = rulesOf(ruling, [socket('tcp', 80, '0.0.0.0', [], role)])
      expect(diff({ file, isPartial: true }), role).toEqual([])
      expect(diff({ file })[0], role).toEqual({
        ...{ what: 'open', found: 'tcp 80 on 0.0.0.0', wanted: 'nothing' },
      })
    }
    // The first of all runs, with --tags.
    expect(diff({ file: '', live: '', isPartial: true })).toEqual([])
  })

  it('closes what a role of the run no longer declares, also if the run has some roles only', () => {
    const { diff, shell } = firewallOf(({ firewall, listens }) => {
      firewall()
      listens('mariadb', { tcp: 3306, at: ['10.0.0.5'], from: ['10.0.0.8'] })
    })
    const file = rulesOf(ruling, [
      socket('tcp', 3306, '10.0.0.5', ['10.0.0.7', '10.0.0.8']),
      socket('tcp', 8080, '0.0.0.0'),
      socket('tcp', 3306, '10.0.0.9', ['10.0.0.7'], 'other'),
      socket('tcp', 80, '0.0.0.0', [], 'nginx'),
    ])
    const open = 'tcp 3306 on 10.0.0.5 from 10.0.0.8, tcp 3306 on 10.0.0.9 from 10.0.0.7, tcp 80 on 0.0.0.0'
    expect(diff({ file, isPartial: true })).toEqual([expect.objectContaining({ what: 'open', wanted: open })])
    expect(shell({ file, isPartial: true })).toContain(
      '\n# open: tcp 3306 on 10.0.0.5 from 10.0.0.8 by declared, tcp 3306 on 10.0.0.9 from 10.0.0.7 by other, tcp 80 on 0.0.0.0 by nginx\n',
    )
  })

  it.each([
    [{ ssh: [] }, 'expected at least one port of sshd'],
    [{ ssh: [70_000] }, 'expected a port from 1 to 65535, got 70000'],
    [{ from: ['10.0.0.0/33'] }, 'expected a network such as 10.0.0.0/8, got "10.0.0.0/33"'],
    [{ from: ['10.0.0.0/8 } accept #'] }, 'expected a network'],
    [{ rate: 0 }, 'expected a rate of 1 or more'],
    [{ rules: ['tcp dport 1\n}'] }, 'expected one line of text as a rule of nft'],
  ])('refuses %j', (options, args) => {
    expect(() => declared(({ firewall }) => firewall(options))).toThrow(args)
  })
})

describe('swap', () => {
  it.each([
    ['/swap file', '1g', 'expected an absolute path of letters'],
    ['/swapfile', '1k', 'expected a size such as 512m or 2g'],
    ['/swapfile', '0g', 'expected a size such as 512m or 2g'],
  ])('%s of %s is refused', (path, size, args) => {
    expect(() => declared(({ swap }) => swap(path, { size }))).toThrow(args)
  })
})
