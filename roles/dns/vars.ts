import type { Secret } from '#engine/secret.ts'
import {
  choice,
  domain,
  group,
  ipAddress,
  list,
  optional,
  type Problem,
  secret,
  text,
  type Vars,
  type VarsOf,
  vars,
} from '#engine/vars.ts'
import { zoneOf } from './zone-of.ts'
import { nameServer, zoneFields } from './zone-vars.ts'

// 16 bytes or more. Source: RFC 4648, 4.
const base64 = /(?=.{24})([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?/

const declared = vars(
  {
    listen: optional(
      list(ipAddress(), {
        min: 1,
        is: 'addresses that the name server listens on; default: 127.0.0.1 and the addresses of the host, which leaves 127.0.0.53 to a local resolver',
      }),
    ),
    nameservers: list(nameServer, {
      default: ({ site }) => [`ns1.${site.domain}`],
      min: 1,
      is: 'name servers of the zone, the primary first; a name server in this domain also gets an address record',
    }),
    ...zoneFields,
    zones: list(
      group({ domain: domain(), nameservers: optional(list(nameServer, { min: 1 })), ...zoneFields }),
      {
        default: [],
        is: 'further zones, of domains without a site: { domain: foobar.net, mail: none }; each accepts nameservers (default: those of the first site), ttl, negativeTtl, mail, dnssec, caa and records',
      },
    ),
    secondaries: list(
      group({
        address: ipAddress(),
        key: text({
          pattern: /[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?/,
          expects: 'the name of a TSIG key, of small letters, digits, - and .',
        }),
        algorithm: choice(['hmac-sha256', 'hmac-sha384', 'hmac-sha512'], { default: 'hmac-sha256' }),
        secret: secret({ pattern: base64, expects: 'a secret of at least 16 bytes in base64' }),
      }),
      {
        default: [],
        is: 'secondary servers that are notified of changes and transfer all zones with a TSIG key: { address: 192.0.2.53, key: ns2, secret: !secret NS2_TSIG }; the secret is base64, `openssl rand -base64 32` makes one; algorithm: hmac-sha256 (default), hmac-sha384 or hmac-sha512',
      },
    ),
    transfers: list(ipAddress(), {
      default: [],
      is: 'secondary servers that are notified of changes and may transfer the zones without a key; empty: none',
    }),
  },
  { ofSite: ['nameservers', 'ttl', 'negativeTtl', 'mail', 'dnssec', 'caa', 'records'] },
)

export type DnsVars = VarsOf<typeof declared>

const dns: Vars<DnsVars> = {
  ...declared,
  parse(input, site) {
    const parsed = declared.parse(input, site)
    if (!parsed.ok) return parsed
    const { zones, secondaries } = parsed.value
    const problems = [
      ...mailProblems(parsed.value, []),
      ...zones.flatMap((zone, index) => mailProblems(zone, ['zones', String(index)])),
      ...zoneProblems(zones, site?.domain),
      ...keyProblems(secondaries),
    ]
    return problems.length > 0 ? { ok: false, problems } : parsed
  },
}

export default dns

/** A domain without mail has no mail server, and no other SPF policy. */
function mailProblems(
  { mail, records }: Pick<DnsVars, 'mail' | 'records'>,
  path: readonly string[],
): readonly Problem[] {
  if (mail !== 'none') return []
  const isSpf = ({ name, text }: { name: string; text: string }) => name === '@' && /^v=spf1\b/i.test(text)
  const other = records.mx.some(({ name }) => name === '@')
    ? 'an MX record'
    : records.txt.some(isSpf)
      ? 'an SPF record'
      : undefined
  return other === undefined
    ? []
    : [{ path: [...path, 'mail'], message: `none: expected no other mail records, but records has ${other}` }]
}

/** A name lies in one zone: that of a site, or a further one. */
function zoneProblems(
  zones: readonly { readonly domain: string }[],
  site: string | undefined,
): readonly Problem[] {
  return zones.flatMap(({ domain }, index) => {
    const others = [...(site === undefined ? [] : [site]), ...zones.slice(0, index).map(one => one.domain)]
    const other = others.find(one => zoneOf(one, [domain]) ?? zoneOf(domain, [one]))
    const message = `${domain}: expected a domain that lies in no other zone; ${other} has one`
    return other === undefined ? [] : [{ path: ['zones', String(index), 'domain'], message }]
  })
}

interface Keyed {
  readonly key: string
  readonly algorithm: string
  readonly secret: Secret
}

function keyProblems(secondaries: readonly Keyed[]): readonly Problem[] {
  return secondaries.flatMap(({ key, algorithm, secret }, index) => {
    const at = (name: string) => ['secondaries', String(index), name]
    const same = secondaries.slice(0, index).find(one => one.key === key)
    if (same && (same.algorithm !== algorithm || !same.secret.equals(secret)))
      return [
        { path: at('key'), message: `${key}: expected the same secret and algorithm wherever it is used` },
      ]
    return []
  })
}
