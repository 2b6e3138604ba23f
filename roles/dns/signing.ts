import { readFileSync } from 'node:fs'
import { quote } from '#engine/quote.ts'
import { readByPerl } from '#engine/resources/perl-reader.ts'
import { type Declare, differs, type Kind, known } from '#engine/resources/resource.ts'
import { sql } from '#engine/resources/zone-keys.ts'

export interface Signing {
  /** The apex: `foobar.com`. */
  readonly zone: string
  /** The address at which the host asks its own server. */
  readonly at: string
  readonly isSigned: boolean
}

interface FoundSigning {
  /** How many keys the zone has on the host, and how many of them sign. */
  readonly keys: number
  readonly active: number
  /** DS records of the keys that the server gives out: `foobar.com. IN DS 33287 13 2 3A62…`; `nothing` without an answer. */
  readonly served: readonly string[] | 'nothing'
  /** What the parent has: `all` or `some` of them, `none`, `others`; `nothing` where no resolver answers. */
  readonly parent: string
}

/** Perl functions that read a signed zone as resolvers do. */
export const signedReader = readFileSync(new URL('signed.pl', import.meta.url), 'utf8')

/**
 * Whether PowerDNS signs a zone. Keys are made once, on the host: one CSK (ECDSA P-256), and NSEC. Source: RFC 6781, 3.1
 * (single type signing scheme), RFC 8624, 3.1 (algorithm 13), RFC 9276, 3.1 (NSEC where the names are no secret).
 */
const signings: Kind<Signing, FoundSigning> = {
  noun: 'dnssec',

  ...readByPerl<Signing, FoundSigning>({
    items: 'zones',
    perl: `${signedReader}${reader()}`,
    given: ({ zone, at, isSigned }) => [zone, at, isSigned ? '1' : ''],
    found: ([keys = '', active = '', parent = '', ...served]) =>
      known({
        keys: Number(keys),
        active: Number(active),
        parent,
        served: served[0] === 'nothing' ? 'nothing' : served,
      }),
  }),

  diff({ isSigned }, { active, served }) {
    if (!isSigned) return differs('zone', active > 0 ? 'signed' : 'not signed', 'not signed')
    if (active === 0) return differs('zone', 'not signed', 'signed')
    return served.length === 0 ? differs('served keys', 'none', `${active}`) : []
  },

  apply({ zone, isSigned }, { keys, active }) {
    const purge = 'pdns_control purge >/dev/null 2>&1 || :\n'
    if (!isSigned) return `${refuseUnsigning(zone)}${sql(setActive(zone, false))}${purge}`
    if (keys === 0) return `pdnsutil secure-zone ${quote(zone)} >&2\n${purge}`
    return active === 0 ? `${sql(setActive(zone, true))}${purge}` : purge
  },

  warning({ zone, isSigned }, { served, parent }) {
    if (!isSigned || served === 'nothing' || parent === 'all' || parent === 'some') return undefined
    const given = `Enter at the registrar: ${served.join('; ')}`
    if (parent === 'nothing')
      return `${zone} is signed, and no resolver of this host says whether its parent has the DS record. ${given}`
    const wrong =
      parent === 'others' ? 'has a DS record of another key, so validating resolvers refuse it' : ''
    return `${zone} is signed, and its parent ${wrong || 'has no DS record for it yet'}. ${given}`
  },
}

/** `signing({ zone: 'foobar.com', at: '127.0.0.1', isSigned: true })`. */
export function signing(declare: Declare) {
  return (wanted: Signing): void => declare(signings, { name: wanted.zone, wanted })
}

// `records` and its like come from signed.pl.
function reader(): string {
  return String.raw`
    my (%keys, %active); sub before {
      -e $database && -x "/usr/bin/sqlite3" or return; open my $out, "-|", "sqlite3", "-batch", "-cmd", ".timeout 5000", $database, "select domain, active from cryptokeys" or return;
      while (<$out>) { my ($zone, $active) = /^(\S+)\|(\d)/ or next; $keys{lc $zone}++; $active{lc $zone} += $active } }
    sub item { my ($zone, $at, $signed) = @_; my @own = ($keys{$zone} // 0, $active{$zone} // 0); return (@own, "") unless $signed && $own[1];
      my $is = signed($at, $zone) or return (@own, "", "nothing"); my $parent = parent($zone); my @keys = @{ $is->{keys} };
      my $ours = grep { my $key = $_; grep { names($_, $key) } @{ $parent // [] } } @keys;
      return (@own, !$parent ? "nothing" : $ours && $ours == @keys ? "all" : $ours ? "some" : @$parent ? "others" : "none", map { ds($zone, $_) } @keys) }
  `
}

/** Without its keys, a zone whose parent still has a DS record is refused by every validating resolver. */
function refuseUnsigning(zone: string): string {
  const check = `${signedReader}
    my ($zone) = @ARGV; my $parent = parent($zone); exit 0 if $parent && !@$parent;
    die $parent ? "$zone: its parent still has a DS record, and would make the unsigned zone invalid\\n" : "$zone: no resolver of this host says whether its parent has a DS record\\n",
      "next: remove the DS record at the registrar, wait for its TTL (a day), and run again\\n"`
  return `perl -e ${quote(check)} -- ${quote(zone)}\n`
}

function setActive(zone: string, isActive: boolean): string {
  const value = isActive ? 1 : 0
  return `update cryptokeys set active = ${value}, published = ${value} where domain = '${zone}';\n`
}
