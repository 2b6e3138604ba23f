import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { quote } from '#engine/quote.ts'
import { type Declare, type DeclareOptions, differs, type Kind, known } from '#engine/resources/resource.ts'

interface WantedTls {
  /** In the form of subjectAltName: `DNS:db1,IP:192.0.2.5`. */
  readonly names: string
}

/** `serverTls(['db1', '192.0.2.5'])`: /etc/mysql/tls with ca.pem for the clients, and the server's certificate for these names. */
export function serverTls(declare: Declare) {
  return (names: readonly string[], options: DeclareOptions = {}): void => {
    const all = [...new Set(names)].map(name => `${isIP(name) ? 'IP' : 'DNS'}:${name}`)
    declare(pairs, { name: '/etc/mysql/tls', wanted: { names: all.join() } }, options)
  }
}

/**
 * A CA of this host and a certificate that it signed, created again in its last 60 days, for other names, or where key and
 * certificate are not a pair. Source: openssl-x509(1).
 */
const pairs: Kind<WantedTls, boolean> = {
  noun: 'mysql certificate',
  probe: items =>
    `${shell}${items.map(({ names }) => `if is_current ${quote(names)}; then echo 1; else echo 0; fi\n`).join('')}`,
  parse: output =>
    output
      .toString()
      .trim()
      .split('\n')
      .map(line => known(line === '1')),
  diff: (_, isCurrent) =>
    differs(
      'state',
      isCurrent ? 'current' : 'absent, invalid, for other names or about to expire',
      'current',
    ),
  apply: ({ names }) => `${shell}make_tls mysql ${quote(names)}\n`,
}

const shell = readFileSync(new URL('tls.sh', import.meta.url), 'utf8')
