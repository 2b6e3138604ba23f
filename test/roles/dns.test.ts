import { describe, expect, it } from 'vitest'
import { declare, typicalSite } from '#engine/converge/testing.ts'
import type { WantedCommand } from '#engine/resources/command.ts'
import type { Site } from '#engine/vars.ts'
import { characterStrings, mailbox } from '#roles/dns/records.ts'
import dns from '#roles/dns/role.ts'
import vars from '#roles/dns/vars.ts'

const facts = { addresses: ['192.0.2.10', '2001:db8::10'] }

const declared = (given: unknown = {}, site: Partial<Site> = {}) => declare(dns, { vars: given, site, facts })

const text = (path: string, given: unknown = {}, site: Partial<Site> = {}) => declared(given, site).text(path)

const zone = (given: unknown, other: Partial<Site> = {}) =>
  text('/etc/powerdns/zones/foobar.com.zone', given, other)

/** The zone's lines that hold this, one space between their words. */
const lines = (all: string, part: string) =>
  all.split('\n').flatMap(line => (line.includes(part) ? [line.replaceAll(/ +/g, ' ')] : []))

const further = {
  transfers: ['192.0.2.53', '2001:db8::53'],
  nameservers: ['ns1.foobar.com', 'ns2.example.net'],
  records: {
    a: [{ name: 'mail', address: '192.0.2.25' }],
    aaaa: [{ address: '2001:db8::10' }],
    cname: [{ name: 'shop', target: 'shops._x.example.net', ttl: 600 }],
    mx: [{ host: 'mail.foobar.com' }],
    txt: [{ name: '_dmarc', text: 'v=DMARC1; p=none' }],
  },
}

const key = { key: 'ns2', secret: 'bm90IGEgc2VjcmV0IG9mIGFueWJvZHk=' }
const signed = {
  dnssec: true,
  mail: 'none',
  secondaries: [
    { address: '192.0.2.53', ...key },
    { address: '2001:db8::53', ...key },
  ],
  zones: [{ domain: 'foobar.net', records: { a: [{ address: '192.0.2.7' }] } }],
}

describe('the dns role', () => {
  it('declares a tested set of files and the service', () => {
    const { resources, handlers } = declared()
    expect(
      resources.map(({ label, set, notify }) =>
        [label, ...notify.map(({ name }) => `→ ${name}`), ...(set ? [`(${set.name})`] : [])].join(' '),
      ),
    ).toEqual([
      'apt pdns-server pdns-backend-bind',
      'dnssec foobar.com',
      'template /etc/powerdns/pdns.conf → restart pdns (PowerDNS configuration)',
      'template /etc/powerdns/named.conf → restart pdns (PowerDNS configuration)',
      'template /etc/powerdns/pdns.d/bind.conf (PowerDNS configuration)',
      'directory /etc/powerdns/zones (PowerDNS configuration)',
      'zone /etc/powerdns/zones/foobar.com.zone → reload the zone foobar.com (PowerDNS configuration)',
      'transfer keys of PowerDNS',
      'service pdns',
      'listens pdns 53/tcp 53/udp',
    ])
    expect(handlers.map(({ name }) => name)).toEqual(['restart pdns', 'reload the zone foobar.com'])
  })

  it.each([
    ['the defaults', 'plain', {}],
    ['all that can be said', 'further', further],
    ['signed zones, and secondary servers with a key', 'signed', signed],
  ])('writes readable files from %s', async (_, name, given) => {
    await expect(zone(given)).toMatchFileSnapshot(`dns/${name}.zone`)
    await expect(text('/etc/powerdns/pdns.conf', given)).toMatchFileSnapshot(`dns/${name}.pdns.conf`)
    await expect(text('/etc/powerdns/named.conf', given)).toMatchFileSnapshot(`dns/${name}.named.conf`)
    await expect(text('/etc/powerdns/pdns.d/bind.conf', given)).toMatchFileSnapshot('dns/bind.conf')
  })

  it('gives the address of the site where it has one, as the type that it is', () => {
    expect(lines(zone({}, { address: '8.8.8.8' }), 'www')).toEqual(['www IN A 8.8.8.8'])
    expect(lines(zone({}, { address: '2001:db8::1' }), 'www')).toEqual(['www IN AAAA 2001:db8::1'])
  })

  it('leaves names of other domains to those', () => {
    const text = zone({}, { www: ['www.foobar.com', 'foobar.net', 'xfoobar.com'] })
    expect(lines(text, '192.0.2.10')).toEqual([
      'ns1 IN A 192.0.2.10',
      '@ IN A 192.0.2.10',
      'www IN A 192.0.2.10',
    ])
  })

  it('gives a name server the address that its own record says, else the site’s', () => {
    const own = { records: { a: [{ name: 'ns1', address: '192.0.2.1' }] } }
    expect(lines(zone(own), 'ns1 ')).toEqual(['ns1 IN A 192.0.2.1'])
    expect(lines(zone({ nameservers: ['ns.example.net'] }), 'NS')).toEqual(['@ IN NS ns.example.net.'])
  })

  it('says that a domain takes no mail, as RFC 7505 does', () => {
    expect(lines(zone({ records: { mx: [{ host: '.', priority: 0 }] } }), 'MX')).toEqual(['@ IN MX 0 .'])
    const none = zone({ mail: 'none', records: { txt: [{ text: 'of another kind' }] } })
    expect(lines(none, 'MX')).toEqual(['@ IN MX 0 .'])
    expect(lines(none, 'spf')).toEqual(['@ IN TXT "v=spf1 -all"'])
  })

  it.each([
    'letsencrypt.org; accounturi=https://acme-v02.api.letsencrypt.org/acme/acct/1234',
    'letsencrypt.org;validationmethods=http-01,dns-01 ; accounturi=https://ca.example/a?b=c',
  ])('writes an authority with the parameters of RFC 8657: %s', issue => {
    expect(lines(zone({ caa: { issue: [issue] } }), 'CAA')[0]).toBe(`@ IN CAA 0 issue "${issue}"`)
  })

  it('writes no CAA record where any authority may issue', () => {
    expect(lines(zone({ caa: { issue: [] } }), 'CAA')).toEqual([])
  })

  it.each([
    [['192.0.2.10'], '192.0.2.10'],
    [['0.0.0.0', '::'], '127.0.0.1'],
    [['::'], '::1'],
    [['192.0.2.10', '127.0.0.1'], '127.0.0.1'],
  ])('asks a server that listens at %j at %s', (listen, at) => {
    const zone = declared({ listen }).resources.find(({ label }) => label.startsWith('zone'))
    expect(zone?.wanted).toMatchObject({ at })
  })

  it('signs a zone once its server runs, with keys in a directory of PowerDNS’s own', () => {
    const { labels, text } = declared(signed)
    expect(labels.filter(label => !/^(template|zone|apt|service|listens) /.test(label))).toEqual([
      'directory /var/lib/powerdns/dnssec',
      'command pdnsutil create-bind-db /var/lib/powerdns/dnssec/bind-dnssec.db',
      'dnssec foobar.net',
      'directory /etc/powerdns/zones',
      'transfer keys of PowerDNS',
      'dnssec foobar.com',
    ])
    expect(labels.indexOf('dnssec foobar.com')).toBeGreaterThan(labels.indexOf('service pdns'))
    expect(labels.indexOf('dnssec foobar.net')).toBeLessThan(
      labels.indexOf('template /etc/powerdns/pdns.conf'),
    )
    expect(labels).toContain('apt sqlite3')
    const net = text('/etc/powerdns/zones/foobar.net.zone')
    expect(net).toMatch(/^@ IN SOA ns1\.foobar\.com\. hostmaster\.foobar\.com\. /m)
    expect(lines(net, ' A ')).toEqual(['@ IN A 192.0.2.7'])
    expect(lines(net, ' NS ')).toEqual(['@ IN NS ns1.foobar.com.'])
  })

  it('has a key of TSIG once, and neither prints nor plans its secret', () => {
    const found = declared(signed).resources.find(({ label }) => label.startsWith('transfer keys'))
    expect(found?.wanted).toMatchObject({
      keys: [{ name: 'ns2', algorithm: 'hmac-sha256' }],
      zones: ['foobar.com', 'foobar.net'],
    })
    expect(JSON.stringify(found)).not.toContain(key.secret)
    const state = { keys: ['ns2 different'], grants: [] }
    expect(JSON.stringify(found?.kind.diff(found.wanted, state))).not.toContain(key.secret)
  })

  it.each([
    ['dnssec', { dnssec: true }, {}],
    ['a secondary server', { secondaries: [{ address: '192.0.2.53', ...key }] }, {}],
    ['a wildcard name', {}, { www: ['www.foobar.com', '*.foobar.com'] }],
  ])('refuses %s on Debian sid, whose pdnsutil cannot store keys', (_, given, site) => {
    const sid = { ...facts, system: 'debian sid' } as const
    expect(() => declare(dns, { vars: given, site, facts: sid })).toThrow('cannot load its backend')
    expect(() => declare(dns, { facts: sid })).not.toThrow()
  })

  it('refuses dnssec of a site in the zone of another that is not signed', () => {
    const inside = (dnssec: boolean) => () =>
      declare(dns, {
        facts,
        vars: { dnssec },
        further: [
          { site: { app: 'docs', domain: 'docs.foobar.com', www: [] }, vars: { dnssec: true } },
          { site: { app: 'blog', domain: 'blog.example', www: [] }, vars: { dnssec: true } },
        ],
      })
    expect(inside(false)).toThrow('dns.dnssec of docs.foobar.com has no effect')
    expect(inside(true)).not.toThrow()
  })

  it('refuses a host that has no address to give', () => {
    expect(() => declare(dns, { facts: { addresses: [] } })).toThrow('web1: it has no address of its own')
  })
})

describe('a TXT record', () => {
  it.each([
    ['v=spf1 -all', '"v=spf1 -all"'],
    ['say "a\\b"; $(id) `x` @', '"say \\"a\\\\b\\"; $(id) `x` @"'],
    ['é', '"\\195\\169"'],
    ['a'.repeat(255), `"${'a'.repeat(255)}"`],
    ['a'.repeat(256), `"${'a'.repeat(255)}" "a"`],
    ['€'.repeat(100), `"${'\\226\\130\\172'.repeat(85)}" "${'\\226\\130\\172'.repeat(15)}"`],
  ])('holds %s', (text, strings) => {
    expect(characterStrings(text)).toBe(strings)
  })
})

it('writes an address as the SOA record does', () => {
  expect(mailbox('john.doe+dns@foobar.com')).toBe('john\\.doe+dns.foobar.com.')
})

describe('the vars of dns', () => {
  it.each([
    ['records.a.0.name', { records: { a: [{ name: 'a\nb', address: '192.0.2.1' }] } }],
    ['records.a.0.name', { records: { a: [{ name: 'a;b', address: '192.0.2.1' }] } }],
    ['records.a.0.name', { records: { a: [{ name: '$ORIGIN', address: '192.0.2.1' }] } }],
    ['records.a.0.name', { records: { a: [{ name: `${'a'.repeat(64)}`, address: '192.0.2.1' }] } }],
    ['records.a.0.name', { records: { a: [{ name: 'a..b', address: '192.0.2.1' }] } }],
    ['records.a.0.name', { records: { a: [{ name: 'x.*', address: '192.0.2.1' }] } }],
    ['records.a.0.address', { records: { a: [{ name: 'a', address: '192.0.2.1 ; x' }] } }],
    ['records.a.0.address', { records: { a: [{ name: 'a', address: '2001:db8::1' }] } }],
    [
      'records.cname.0.target',
      { records: { cname: [{ name: 'a', target: 'b.example.net. IN A 1.2.3.4' }] } },
    ],
    ['records.cname.0.target', { records: { cname: [{ name: 'a', target: '$(touch /tmp/p).com' }] } }],
    ['records.mx.0.priority', { records: { mx: [{ host: 'mail.foobar.com', priority: 65_536 }] } }],
    ['records.txt.0.text', { records: { txt: [{ text: 'a\nb' }] } }],
    ['records.txt.0.text', { records: { txt: [{ text: 'a\0b' }] } }],
    ['records.txt.0.ttl', { records: { txt: [{ text: 'a', ttl: -1 }] } }],
    ['caa.issue.0', { caa: { issue: ['letsencrypt.org" ; x'] } }],
    ['caa.issue.0', { caa: { issue: ['letsencrypt.org; accounturi=a"b'] } }],
    ['caa.issue.0', { caa: { issue: ['letsencrypt.org; accounturi=a\\'] } }],
    ['caa.issue.0', { caa: { issue: ['letsencrypt.org; accounturi'] } }],
    ['records.mx.0.host', { records: { mx: [{ host: '..' }] } }],
    ['records.cname.0.target', { records: { cname: [{ name: 'a', target: '.' }] } }],
    ['nameservers.0', { nameservers: ['ns1.foobar.com; rm -rf /'] }],
    ['nameservers', { nameservers: [] }],
    ['listen.0', { listen: ['0.0.0.0, x'] }],
    ['transfers.0', { transfers: ['any'] }],
    ['records.srv', { records: { srv: [] } }],
    ['mail', { mail: 'some' }],
    ['mail', { mail: 'none', records: { mx: [{ host: 'mail.foobar.com' }] } }],
    ['mail', { mail: 'none', records: { txt: [{ text: 'v=spf1 mx -all' }] } }],
    ['zones.0.mail', { zones: [{ domain: 'a.example', mail: 'none', records: { mx: [{ host: '.' }] } }] }],
    ['zones.0.domain', { zones: [{ domain: 'a.example; x' }] }],
    ['zones.0.domain', { zones: [{ domain: 'foobar.com' }] }],
    ['zones.0.domain', { zones: [{ domain: 'blog.foobar.com' }] }],
    ['zones.1.domain', { zones: [{ domain: 'a.example' }, { domain: 'b.a.example' }] }],
    ['zones.0.nameservers', { zones: [{ domain: 'a.example', nameservers: [] }] }],
    ['dnssec', { dnssec: 'yes' }],
    ['secondaries.0.secret', { secondaries: [{ address: '192.0.2.53', key: 'ns2' }] }],
    ['secondaries.0.secret', { secondaries: [{ address: '192.0.2.53', ...key, secret: 'c2hvcnQ=' }] }],
    ['secondaries.0.secret', { secondaries: [{ address: '192.0.2.53', ...key, secret: `${key.secret}'` }] }],
    ['secondaries.0.key', { secondaries: [{ address: '192.0.2.53', ...key, key: "ns2'; --" }] }],
    [
      'secondaries.1.key',
      {
        secondaries: [
          { address: '192.0.2.53', ...key },
          { address: '192.0.2.54', ...key, algorithm: 'hmac-sha512' },
        ],
      },
    ],
  ])('refuse %s in %j', (path, given) => {
    const parsed = vars.parse(given, typicalSite)
    expect(parsed.ok ? [] : parsed.problems.map(problem => problem.path.join('.'))).toEqual([path])
  })
})

describe('a wildcard name of a site', () => {
  const site = { www: ['www.foobar.com', '*.foobar.com', '*.a.foobar.com'] }

  it('has a record, and a zone for its challenges that the domain’s delegates to this host', () => {
    const text = zone({}, site)
    expect(lines(text, '*')).toEqual(['* IN A 192.0.2.10', '*.a IN A 192.0.2.10'])
    expect(lines(text, '_acme')).toEqual([
      '_acme-challenge IN NS ns1.foobar.com.',
      '_acme-challenge.a IN NS ns1.foobar.com.',
    ])
    const named = declared({}, site).text('/etc/powerdns/named.conf')
    expect(named).toContain('file "/var/lib/powerdns/challenges/_acme-challenge.a.foobar.com.zone";')
  })

  it('has its zone before the configuration names it', () => {
    const { labels } = declared({}, site)
    const at = labels.indexOf('command create the zone _acme-challenge.foobar.com')
    expect(at).toBeGreaterThan(labels.indexOf('directory /var/lib/powerdns/challenges'))
    expect(at).toBeLessThan(labels.indexOf('template /etc/powerdns/named.conf'))
    expect(declared().labels.join()).not.toContain('challenge')
  })

  it('has the name server of the zone that it lies in, in its own zone too', () => {
    const { resources } = declare(dns, {
      facts,
      vars: { nameservers: ['ns.example.net'] },
      further: [
        {
          site: { app: 'docs', domain: 'docs.foobar.com', www: ['www.docs.foobar.com', '*.docs.foobar.com'] },
          vars: { nameservers: ['ns.example.org'] },
        },
      ],
    })
    const zone = resources.find(({ label }) => label.endsWith('zone _acme-challenge.docs.foobar.com'))
    expect(String((zone?.wanted as WantedCommand | undefined)?.options.stdin)).toContain(
      '@ IN NS ns.example.net.\n',
    )
  })

  it('may have a certificate of the authorities of caa.issue, or of caa.wildcard', () => {
    expect(lines(zone({}, site), 'CAA')).toEqual(['@ IN CAA 0 issue "letsencrypt.org"'])
    const caa = { wildcard: ['ca.example'] }
    expect(lines(zone({ caa }, site), 'issuewild')).toEqual(['@ IN CAA 0 issuewild "ca.example"'])
  })
})

describe('the state of a signed zone', () => {
  const [on, off] = [true, false].map(dnssec => {
    const found = declared({ dnssec }).resources.find(({ label }) => label === 'dnssec foobar.com')
    if (found === undefined) throw new Error('no resource')
    return found
  })
  const found = { keys: 1, active: 1, served: ['foobar.com. IN DS 7 13 2 AB'], parent: 'all' }
  const diff = (resource: typeof on, state: object) =>
    resource?.kind.diff(resource.wanted, { ...found, ...state }).map(one => `${one.found} → ${one.wanted}`)
  const warning = (state: object) => on?.kind.warning?.(on.wanted, { ...found, ...state })

  it.each([
    ['a zone without keys', { keys: 0, active: 0, served: [] }, ['not signed → signed']],
    ['keys that do not sign', { active: 0, served: [] }, ['not signed → signed']],
    ['keys that the server does not give out', { served: [] }, ['none → 1']],
    ['a server that is down', { served: 'nothing' }, []],
    ['a signed zone', {}, []],
  ])('is %s', (_, state, differences) => {
    expect(diff(on, state)).toEqual(differences)
  })

  it('is a difference where it is signed and should not be', () => {
    expect(diff(off, {})).toEqual(['signed → not signed'])
    expect(diff(off, { active: 0 })).toEqual([])
  })

  it.each([
    ['all', undefined],
    ['some', undefined],
    ['none', 'has no DS record for it yet. Enter at the registrar: foobar.com. IN DS 7 13 2 AB'],
    ['others', 'has a DS record of another key'],
    ['nothing', 'no resolver of this host says'],
  ])('is warned of where the parent has the DS record of %s', (parent, part) => {
    if (part === undefined) expect(warning({ parent })).toBeUndefined()
    else expect(warning({ parent })).toContain(part)
  })
})

describe('the zones of several sites', () => {
  const several = declare(dns, {
    facts,
    site: { www: ['www.foobar.com', 'www.blog.example'] },
    further: [
      { site: { app: 'blog', domain: 'blog.example', www: [] } },
      {
        site: { app: 'docs', domain: 'docs.foobar.com', www: ['www.docs.foobar.com'], address: '192.0.2.77' },
        vars: { records: { txt: [{ name: '_x', text: 'of docs' }] }, caa: { issue: ['ca.example'] } },
      },
    ],
    removed: [{ app: 'old', domain: 'old.example', isRemoved: true }],
  })
  const zoneText = (domain: string) => several.text(`/etc/powerdns/zones/${domain}.zone`)

  it('are served each from its file; a site below the domain of another is in its zone', () => {
    const named = several.text('/etc/powerdns/named.conf')
    expect([...named.matchAll(/^zone "(.*)"/gm)].map(([, domain]) => domain)).toEqual([
      'foobar.com',
      'blog.example',
    ])
    const records = lines(zoneText('foobar.com'), 'docs')
    expect(records).toEqual([
      'docs IN A 192.0.2.77',
      'www.docs IN A 192.0.2.77',
      'docs IN CAA 0 issue "ca.example"',
      'docs IN CAA 0 issuewild ";"',
      '_x.docs IN TXT "of docs"',
    ])
  })

  it('have each name of any site that lies in them', () => {
    expect(lines(zoneText('blog.example'), 'www')).toEqual(['www IN A 192.0.2.10'])
  })

  it('are gone with a site that is removed', () => {
    expect(several.labels).toContain('file /etc/powerdns/zones/old.example.zone')
  })
})
