import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { quote } from '#engine/quote.ts'
import type { ReachableHost } from '#engine/run/reach.ts'

/**
 * Writes the certificate chains that a sandbox host serves for `domains` to .capstan/sandbox/<host>.pem and gives that path:
 * each certificate is its own authority, so whoever is given it can trust the site.
 */
export async function keepCertificates(
  way: ReachableHost,
  domains: readonly string[],
  root: string,
): Promise<string> {
  const connection = await way.connect()
  const asked = domains.map(
    domain =>
      `openssl s_client -connect 127.0.0.1:443 -servername ${quote(domain)} -showcerts 2>/dev/null </dev/null\n`,
  )
  const { stdout } = await connection.run(asked.join('')).finally(() => connection.close())
  const file = certificateFile(way, root)
  mkdirSync(join(root, '.capstan', 'sandbox'), { recursive: true, mode: 0o700 })
  const chain = stdout.toString().match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/g) ?? []
  writeFileSync(file, chain.join(''))
  return file
}

/** Writes it again for a sandbox host that it has been written for before. */
export async function refreshCertificates(
  way: ReachableHost,
  domains: readonly string[],
  root: string,
): Promise<void> {
  if (way.sandbox && existsSync(certificateFile(way, root))) await keepCertificates(way, domains, root)
}

function certificateFile(way: ReachableHost, root: string): string {
  return join(root, '.capstan', 'sandbox', `${way.host.name}.pem`)
}
