import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { quote } from '#engine/quote.ts'
import type { ReachableHost } from '#engine/run/reach.ts'

/**
 * Writes the certificate chain that a sandbox host serves for `domain` to .capstan/sandbox/<host>.pem and gives that path: the
 * certificate is its own authority, so whoever is given it can trust the site.
 */
export async function keepCertificate(way: ReachableHost, domain: string, root: string): Promise<string> {
  const connection = await way.connect()
  const { stdout } = await connection
    .run(
      `openssl s_client -connect 127.0.0.1:443 -servername ${quote(domain)} -showcerts 2>/dev/null </dev/null\n`,
    )
    .finally(() => connection.close())
  const file = certificateFile(way, root)
  mkdirSync(join(root, '.capstan', 'sandbox'), { recursive: true, mode: 0o700 })
  const chain = stdout.toString().match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/g) ?? []
  writeFileSync(file, chain.join(''))
  return file
}

/** Writes it again for a sandbox host that it has been written for before. */
export async function refreshCertificate(way: ReachableHost, domain: string, root: string): Promise<void> {
  if (way.sandbox && existsSync(certificateFile(way, root))) await keepCertificate(way, domain, root)
}

function certificateFile(way: ReachableHost, root: string): string {
  return join(root, '.capstan', 'sandbox', `${way.host.name}.pem`)
}
