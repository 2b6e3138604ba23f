import { choice, domain, flag, group, integer, ipAddress, list, optional, text } from '#engine/vars.ts'

const owner = text({
  pattern: /@|(\*|[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*/i,
  max: 200,
  expects: 'a name below the domain such as blog or _dmarc, or @ for the domain itself',
  default: '@',
})

const host = /[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)+/

const target = text({
  pattern: new RegExp(host.source, 'i'),
  max: 253,
  expects: 'a whole host name such as mail.foobar.com, without a dot at its end',
})

// `.` is no host at all. Source: RFC 7505, "null MX".
const exchange = text({
  pattern: new RegExp(`\\.|${host.source}`, 'i'),
  max: 253,
  expects: 'a whole host name such as mail.foobar.com, without a dot at its end, or . for no mail at all',
})

// Source: RFC 8659, 4.2; the parameters are those of RFC 8657.
const authority = text({
  pattern: new RegExp(`${host.source}( *; *[a-z0-9-]+=[!#-:<-\\[\\]-~]*)*`, 'i'),
  max: 255,
  expects:
    'an authority such as letsencrypt.org, with parameters where wanted: letsencrypt.org; accounturi=https://…',
})

const seconds = { min: 0, max: 2_147_483_647 }
const ttl = optional(integer(seconds))

/** The vars that each zone has for itself, apart from its name servers. */
export const zoneFields = {
  ttl: integer({ ...seconds, default: 3600, is: 'TTL of the records, in seconds' }),
  negativeTtl: integer({
    ...seconds,
    default: 300,
    is: 'negative-cache TTL (SOA minimum), in seconds',
  }),
  mail: optional(
    choice(['none'], {
      is: 'none: the domain neither accepts nor sends mail (null MX of RFC 7505, and SPF `v=spf1 -all`); default: what `records` say',
    }),
  ),
  dnssec: flag({
    default: false,
    is: 'sign the zone with DNSSEC; see [Sign the zone](dns.md#sign-the-zone) for the DS record at the registrar',
  }),
  caa: group({
    issue: list(authority, {
      default: ['letsencrypt.org'],
      is: 'authorities that may issue certificates for the domain, optionally with parameters of RFC 8657: "letsencrypt.org; accounturi=https://…"; empty: no CAA record, so any authority may issue',
    }),
    wildcard: list(authority, {
      default: [],
      is: 'authorities that may issue wildcard certificates; empty: none, or those of caa.issue if site.www has a wildcard',
    }),
  }),
  records: group({
    a: list(group({ name: owner, address: ipAddress({ version: 4 }), ttl }), {
      default: [],
      is: 'additional A records: { name: blog, address: 192.0.2.7 }; each record accepts a ttl',
    }),
    aaaa: list(group({ name: owner, address: ipAddress({ version: 6 }), ttl }), {
      default: [],
      is: 'AAAA records: { name: blog, address: "2001:db8::7" }',
    }),
    cname: list(group({ name: owner, target, ttl }), {
      default: [],
      is: 'CNAME records: { name: shop, target: shops.example.net }',
    }),
    mx: list(
      group({ name: owner, host: exchange, priority: integer({ min: 0, max: 65_535, default: 10 }), ttl }),
      {
        default: [],
        is: 'MX records: { host: mail.foobar.com, priority: 10 }; { host: ., priority: 0 } as the only record means that the domain accepts no mail',
      },
    ),
    txt: list(group({ name: owner, text: text({ max: 4000 }), ttl }), {
      default: [],
      is: 'TXT records of any length, without quotes around the text: { name: _dmarc, text: "v=DMARC1; p=none" }',
    }),
  }),
}

/** `ns1.foobar.com`. */
export const nameServer = domain()
