import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Difference } from '#engine/output/events.ts'
import { quote } from '#engine/quote.ts'
import { differs, type Kind, known, type State, unknown } from '#engine/resources/resource.ts'
import { fields, here } from '#engine/resources/shell.ts'

/** What a host has for a domain in /etc/ssl/capstan, and in certbot's lineage of that name. */
export interface FoundPair {
  /** The host's clock: what is expired is expired there. */
  readonly now: Date
  /** fullchain.pem as it is; empty where there is none. */
  readonly chain: string
  /** Its first certificate; undefined where none can be read. */
  readonly leaf: X509Certificate | undefined
  /** privkey.pem is there, whatever is in it. */
  readonly hasKey: boolean
  /** The public half of privkey.pem, as PEM; empty where the key can't be read. The key itself stays on the host. */
  readonly publicKey: string
  /** Mode of the directory, mode and owner of the key: `0700 0600 root`. */
  readonly access: string
  readonly lineage: Lineage
}

/** What certbot keeps of an earlier order; all empty where there was none. */
export interface Lineage {
  readonly chain: string
  readonly leaf: X509Certificate | undefined
  /** The directory URL it was ordered from. */
  readonly directory: string
}

/** What all kinds of certificates share, so that one perl reads them all, and one openssl each private key. */
export const pair = {
  noun: 'certificate',

  probe: items => here(`perl -e ${quote(reader)}`, items.map(item => item.domain).join('\0')),

  parse(output, items) {
    const values = fields(output)
    if (values.length !== items.length * width)
      throw new Error(`${items.length} certificates were probed, ${values.length / width} were answered`)
    return items.map((_, index) => readPair(values.slice(index * width, (index + 1) * width)))
  },
} satisfies Pick<Kind<{ readonly domain: string }, FoundPair>, 'noun' | 'probe' | 'parse'>

/** Shell functions that install a pair; a hook of certbot's carries them too. */
export const install = readFileSync(new URL('install.sh', import.meta.url), 'utf8')

/** Shell functions that make one, with those that install it. */
export const make = install + readFileSync(new URL('make.sh', import.meta.url), 'utf8')

/** What nginx would stumble over: no certificate, a key that is another's, a key that others can read. */
export function brokenPair({ leaf, chain, publicKey, access }: FoundPair): readonly Difference[] {
  if (chain === '' && publicKey === '') return [{ what: 'state', found: 'absent', wanted: 'present' }]
  if (!leaf) return [{ what: 'certificate', found: 'unreadable', wanted: 'a certificate' }]
  const own = publicKey === pem(leaf)
  return [
    ...(own ? [] : [{ what: 'key', found: 'another’s', wanted: 'the certificate’s' }]),
    ...differs('access', access, '0700 0600 root'),
  ]
}

/** Whether all that is wrong with a pair is who may read it. */
export function isOpen(differences: readonly Difference[]): boolean {
  return differences.every(({ what }) => what === 'access')
}

/** Shell that takes a pair's key back from others. */
export function closed(domain: string): string {
  const at = `/etc/ssl/capstan/${domain}`
  const [directory, key] = [quote(`${at}/.`), quote(`${at}/privkey.pem`)]
  return `chown root:root -- ${directory} ${key}\nchmod 0700 -- ${directory}\nchmod 0600 -- ${key}\n`
}

/** The host names of a certificate, sorted: `foobar.com www.foobar.com`. */
export function namesOf(leaf: X509Certificate): string {
  const names = (leaf.subjectAltName ?? '').split(', ').filter(name => name.startsWith('DNS:'))
  return sorted(names.map(name => name.slice(4)))
}

export function sorted(names: readonly string[]): string {
  return [...new Set(names)].sort().join(' ')
}

/** `[]` while more than `days` are left, by the host's clock. */
export function expiring(leaf: X509Certificate, now: Date, days: number): readonly Difference[] {
  const left = (Date.parse(leaf.validTo) - now.getTime()) / day
  if (left > days) return []
  const found = left > 0 ? `in ${shown(left)}` : `${shown(-left)} ago`
  return [{ what: 'expires', found, wanted: `in more than ${shown(days)}` }]
}

/** `[]` where a certificate is valid already or becomes so within `days`, by the host's clock. */
export function notYetValid(leaf: X509Certificate, now: Date, days: number): readonly Difference[] {
  const wait = (Date.parse(leaf.validFrom) - now.getTime()) / day
  return wait <= days ? [] : [{ what: 'valid', found: `in ${shown(wait)}`, wanted: 'now' }]
}

/** From its first to its last second, in days. */
export function lifetime(leaf: X509Certificate): number {
  return (Date.parse(leaf.validTo) - Date.parse(leaf.validFrom)) / day
}

/** Who signed it: `CN=R11`; `itself` where it is self-signed. */
export function issuerOf(leaf: X509Certificate): string {
  // Not checkIssued(): a leaf that may not sign others is no issuer to it, even of itself.
  if (leaf.issuer === leaf.subject && leaf.verify(leaf.publicKey)) return 'itself'
  return leaf.issuer.split('\n').at(-1) ?? 'nobody'
}

/** The certificates of a PEM text, in order. Throws where one can't be read. */
export function certificatesOf(chain: string): readonly X509Certificate[] {
  const blocks = chain.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  return blocks.map(block => new X509Certificate(block))
}

/** A certificate's public key as PEM, as `openssl pkey -pubout` prints it. */
export function pem(leaf: X509Certificate): string {
  return leaf.publicKey.export({ type: 'spki', format: 'pem' }).toString().trim()
}

const day = 86_400_000

function shown(days: number): string {
  if (days >= 1) return `${Math.floor(days)} ${days < 2 ? 'day' : 'days'}`
  return days * 24 >= 1 ? `${Math.floor(days * 24)} h` : `${Math.floor(days * 1440)} min`
}

// Reads NUL-separated domains and prints eight fields for each. With openssl not installed, `openssl` is 0.
const reader = String.raw`
  use strict; local $/; my $openssl = -x "/usr/bin/openssl" ? 1 : 0;
  for my $domain (split /\0/, <STDIN>) {
    my ($pair, $live) = ("/etc/ssl/capstan/$domain", "/etc/letsencrypt/live/$domain"); my $key = "$pair/privkey.pem";
    my ($public, $access, @dir, @key) = ("", "");
    if (@key = stat $key) { @dir = stat $pair; my $user = getpwuid($key[4]) // $key[4];
      $access = sprintf "%04o %04o %s", $dir[2] & 07777, $key[2] & 07777, $user;
      if ($openssl) { open my $out, "-|", "sh", "-c", q(exec openssl pkey -in "$0" -pubout -passin pass: 2>/dev/null), $key
        or die "sh: $!\n"; $public = <$out> // "" } }
    my $conf = text("/etc/letsencrypt/renewal/$domain.conf"); my ($server) = $conf =~ /^server\s*=\s*(\S+)/m;
    print join "\0", time, $openssl, text("$pair/fullchain.pem"), (@key ? 1 : 0), $public, $access,
      text("$live/fullchain.pem"), $server // "", ""; }
  sub text { open my $file, "<", $_[0] or return ""; read $file, my $text, 262144; $text //= ""; $text =~ tr/\0//d; $text }
`

const width = 8

function readPair(values: readonly string[]): State<FoundPair> {
  const [time = '', openssl = '', chain = '', key = '', publicKey = '', access = ''] = values
  const [ordered = '', directory = ''] = values.slice(6)
  if (key === '1' && openssl === '0') return unknown('openssl is not installed yet')
  return known({
    now: new Date(Number(time) * 1000),
    chain,
    leaf: leafOf(chain),
    hasKey: key === '1',
    publicKey: publicKey.trim(),
    access,
    lineage: { chain: ordered, leaf: leafOf(ordered), directory },
  })
}

function leafOf(chain: string): X509Certificate | undefined {
  try {
    return certificatesOf(chain)[0]
  } catch {
    return undefined
  }
}
