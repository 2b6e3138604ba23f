import { quote } from '#engine/quote.ts'
import type { Secret } from '#engine/secret.ts'
import { type Declare, differs, type Kind, known } from './resource.ts'
import { here } from './shell.ts'

/** Where PowerDNS with zone files has its keys: in a directory that only root and PowerDNS can enter. */
export const keyDatabase = '/var/lib/powerdns/dnssec/bind-dnssec.db'

export interface TransferKey {
  readonly name: string
  /** `hmac-sha256`. */
  readonly algorithm: string
  /** Base64. */
  readonly secret: Secret
}

export interface TransferKeys {
  readonly keys: readonly TransferKey[]
  /** The zones that each of them may transfer. */
  readonly zones: readonly string[]
}

/** What differs, and no secret: each found key is compared on the host. */
interface FoundKeys {
  /** `ns2 same`, `ns3 different`. */
  readonly keys: readonly string[]
  /** `foobar.com ns2`: the zone may be transferred with the key. */
  readonly grants: readonly string[]
}

/** The TSIG keys of PowerDNS, and the zones that can be transferred with them: these, and no others. */
const kind: Kind<TransferKeys, FoundKeys> = {
  noun: 'transfer keys',

  probe(items) {
    const [wanted] = items
    const same = (wanted?.keys ?? []).map(
      ({ name, algorithm, secret }) =>
        `name = '${name}' and algorithm = '${algorithm}' and secret = '${secret.reveal()}'`,
    )
    const select = `.timeout 5000
select 'key ' || name || case when ${['0', ...same].join(' or ')} then ' same' else ' different' end from tsigkeys;
select 'zone ' || domain || ' ' || content from domainmetadata where kind = 'TSIG-ALLOW-AXFR';
`
    return `if [ -e ${quote(keyDatabase)} ] && [ -x /usr/bin/sqlite3 ]; then
${here(`sqlite3 -batch ${quote(keyDatabase)}`, select)}fi\n`
  },

  parse(output, items) {
    const lines = output.toString().split('\n')
    const of = (word: string) =>
      lines.filter(line => line.startsWith(word)).map(line => line.slice(word.length))
    return items.map(() => known({ keys: of('key '), grants: of('zone ') }))
  },

  diff(wanted, found) {
    return [
      ...differs('keys', sorted(found.keys), sorted(wanted.keys.map(({ name }) => `${name} same`))),
      ...differs('zones', sorted(found.grants), sorted(grantsOf(wanted))),
    ]
  },

  apply(wanted) {
    const keys = wanted.keys.map(
      ({ name, algorithm, secret }) =>
        `insert into tsigkeys(name, algorithm, secret) values ('${name}', '${algorithm}', '${secret.reveal()}');\n`,
    )
    const grants = wanted.zones.flatMap(zone =>
      wanted.keys.map(
        ({ name }) =>
          `insert into domainmetadata(domain, kind, content) values ('${zone}', 'TSIG-ALLOW-AXFR', '${name}');\n`,
      ),
    )
    const all = [
      "delete from tsigkeys;\ndelete from domainmetadata where kind = 'TSIG-ALLOW-AXFR';\n",
      ...keys,
      ...grants,
    ]
    return `${sql(all.join(''))}pdns_control purge >/dev/null 2>&1 || :\n`
  },
}

/** The keys of a host's name server, all of them. Names, algorithms and base64 have no quote of SQL in them. */
export function transferKeys(declare: Declare) {
  return (wanted: TransferKeys): void => declare(kind, { name: 'of PowerDNS', wanted })
}

/** Shell that has the database of keys do this, all or nothing; the SQL travels on stdin. */
export function sql(text: string): string {
  return here(
    `sqlite3 -batch -bail ${quote(keyDatabase)}`,
    `.timeout 5000\nbegin immediate;\n${text}commit;\n`,
  )
}

function grantsOf({ zones, keys }: TransferKeys): readonly string[] {
  return zones.flatMap(zone => keys.map(({ name }) => `${zone} ${name}`))
}

function sorted(all: readonly string[]): string {
  return [...all].sort().join(', ') || 'none'
}
