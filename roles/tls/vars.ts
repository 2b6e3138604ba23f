import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { rootCertificates } from 'node:tls'
import { type GivenPair, readGivenPair } from '#engine/resources/certificate/files.ts'
import { certificatesOf } from '#engine/resources/certificate/pair.ts'
import {
  choice,
  flag,
  group,
  integer,
  optional,
  type Problem,
  text,
  type Vars,
  type VarsOf,
  vars,
} from '#engine/vars.ts'

const letsEncrypt = 'https://acme-v02.api.letsencrypt.org/directory'

const declared = vars(
  {
    source: choice(['self-signed', 'files', 'acme'], {
      default: 'self-signed',
      is: 'where the certificate comes from: created on the host, read from files, or ordered from a CA by ACME',
    }),
    days: integer({
      default: 365,
      min: 3,
      max: 3650,
      is: 'self-signed: validity in days; renewed when a third of it is left, at most 30 days',
    }),
    files: group({
      certificate: optional(
        text({
          is: 'files: local PEM file with the certificate followed by its issuers, relative to the project folder',
        }),
      ),
      key: optional(text({ is: 'files: local PEM file with the private key, without a passphrase' })),
    }),
    acme: group({
      directory: text({
        pattern: /^https:\/\/[A-Za-z0-9.:[\]-]+\/[A-Za-z0-9._~/-]*$/,
        expects: 'the https:// URL of an ACME directory',
        default: letsEncrypt,
        is: 'acme: directory URL of the CA; for tests use https://acme-staging-v02.api.letsencrypt.org/directory',
      }),
      checkAddresses: flag({
        default: true,
        is: 'acme: before an order, refuse names that lead to another address than site.address and those of the host; false behind a CDN. A host without a public address and without site.address is not checked',
      }),
      ca: optional(
        text({
          is: 'acme: local PEM file with the root certificate that a private CA’s server uses; default: the system’s roots',
        }),
      ),
    }),
  },
  { ofSite: ['source', 'days', 'files'] },
)

/** The role's vars, with the files read that they name. */
export type TlsVars = VarsOf<typeof declared> & {
  /** Set where `source` is `files`. */
  readonly given: GivenPair | undefined
  /** The text of `acme.ca`, where it is set. */
  readonly acmeCa: string | undefined
}

const tls: Vars<TlsVars> = {
  ...declared,
  parse(input, site) {
    const parsed = declared.parse(input, site)
    if (!parsed.ok) return parsed
    const problems: Problem[] = []
    const names = site ? [site.domain, ...site.www] : []
    const { source, files, acme } = parsed.value
    const given = source === 'files' ? givenBy(files, names, problems) : undefined
    const acmeCa = source === 'acme' && acme.ca !== undefined ? caFrom(acme.ca, problems) : undefined
    return problems.length > 0
      ? { ok: false, problems }
      : { ok: true, value: { ...parsed.value, given, acmeCa } }
  },
}

export default tls

function givenBy(
  { certificate, key }: { readonly certificate: string | undefined; readonly key: string | undefined },
  names: readonly string[],
  problems: Problem[],
): GivenPair | undefined {
  if (certificate === undefined || key === undefined) {
    const missing = certificate === undefined ? 'certificate' : 'key'
    problems.push({
      path: ['files', missing],
      message: 'expected a PEM file, since source is files; got nothing',
    })
    return undefined
  }
  const from = { certificate: resolve(project, certificate), key: resolve(project, key) }
  const given = readGivenPair(from, names, new Date())
  if ('chain' in given) return given
  for (const { file, message } of given) problems.push({ path: ['files', file], message })
  return undefined
}

function caFrom(file: string, problems: Problem[]): string | undefined {
  try {
    const text = readFileSync(resolve(project, file), 'utf8')
    if (certificatesOf(text).length > 0) return text
    problems.push({ path: ['acme', 'ca'], message: `${file}: expected PEM certificates, got none` })
  } catch (error) {
    problems.push({
      path: ['acme', 'ca'],
      message: `${file}: ${error instanceof Error ? error.message : error}`,
    })
  }
  return undefined
}

/** Whether browsers trust the certificate: it is, or will be, of a CA that they and the system know. */
export function isPublic({ source, acme, acmeCa, given }: TlsVars): boolean {
  if (source === 'acme') return acme.directory === letsEncrypt && acmeCa === undefined
  const last = given && certificatesOf(given.chain).at(-1)
  return last !== undefined && rootCertificates.some(root => isIssuer(new X509Certificate(root), last))
}

function isIssuer(root: X509Certificate, certificate: X509Certificate): boolean {
  return certificate.checkIssued(root) && certificate.verify(root.publicKey)
}

const project = resolve(import.meta.dirname, '../..')
