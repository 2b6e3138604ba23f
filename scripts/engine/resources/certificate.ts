import { acme, renewalHook, type WantedAcme } from './certificate/acme.ts'
import { files, type GivenPair } from './certificate/files.ts'
import { placeholder, selfSigned, type WantedSelfSigned } from './certificate/self-signed.ts'
import type { Declare, DeclareOptions } from './resource.ts'

export interface SelfSignedOptions extends DeclareOptions {
  /** How long it is valid; 365 by default. */
  readonly days?: number
}

export interface AcmeOptions
  extends DeclareOptions,
    Pick<WantedAcme, 'directory' | 'email' | 'webroot'>,
    Partial<Pick<WantedAcme, 'ca' | 'hook' | 'address' | 'checksAddresses'>> {}

/**
 * The pair of a domain: `/etc/ssl/capstan/<domain>/fullchain.pem` and `privkey.pem` (0600 in a 0700 directory),
 * wherever it comes from. Both change in one rename: a reader finds the old pair or the new one. Needs the
 * package openssl on the host.
 */
export function certificate(declare: Declare) {
  return {
    /** Something to start a server with: a self-signed pair where there is none. Never touches one that is there. */
    placeholder(domain: string, names: readonly string[], options: DeclareOptions = {}): void {
      const wanted = selfSignedOf(domain, names, {})
      declare(placeholder, { name: domain, wanted }, options)
    },

    /** One of its own making for exactly these names: ECDSA P-256, a leaf that is trusted by being trusted itself. */
    selfSigned(domain: string, names: readonly string[], options: SelfSignedOptions = {}): void {
      declare(selfSigned, { name: domain, wanted: selfSignedOf(domain, names, options) }, options)
    },

    /** A pair from the controller, as `readGivenPair` read and checked it. */
    files(domain: string, given: GivenPair, options: DeclareOptions = {}): void {
      declare(files, { name: domain, wanted: { domain: checked(domain), ...given } }, options)
    },

    /**
     * One that certbot orders by ACME's http-01, names with `*` by dns-01 and `hook`; needs the package certbot, and a server on
     * port 80 for `webroot`. Throws RangeError for a name with `*` without a hook.
     */
    acme(domain: string, names: readonly string[], options: AcmeOptions): void {
      const { directory, email, webroot, ca, hook, address, checksAddresses = false } = options
      if (hook === undefined && names.some(name => name.startsWith('*.')))
        throw new RangeError(`${domain}: a name with * needs a hook that publishes its challenge in DNS`)
      const own = { directory, email, webroot, ca, hook, address, checksAddresses }
      const wanted = { domain: checked(domain), names: names.map(checkedName), ...own }
      declare(acme, { name: domain, wanted }, options)
    },

    /** What certbot's folder of deploy hooks gets: it installs the renewed pair, then runs `reload`, shell that ends with a line end. */
    renewalHook: (domain: string, reload: string) => renewalHook(checked(domain), reload),
  }
}

function selfSignedOf(
  domain: string,
  names: readonly string[],
  options: SelfSignedOptions,
): WantedSelfSigned {
  return { domain: checked(domain), names: names.map(checkedName), days: options.days ?? 365 }
}

function checkedName(name: string): string {
  return name.startsWith('*.') ? `*.${checked(name.slice(2))}` : checked(name)
}

/** Throws RangeError unless it is a domain name in small letters: it becomes a path and a line of openssl's. */
function checked(name: string): string {
  if (/^[a-z0-9_]([a-z0-9_.-]*[a-z0-9])?$/.test(name) && !name.includes('..')) return name
  throw new RangeError(`expected a domain name in small letters, got ${JSON.stringify(name)}`)
}
