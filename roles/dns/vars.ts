import { domain, group, integer, ipAddress, list, optional, text, vars } from '#engine/vars.ts'

const owner = text({
  pattern: /@|(\*|[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*/i,
  max: 200,
  words: 'a name below the domain such as blog or _dmarc, or @ for the domain itself',
  default: '@',
})

const host = /[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)+/

const target = text({
  pattern: new RegExp(host.source, 'i'),
  max: 253,
  words: 'a whole host name such as mail.foobar.com, without a dot at its end',
})

// `.` is no host at all. Source: RFC 7505, "null MX".
const exchange = text({
  pattern: new RegExp(`\\.|${host.source}`, 'i'),
  max: 253,
  words: 'a whole host name such as mail.foobar.com, without a dot at its end, or . for no mail at all',
})

// Source: RFC 8659, 4.2; the parameters are those of RFC 8657.
const authority = text({
  pattern: new RegExp(`${host.source}( *; *[a-z0-9-]+=[!#-:<-\\[\\]-~]*)*`, 'i'),
  max: 255,
  words:
    'an authority such as letsencrypt.org, with parameters where wanted: letsencrypt.org; accounturi=https://…',
})

const seconds = { min: 0, max: 2_147_483_647 }
const ttl = optional(integer(seconds))

export default vars({
  listen: optional(
    list(ipAddress(), {
      min: 1,
      is: 'the addresses it answers at; unset: 127.0.0.1 and the host’s own, so that a resolver at 127.0.0.53 keeps its port',
    }),
  ),
  nameservers: list(domain(), {
    default: ({ site }) => [`ns1.${site.domain}`],
    min: 1,
    is: 'the zone’s name servers, the primary first; one within the domain gets an address record as well',
  }),
  ttl: integer({ ...seconds, default: 3600, is: 'seconds that others may keep a record' }),
  negativeTtl: integer({
    ...seconds,
    default: 300,
    is: 'seconds that others may keep that a name is not there',
  }),
  caa: group({
    issue: list(authority, {
      default: ['letsencrypt.org'],
      is: 'the authorities that may issue certificates for the domain, with parameters of RFC 8657 where wanted: "letsencrypt.org; accounturi=https://…"; empty: any may, and no CAA record is written',
    }),
    wildcard: list(authority, {
      default: [],
      is: 'those of them that may issue wildcard certificates; empty: none',
    }),
  }),
  records: group({
    a: list(group({ name: owner, address: ipAddress({ version: 4 }), ttl }), {
      default: [],
      is: 'further A records: { name: blog, address: 192.0.2.7 }; every record also takes a ttl',
    }),
    aaaa: list(group({ name: owner, address: ipAddress({ version: 6 }), ttl }), {
      default: [],
      is: 'AAAA records: { name: blog, address: "2001:db8::7" }',
    }),
    cname: list(group({ name: owner, target, ttl }), {
      default: [],
      is: 'aliases: { name: shop, target: shops.example.net }',
    }),
    mx: list(
      group({ name: owner, host: exchange, priority: integer({ min: 0, max: 65_535, default: 10 }), ttl }),
      {
        default: [],
        is: 'mail servers: { host: mail.foobar.com, priority: 10 }; { host: ., priority: 0 } alone says that the domain takes no mail',
      },
    ),
    txt: list(group({ name: owner, text: text({ max: 4000 }), ttl }), {
      default: [],
      is: 'texts, of any length and without quotes of their own: { name: _dmarc, text: "v=DMARC1; p=none" }',
    }),
  }),
  transfers: list(ipAddress(), {
    default: [],
    is: 'the secondary servers: they are told of changes and may fetch the whole zone; empty: nobody may',
  }),
})
