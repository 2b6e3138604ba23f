import { quote, quoteAll } from '#engine/quote.ts'
import { differs, type Kind } from '#engine/resources/resource.ts'
import {
  brokenPair,
  closed,
  expiring,
  type FoundPair,
  isOpen,
  issuerOf,
  make,
  namesOf,
  notYetValid,
  pair,
  sorted,
} from './pair.ts'

export interface WantedSelfSigned {
  readonly domain: string
  readonly names: readonly string[]
  readonly days: number
}

/** A pair that vouches for itself, made on the host; renewed when a third of its days, at most 30, is left. */
export const selfSigned: Kind<WantedSelfSigned, FoundPair> = {
  ...pair,

  diff(wanted, found) {
    const broken = brokenPair(found)
    if (!found.leaf || !isOpen(broken)) return broken
    return [
      ...broken,
      ...differs('issuer', issuerOf(found.leaf), 'itself'),
      ...differs('names', namesOf(found.leaf), sorted(wanted.names)),
      ...notYetValid(found.leaf, found.now, 0),
      ...expiring(found.leaf, found.now, Math.min(30, wanted.days / 3)),
    ]
  },

  apply: (wanted, found) => (isOpen(selfSigned.diff(wanted, found)) ? closed(wanted.domain) : made(wanted)),
}

/** The same where there is none; one that is there is never touched, whatever is in it. */
export const placeholder: Kind<WantedSelfSigned, FoundPair> = {
  ...pair,
  // Another thing than the certificate, which has an owner of its own.
  noun: 'placeholder certificate',
  diff: (_, { chain, hasKey }) =>
    chain !== '' && hasKey ? [] : [{ what: 'state', found: 'absent', wanted: 'self-signed' }],
  // What deploys check the site's certificate with; the role that brings the real one says so itself.
  apply: wanted => {
    const ca = quote(`/etc/ssl/capstan/${wanted.domain}.ca`)
    return `${made(wanted)}[ -e ${ca} ] || ln -sfn -- ${quote(`${wanted.domain}/fullchain.pem`)} ${ca}\n`
  },
}

function made({ domain, names, days }: WantedSelfSigned): string {
  return `${make}certificate_self_signed ${quoteAll([domain, String(days), ...names])}\n`
}
