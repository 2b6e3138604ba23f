import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DnssecHost, dnssecHost } from './dnssec-host.ts'

// Signed zones on real hosts, checked with delv of BIND 9 and a trust anchor made of the DS record that the run prints.
// NSD is the secondary server at 127.0.0.53, and at 127.0.0.54 the parent `com` and the host's resolver.
// These tests run in order: each one begins where the one before it ended.
describe.each([12, 13] as const)('A signed zone on Debian %i', debian => {
  const secondary = { address: '127.0.0.53', key: 'ns2', secret: '!secret NS2_TSIG' }
  const database = '/var/lib/powerdns/dnssec'
  let on: DnssecHost
  /** The DS records of the first and of the second key. */
  let first = ''
  let second = ''

  beforeAll(async () => {
    on = await dnssecHost(debian)
  })
  afterAll(() => on?.remove())

  const ds = (text: string) =>
    [...text.matchAll(/foobar\.com\. IN DS \d+ 13 2 [0-9A-F]{64}/g)].map(([one]) => one)
  /** The secondary server has what the primary has. */
  const isTransferred = async () =>
    on.until(`dig +short @127.0.0.53 foobar.com SOA | grep -q ' ${await on.serial()} '`, 10)

  it('is signed by one run, which prints the DS record; the next one changes nothing in two trips', async () => {
    const run = await on.converged({})
    expect(run.changes).toContain('dnssec foobar.com')
    const [printed = ''] = ds(run.warnings.join())
    first = printed
    expect(await on.say('pdnsutil export-zone-ds foobar.com 2>/dev/null')).toContain(
      first.split(' ').at(-1)?.toLowerCase(),
    )
    for (const [name, type] of [
      ['www.foobar.com', 'A'],
      ['foobar.com', 'SOA'],
    ] as const)
      expect(await on.delv(name, type, first)).toContain('; fully validated')
    expect(await on.delv('nowhere.foobar.com', 'A', first)).toContain('; negative response, fully validated')
  })

  it('is refused by who trusts another key', async () => {
    const other = first.replace(/.{64}$/, 'A'.repeat(64))
    expect(await on.delv('www.foobar.com', 'A', other)).not.toContain('fully validated')
  })

  it('keeps its keys where root and PowerDNS alone can read them', async () => {
    expect(await on.say(`stat -c '%a %U' ${database}`)).toBe('700 pdns\n')
    const read = await on.run(`setpriv --reuid=nobody --clear-groups cat ${database}/bind-dnssec.db`)
    expect(read.exitCode).not.toBe(0)
  })

  it('stays valid when a record changes', async () => {
    const before = await on.serial()
    const records = { txt: [{ name: 'new', text: 'of the second run' }] }
    const run = await on.converged({ records })
    expect(run.changes).toEqual(['zone /etc/powerdns/zones/foobar.com.zone', 'reload the zone foobar.com'])
    expect(await on.serial()).toBeGreaterThan(before)
    const said = await on.delv('new.foobar.com', 'TXT', first)
    expect(said).toContain('; fully validated')
    expect(said).toContain('of the second run')
  })

  it('is transferred with the TSIG key, and refused without it and with another secret', async () => {
    const run = await on.converged({ secondaries: [secondary] })
    expect(run.stdout).not.toContain(on.secret)
    const axfr = (key: string) => on.say(`dig +noall +answer ${key} @127.0.0.1 foobar.com AXFR 2>&1 || :`)
    const whole = await axfr(`-y hmac-sha256:ns2:${on.secret}`)
    expect(whole).toMatch(/^www\.foobar\.com\.\s.*\sA\s/m)
    expect(whole).toMatch(/\sRRSIG\s+A 13 3 /)
    for (const key of ['', `-y hmac-sha256:ns2:${randomBytes(32).toString('base64')}`]) {
      const refused = await axfr(key)
      expect(refused).toMatch(/^; Transfer failed\.$/m)
      expect(refused).not.toMatch(/\sIN\s/)
    }
  })

  it('leaves the TSIG secret in the database of PowerDNS alone', async () => {
    const start = on.secret.slice(0, 20)
    const found = await on.say(`grep -rlF '${start}' /etc /tmp /var /run 2>/dev/null || :`)
    const elsewhere = found.split('\n').filter(file => file !== '' && !file.startsWith(database))
    expect(elsewhere).toEqual([])
    expect(found).toContain(database)
  })

  it('is notified to the secondary server, which answers the signed zone within seconds', async () => {
    await on.parentHas([])
    await on.until('dig +short @127.0.0.53 foobar.com SOA | grep -q .', 30)
    const records = { txt: [{ name: 'new', text: 'for the secondary' }] }
    expect((await on.converge({ secondaries: [secondary], records })).exitCode).toBe(0)
    await isTransferred()
    expect(await on.delv('new.foobar.com', 'TXT', first, '127.0.0.53')).toContain('; fully validated')
  })

  it('keeps its key while the parent has no DS record of it', async () => {
    const { code, text } = await on.keys('roll', 'foobar.com')
    expect([code, text]).toEqual([
      1,
      expect.stringContaining('its parent has no DS record of the key in use'),
    ])
    expect(ds((await on.keys('keys')).text)).toEqual([first])
  })

  it('is no longer warned of once the parent has its DS record', async () => {
    const run = await on.converge({ secondaries: [secondary] })
    expect(run.warnings.join()).toContain('no DS record for it yet')
    await on.parentHas([first])
    expect((await on.converge({ secondaries: [secondary] })).warnings).toEqual([])
    expect(await on.status()).toMatch(/foobar\.com is signed for \d+ days and by its parent/)
  })

  it('is valid by the old and by the new DS record once a rollover has begun, at both servers', async () => {
    const { code, text } = await on.keys('roll', 'foobar.com')
    expect(code, text).toBe(0)
    second = ds(text).find(one => one !== first) ?? ''
    expect(text).toMatch(
      /next: after \d{4}-\d\d-\d\d \d\d:\d\d UTC \(in \d+ min\), enter the DS record of key/,
    )
    // Later too, the time is that of the roll.
    expect((await on.keys('keys')).text).toContain(/next: after .* UTC/.exec(text)?.[0])
    await isTransferred()
    for (const at of ['127.0.0.1', '127.0.0.53'])
      for (const anchor of [first, second])
        for (const name of ['www.foobar.com', 'nowhere.foobar.com'])
          expect(await on.delv(name, 'A', anchor, at), `${name} at ${at} by ${anchor}`).toContain(
            'fully validated',
          )
    expect((await on.converge({ secondaries: [secondary] })).recap()).toMatchObject({ changed: 0, trips: 2 })
  })

  it('keeps both keys until the parent has had the new DS record alone for a day', async () => {
    const stay = async () => {
      const { text } = await on.keys('roll', 'foobar.com')
      expect((await on.say('dig +short @127.0.0.1 foobar.com DNSKEY')).trim().split('\n')).toHaveLength(2)
      return text
    }
    expect(await stay()).toContain('enter the DS record of key')
    await on.parentHas([first, second])
    expect(await stay()).toContain('remove the DS record of key')
    await on.parentHas([second])
    const seen = () =>
      on.say(
        `sqlite3 ${database}/bind-dnssec.db "select content from domainmetadata where kind = 'X-CAPSTAN-DS'"`,
      )
    expect((await on.keys('keys')).text).toContain('next: run roll; the old DS record may be in caches')
    expect(await seen()).toBe('')
    for (const _ of [1, 2])
      expect(await stay()).toMatch(/next: after .* \(in 2[34] h\), run roll again: it removes/)
    // Keys that are only shown leave the time as it is, and so does a resolver that is down.
    const time = await seen()
    expect(time).toMatch(/^\d+\n$/)
    await on.parentHas([first, second])
    expect((await on.keys('keys')).text).toContain('remove the DS record of key')
    await on.say('systemctl stop nsd')
    expect(await stay()).toContain('no resolver of this host answers')
    expect(await seen()).toBe(time)
    await on.parentHas([second])
    const day = "update domainmetadata set content = content - 86400 where kind = 'X-CAPSTAN-DS'"
    await on.say(`sqlite3 ${database}/bind-dnssec.db "${day}"`)
    const { code, text } = await on.keys('roll', 'foobar.com')
    expect([code, text]).toEqual([0, expect.stringContaining('signs alone')])
    expect(ds((await on.keys('keys')).text)).toEqual([second])
  })

  it('is valid by the new DS record alone after the rollover, at both servers', async () => {
    await isTransferred()
    for (const at of ['127.0.0.1', '127.0.0.53']) {
      expect(await on.delv('www.foobar.com', 'A', second, at)).toContain('; fully validated')
      expect(await on.delv('www.foobar.com', 'A', first, at)).not.toContain('fully validated')
    }
    const run = await on.converge({ secondaries: [secondary] })
    expect(run.recap()).toMatchObject({ changed: 0, trips: 2 })
    expect(run.warnings).toEqual([])
  })

  it('is not left unsigned while its parent has a DS record, and is signed by the same key later', async () => {
    const run = await on.converge({ dnssec: false })
    expect(run.exitCode).toBe(1)
    expect(JSON.stringify(run.error())).toContain('its parent still has a DS record')
    expect(await on.delv('www.foobar.com', 'A', second)).toContain('; fully validated')
    await on.parentHas([])
    await on.converged({ dnssec: false })
    expect(await on.say('dig +short @127.0.0.1 foobar.com DNSKEY')).toBe('')
    const none = await on.keys('keys', '-e', 'dns.dnssec=false')
    expect([none.code, none.text]).toEqual([
      0,
      expect.stringMatching(
        /no signed zones\n.*foobar\.com {2}not declared as a signed zone; its keys stay in/,
      ),
    ])
    const again = await on.converged({})
    expect(ds(again.warnings.join())).toEqual([second])
    expect(await on.delv('www.foobar.com', 'A', second)).toContain('; fully validated')
  })

  it('is beside further zones: signed or not, and without mail', async () => {
    const zones = [
      { domain: 'foobar.net', mail: 'none', dnssec: true },
      { domain: 'foobar.org', records: { a: [{ address: '192.0.2.7' }] } },
    ]
    await on.converged({ zones, mail: 'none' })
    for (const domain of ['foobar.com', 'foobar.net']) {
      expect(await on.say(`dig +short @127.0.0.1 ${domain} MX`)).toBe('0 .\n')
      expect(await on.say(`dig +short @127.0.0.1 ${domain} TXT`)).toBe('"v=spf1 -all"\n')
      expect(await on.say(`dig +short @127.0.0.1 ${domain} DNSKEY`)).toContain('257 3 13 ')
    }
    expect(await on.say('dig +short @127.0.0.1 foobar.org A')).toBe('192.0.2.7\n')
    expect(await on.say('dig +short @127.0.0.1 foobar.org DNSKEY')).toBe('')
  })
})
