import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { quote } from '#engine/quote.ts'
import { serialOf } from '#engine/resources/zone.ts'
import { debians, itInFull } from './cases.ts'
import { type DnsHost, dnsHost } from './dns-host.ts'
import { ask } from './dns-query.ts'

const zone = 'zone /etc/powerdns/zones/foobar.com.zone'
const odd = 'say "a\\b"; $(id) `x` @ ( ) \'é\' 😀'

// Holds port 53 of 127.0.0.53, as systemd-resolved does.
const stub =
  quote(`use Socket; for my $type (SOCK_DGRAM, SOCK_STREAM) { socket my $s, AF_INET, $type, 0 or die;
  bind $s, pack_sockaddr_in(53, inet_aton("127.0.0.53")) or die; listen $s, 5 if $type == SOCK_STREAM; push @all, $s } sleep`)

// These tests run in order: each one begins where the one before it ended.
describe.each(debians(13))('the dns role on a bare Debian %i', debian => {
  let dns: DnsHost
  let port: number

  beforeAll(async () => {
    dns = await dnsHost(debian)
    port = dns.host.ports.dns
    // As systemd-resolved does on Ubuntu: the package's own start, at 0.0.0.0, fails for it.
    await dns.sh(`setsid perl -e ${stub} >/dev/null 2>&1 </dev/null &`)
  })
  afterAll(() => dns?.remove())

  it('sets up the server, beside a resolver that has port 53 of 127.0.0.53', async () => {
    const first = await dns.converge()
    expect(first.error).toBeUndefined()
    expect(first.did).toContain(zone)
    expect(await dns.sh('journalctl -u pdns')).toContain('Address already in use')
    expect(await dns.converge()).toMatchObject({ changed: 0, trips: 2, did: [] })
  })

  it.each(['udp', 'tcp'] as const)('answers over %s, for its own zone alone', async by => {
    const address = dns.host.ip
      .split('.')
      .map(byte => Number(byte).toString(16).padStart(2, '0'))
      .join('')
    for (const name of ['foobar.com', 'www.foobar.com', 'ns1.foobar.com'])
      expect(await ask(port, by, { name, type: 'A' })).toEqual({
        status: 'NOERROR',
        authoritative: true,
        recursive: false,
        data: [address],
      })
    expect(await ask(port, by, { name: 'no.foobar.com', type: 'A' })).toMatchObject({ status: 'NXDOMAIN' })
    expect(await ask(port, by, { name: 'example.org', type: 'A' })).toMatchObject({
      status: 'REFUSED',
      data: [],
    })
  })

  it('tells neither its version nor its name nor the whole zone', async () => {
    const version = await ask(port, 'udp', { name: 'version.bind', type: 'TXT', chaos: true })
    const identity = await ask(port, 'udp', { name: 'id.server', type: 'TXT', chaos: true })
    const transfer = await ask(port, 'tcp', { name: 'foobar.com', type: 'AXFR' })
    expect([version.data, identity.data, transfer.data]).toEqual([[], [], []])
    expect(transfer.status).not.toBe('NOERROR')
  })

  it('has SOA, NS and CAA records', async () => {
    const { resolver } = dns
    expect(await resolver.resolveSoa('foobar.com')).toMatchObject({
      nsname: 'ns1.foobar.com',
      hostmaster: 'hostmaster.foobar.com',
      serial: serialOf(await dns.file()),
    })
    expect(await resolver.resolveNs('foobar.com')).toEqual(['ns1.foobar.com'])
    expect(await resolver.resolveCaa('foobar.com')).toEqual(
      expect.arrayContaining([
        // Node 24 adds the type.
        expect.objectContaining({ critical: 0, issue: 'letsencrypt.org' }),
        expect.objectContaining({ critical: 0, issuewild: ';' }),
      ]),
    )
  })

  it('moves the serial once when a record changes, and only the zone’s file', async () => {
    const before = await dns.serial()
    const given = { records: { txt: [{ text: odd }, { name: 'long', text: 'é'.repeat(400) }] } }
    const changed = await dns.converge(given)
    expect(changed.did).toEqual([zone, 'reload the zone foobar.com'])
    const after = await dns.serial()
    expect(after).toBeGreaterThan(before)
    expect(await text(port, 'foobar.com')).toBe(odd)
    expect(await text(port, 'long.foobar.com')).toBe('é'.repeat(400))
    expect(await dns.converge(given)).toMatchObject({ changed: 0, did: [] })
    expect(await dns.serial()).toBe(after)
    await dns.converge()
  })

  it('repairs an edit by hand, with a serial above the edited one', async () => {
    await dns.sh(`sed -i 's/^www .*/www IN A 192.0.2.66/' /etc/powerdns/zones/foobar.com.zone`)
    const before = await dns.serial()
    expect((await dns.converge()).did).toEqual([zone, 'reload the zone foobar.com'])
    expect(await dns.serial()).toBeGreaterThan(before)
    expect(await dns.resolver.resolve4('www.foobar.com')).toEqual([dns.host.ip])
  })

  it('leaves file and answers as they were when PowerDNS finds the zone bad', async () => {
    const [file, serial] = [await dns.file(), await dns.serial()]
    const bad = await dns.converge({ records: { cname: [{ name: 'www', target: 'a.example.net' }] } })
    expect(bad.error).toMatchObject({ code: 'config-rejected' })
    expect(bad.error?.lines.join('\n')).toContain(
      '[Error] CNAME www.foobar.com found, but other records with same label exist.',
    )
    expect(await dns.file()).toBe(file)
    expect(await dns.serial()).toBe(serial)
    expect(await dns.converge()).toMatchObject({ changed: 0 })
  })

  it.each([
    ['pdns.conf', 'no-such-setting=1', 'unknown setting'],
    ['named.conf', 'zone "x {', 'syntax error'],
    ['zones/foobar.com.zone', 'x IN FOO y', "doesn't look like a qtype"],
  ])('is tested: the test of its files fails on a bad line in %s', async (name, line, why) => {
    const test = 'pdns_server --config=check && pdnsutil check-zone foobar.com'
    const script = `cp -a /etc/powerdns/${name} /root/kept; printf '%s\\n' '${line}' >>/etc/powerdns/${name}
      ( ${test} ) 2>&1 && echo passed; cat /root/kept >/etc/powerdns/${name}; ( ${test} ) >/dev/null 2>&1`
    const said = await dns.sh(script)
    expect(said).toContain(why)
    expect(said).not.toContain('passed')
  })

  itInFull('puts the files back when the server does not answer with them', async () => {
    const file = await dns.file()
    const elsewhere = await dns.converge({ listen: ['192.0.2.1'] })
    expect(elsewhere.error?.lines.join('\n')).toContain('foobar.com: the server at 192.0.2.1 answers nothing')
    expect(await dns.file()).toBe(file)
    expect(await dns.resolver.resolve4('www.foobar.com')).toEqual([dns.host.ip])
    expect(await dns.converge()).toMatchObject({ changed: 0, error: undefined })
  })

  itInFull('is asked over IPv6 where it listens there', async () => {
    const both = { listen: ['::1', dns.host.ip] }
    const changed = await dns.converge(both)
    expect(changed.error).toBeUndefined()
    expect(changed.did).toContain('restart pdns')
    expect(await dns.converge(both)).toMatchObject({ changed: 0 })
    await dns.converge()
  })

  itInFull('goes on above the served serial when an old file comes back', async () => {
    const serial = await dns.serial()
    await dns.sh(`sed -i 's/${serial} ; serial/2001010100 ; serial/' /etc/powerdns/zones/foobar.com.zone`)
    expect((await dns.converge()).did).toEqual([zone, 'reload the zone foobar.com'])
    expect(await dns.serial()).toBeGreaterThan(serial)
    expect(await dns.converge()).toMatchObject({ changed: 0 })
  })

  itInFull('starts a server that is down, and reads what it did not read', async () => {
    await dns.sh('systemctl stop pdns')
    expect((await dns.converge()).did).toContain('service pdns')
    const serial = await dns.serial()
    await dns.sh(`sed -i 's/${serial} ; serial/${serial + 1} ; serial/' /etc/powerdns/zones/foobar.com.zone`)
    await dns.converge()
    expect(await dns.serial()).toBe(serial + 1)
  })

  itInFull('restarts a server that runs with other settings than its files', async () => {
    await dns.sh(`cd /etc/powerdns; cp -a pdns.conf /root/kept; sed -i 's/127.0.0.1, //' pdns.conf
      systemctl restart pdns; cp -a /root/kept pdns.conf`)
    expect((await dns.converge()).did).toEqual([zone, 'reload the zone foobar.com'])
    expect(await dns.converge()).toMatchObject({ changed: 0 })
  })

  it('goes on from a serial that a wrong clock left far ahead', async () => {
    await dns.sh(`sed -i 's/[0-9]* ; serial/2099123199 ; serial/' /etc/powerdns/zones/foobar.com.zone
      pdns_control bind-reload-now foobar.com`)
    await dns.converge({ ttl: 7200 })
    expect(await dns.serial()).toBe(2099123200)
  })

  itInFull('lets a secondary fetch the zone, and nobody else', async () => {
    await dns.converge({ transfers: ['192.0.2.53'] })
    expect((await ask(port, 'tcp', { name: 'foobar.com', type: 'AXFR' })).data).toEqual([])
    // Whoever asks at a published port comes from the gateway.
    const us = await dns.sh(
      `perl -ane 'print join ".", reverse unpack "C4", pack "H8", $F[2] if $F[1] eq "00000000"' /proc/net/route`,
    )
    await dns.converge({ transfers: [us] })
    const transfer = await ask(port, 'tcp', { name: 'foobar.com', type: 'AXFR' })
    expect(transfer).toMatchObject({ status: 'NOERROR' })
    expect(transfer.data.length).toBeGreaterThan(0)
  })

  // test/long/dnssec.test.ts validates the answers, and replaces the key.
  it('signs the zone with one key, under a serial that secondary servers follow', async () => {
    const signed = await dns.converge({ dnssec: true })
    expect(signed.error).toBeUndefined()
    expect(signed.did).toContain('dnssec foobar.com')
    const { data } = await ask(port, 'udp', { name: 'foobar.com', type: 'DNSKEY' })
    // Flags 257, protocol 3, algorithm 13.
    expect(data).toEqual([expect.stringMatching(/^0101030d/)])
    expect(await dns.serial()).toBe(
      (serialOf(await dns.file()) ?? 0) + Math.floor(Date.now() / 1000 / 604_800),
    )
    expect(await dns.converge({ dnssec: true })).toMatchObject({ changed: 0, trips: 2, did: [] })
  })
})

/** The whole text of a name's one TXT record. */
async function text(port: number, name: string): Promise<string> {
  const { data } = await ask(port, 'tcp', { name, type: 'TXT' })
  const bytes = Buffer.from(data.join(''), 'hex')
  const strings = []
  for (let at = 0; at < bytes.length; at += 1 + (bytes[at] ?? 0))
    strings.push(bytes.subarray(at + 1, at + 1 + (bytes[at] ?? 0)))
  return Buffer.concat(strings).toString()
}
