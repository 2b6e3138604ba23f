import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { quote } from '#engine/quote.ts'
import type { Kind } from '#engine/resources/resource.ts'
import { here } from '#engine/resources/shell.ts'
import { Secret } from '#engine/secret.ts'
import {
  brokenPair,
  certificatesOf,
  closed,
  type FoundPair,
  isOpen,
  issuerOf,
  make,
  namesOf,
  pair,
  pem,
} from './pair.ts'

/** A certificate chain and its key, read from the controller's files and found to belong together. */
export interface GivenPair {
  /** PEM, the site's own certificate first. */
  readonly chain: string
  readonly key: Secret
}

/** What is wrong with given files, each with the one that it is about. */
export interface PairProblem {
  readonly file: 'certificate' | 'key'
  readonly message: string
}

export interface WantedFiles extends GivenPair {
  readonly domain: string
}

/** The pair that was given, as it was given. */
export const files: Kind<WantedFiles, FoundPair> = {
  ...pair,

  diff(wanted, found) {
    const broken = brokenPair(found)
    if (!found.leaf || !isOpen(broken)) return broken
    const same = found.chain === wanted.chain && found.publicKey === pem(leafOf(wanted))
    if (same) return broken
    return [
      ...broken,
      { what: 'certificate', found: described(found.leaf), wanted: described(leafOf(wanted)) },
    ]
  },

  apply(wanted, found) {
    if (isOpen(files.diff(wanted, found))) return closed(wanted.domain)
    return [
      `${make}umask 077\ncertificate_room ${quote(wanted.domain)}\n`,
      here('cat >"$room/fullchain.pem"', wanted.chain),
      here('cat >"$room/privkey.pem"', wanted.key.reveal()),
      `certificate_install ${quote(wanted.domain)} "$room/fullchain.pem" "$room/privkey.pem"\nrm -rf -- "$room"\n`,
    ].join('')
  },
}

/** Reads the two files and holds them against each other, `names` and the time. */
export function readGivenPair(
  from: { readonly certificate: string; readonly key: string },
  names: readonly string[],
  now: Date,
): GivenPair | readonly PairProblem[] {
  const chain = textOf('certificate', from.certificate)
  const key = textOf('key', from.key)
  if (typeof chain !== 'string' || typeof key !== 'string') return [chain, key].filter(isProblem)
  // Before anything else: from here on it is masked in whatever is printed.
  const secret = new Secret(key)
  const certificates = read('certificate', from.certificate, () => certificatesOf(chain))
  const parsed = read('key', from.key, () => createPrivateKey(key))
  if (isProblem(certificates) || isProblem(parsed)) return [certificates, parsed].filter(isProblem)
  const problems = [
    ...chainProblems(from.certificate, certificates, names, now),
    ...keyProblems(from, certificates, parsed),
  ]
  return problems.length > 0 ? problems : { chain, key: secret }
}

function chainProblems(
  file: string,
  [leaf, ...issuers]: readonly X509Certificate[],
  names: readonly string[],
  now: Date,
): readonly PairProblem[] {
  if (!leaf) return [about('certificate', file, 'a PEM certificate', 'none')]
  // A certificate for one name below the domain does not cover them all.
  const has = (name: string) =>
    name.startsWith('*.')
      ? namesOf(leaf).split(' ').includes(name)
      : leaf.checkHost(name, { subject: 'never' }) !== undefined
  const uncovered = names.filter(name => !has(name))
  const chained = [leaf, ...issuers].findIndex((one, at) => issuers[at] && !one.checkIssued(issuers[at]))
  return [
    ...(Date.parse(leaf.validTo) <= now.getTime()
      ? [about('certificate', file, 'one that is valid now', `one that expired on ${leaf.validTo}`)]
      : []),
    ...(Date.parse(leaf.validFrom) > now.getTime()
      ? [about('certificate', file, 'one that is valid now', `one that is valid from ${leaf.validFrom}`)]
      : []),
    ...(uncovered.length > 0
      ? [about('certificate', file, `one for ${uncovered.join(' and ')}`, leaf.subjectAltName ?? 'no names')]
      : []),
    ...(chained >= 0
      ? [
          about(
            'certificate',
            file,
            'each certificate followed by its issuer’s',
            `another after the ${ordinal(chained)}`,
          ),
        ]
      : []),
  ]
}

function keyProblems(
  from: { readonly certificate: string; readonly key: string },
  [leaf]: readonly X509Certificate[],
  key: KeyObject,
): readonly PairProblem[] {
  if (!leaf || leaf.checkPrivateKey(key)) return []
  return [about('key', from.key, `the key of ${from.certificate}`, 'another key')]
}

function textOf(file: PairProblem['file'], path: string): string | PairProblem {
  return read(file, path, () => readFileSync(path, 'utf8'))
}

function read<T>(file: PairProblem['file'], path: string, reading: () => T): T | PairProblem {
  try {
    return reading()
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return about(
      file,
      path,
      file === 'key' ? 'a PEM private key without a passphrase' : 'PEM certificates',
      reason,
    )
  }
}

function about(file: PairProblem['file'], path: string, wanted: string, got: string): PairProblem {
  return { file, message: `${path}: expected ${wanted}, got ${got}` }
}

function isProblem(value: unknown): value is PairProblem {
  return typeof value === 'object' && value !== null && 'message' in value && 'file' in value
}

function leafOf({ chain }: GivenPair): X509Certificate {
  return new X509Certificate(chain)
}

function described(leaf: X509Certificate): string {
  return `${leaf.serialNumber.toLowerCase().slice(-8)} of ${issuerOf(leaf)} until ${leaf.validTo}`
}

function ordinal(index: number): string {
  return ['first', 'second', 'third'][index] ?? `${index + 1}th`
}
