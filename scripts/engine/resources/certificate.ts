import { quote, quoteAll } from '#engine/quote.ts'
import {
  brokenPair,
  expiring,
  type FoundPair,
  isOpen,
  issuerOf,
  namesOf,
  pairFunctions,
  parsePairs,
  readPairs,
  sorted,
} from './certificate-pair.ts'
import { type Declare, type DeclareOptions, differs, type Kind } from './resource.ts'

export interface SelfSignedOptions extends DeclareOptions {
  /** Days from its making to its end; 365 unless told. It is made anew when a third, at most 30 days, is left. */
  readonly days?: number
}

interface WantedSelfSigned {
  readonly domain: string
  readonly names: readonly string[]
  readonly days: number
}

/**
 * The pair of a domain: `/etc/ssl/capstan/<domain>/fullchain.pem` and `privkey.pem` (0600 in a 0700 directory),
 * wherever it comes from. Both change in one rename; a reader finds the old pair or the new one. Needs the
 * package openssl on the host.
 */
export function certificate(declare: Declare) {
  return {
    /** Something to start a server with: a self-signed pair where there is none. Never touches one that is there. */
    placeholder(domain: string, names: readonly string[], options: DeclareOptions = {}): void {
      const wanted = selfSignedOf(domain, names, 365)
      declare(placeholder, { noun: 'placeholder certificate', name: domain, wanted }, options)
    },

    /** A certificate of its own making for exactly these names; ECDSA P-256. */
    selfSigned(domain: string, names: readonly string[], options: SelfSignedOptions = {}): void {
      const wanted = selfSignedOf(domain, names, options.days ?? 365)
      declare(selfSigned, { name: domain, wanted }, options)
    },
  }
}

// All kinds of pairs are read alike, so that one process reads them all.
export const pair = {
  noun: 'certificate',
  probe: (items: readonly { readonly domain: string }[]) => readPairs(items.map(item => item.domain)),
  parse: (output: Buffer, items: readonly { readonly domain: string }[]) =>
    parsePairs(
      output,
      items.map(item => item.domain),
    ),
}

export const placeholder: Kind<WantedSelfSigned, FoundPair> = {
  ...pair,
  diff: (_, found) =>
    found.chain !== '' && found.hasKey ? [] : [{ what: 'state', found: 'absent', wanted: 'self-signed' }],
  apply: made,
}

export const selfSigned: Kind<WantedSelfSigned, FoundPair> = {
  ...pair,

  diff(wanted, found) {
    const broken = brokenPair(found)
    if (!found.leaf || !isOpen(broken)) return broken
    return [
      ...broken,
      ...differs('issuer', issuerOf(found.leaf), 'itself'),
      ...differs('names', namesOf(found.leaf), sorted(wanted.names)),
      ...expiring(found.leaf, found.now, Math.min(30, wanted.days / 3)),
    ]
  },

  apply: (wanted, found) => (isOpen(selfSigned.diff(wanted, found)) ? closed(wanted.domain) : made(wanted)),
}

function made({ domain, names, days }: WantedSelfSigned): string {
  return `${pairFunctions}certificate_self_signed ${quoteAll([domain, String(days), ...names])}\n`
}

/** Shell that takes a pair's key back from others. */
export function closed(domain: string): string {
  const at = quote(`/etc/ssl/capstan/${domain}`)
  return `chown root:root -- ${at}/privkey.pem ${at}/.\nchmod 0600 -- ${at}/privkey.pem\nchmod 0700 -- ${at}/.\n`
}

function selfSignedOf(domain: string, names: readonly string[], days: number): WantedSelfSigned {
  for (const name of [domain, ...names])
    if (!/^(\*\.)?[a-z0-9_]([a-z0-9_.-]*[a-z0-9])?$/.test(name) || name.includes('..'))
      throw new RangeError(`expected a domain name in small letters, got ${JSON.stringify(name)}`)
  return { domain, names, days }
}
