import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** PEM files of one certificate and its key, made by openssl on this machine. */
export interface Pair {
  readonly certificate: string
  readonly key: string
  readonly chain: string
}

export interface PairOptions {
  readonly names: readonly string[]
  readonly days?: number
  /** Who signs it; itself unless told. */
  readonly by?: Pair
  /** May sign others. */
  readonly ca?: boolean
  readonly passphrase?: string
}

/** A folder that pairs are made in, below `root`; remove() takes it away. */
export function pairFolder(root = tmpdir()) {
  mkdirSync(root, { recursive: true })
  const directory = mkdtempSync(join(root, 'capstan-pairs-'))
  let count = 0
  return {
    directory,
    make: (options: PairOptions): Pair => made(join(directory, String(count++)), options),
    write(name: string, text: string): string {
      writeFileSync(join(directory, name), text)
      return join(directory, name)
    },
    remove: () => rmSync(directory, { recursive: true }),
  }
}

function made(at: string, { names, days = 90, by, ca = false, passphrase }: PairOptions): Pair {
  const [certificate, key, request] = [`${at}.pem`, `${at}.key`, `${at}.cnf`]
  const config = [
    '[req]\nprompt=no\ndistinguished_name=name\nx509_extensions=all',
    `[name]\nCN=${names[0]}`,
    `[all]\nbasicConstraints=critical,CA:${ca ? 'TRUE' : 'FALSE'}\nsubjectKeyIdentifier=hash`,
    ca ? 'keyUsage=critical,keyCertSign' : `subjectAltName=${names.map(name => `DNS:${name}`).join(',')}`,
  ]
  writeFileSync(request, `${config.join('\n')}\n`)
  openssl('req', '-new', '-x509', '-batch', '-config', request, '-days', String(days), '-out', certificate, [
    ...['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-keyout', key],
    ...(passphrase === undefined ? ['-nodes'] : ['-passout', `pass:${passphrase}`]),
    ...(by ? ['-CA', by.certificate, '-CAkey', by.key] : []),
  ])
  const text = readFileSync(certificate, 'utf8') + (by ? readFileSync(by.chain, 'utf8') : '')
  writeFileSync(`${at}.chain`, text)
  return { certificate, key, chain: `${at}.chain` }
}

function openssl(...args: readonly (string | readonly string[])[]): void {
  execFileSync('openssl', args.flat(), { stdio: ['ignore', 'ignore', 'pipe'] })
}
