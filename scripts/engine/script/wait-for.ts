import { HostError } from '#engine/errors.ts'
import type { HostConnection } from '#engine/host/host-connection.ts'
import { quote, quoteAll } from '#engine/quote.ts'
import { ask } from '#engine/resources/release/script.ts'
import { seconds, type Timeout } from './seconds.ts'

/** What a host is waited for. One of them, with a deadline (60 s by default). */
export type Awaited = (
  | { /** A TCP port of the host that takes connections. */ readonly port: number }
  | {
      /** `/health` of the host's own site, as its visitors get it, or a whole address seen from the host. */
      readonly url: string
      /** 200 by default. */
      readonly status?: number
    }
  | { /** A unit of systemd that is active. */ readonly unit: string }
  | { /** A path that exists. */ readonly file: string }
  | { /** A line of shell that exits with 0. */ readonly command: string }
) & { readonly timeout?: Timeout }

/** The site that a path like `/health` is asked of: its name, and the file of the CA that its certificate is of. */
export interface AskedSite {
  readonly domain: string
  readonly ca: string
}

/** Waits on the host until it is so, in one trip. Throws HostError `not-in-time`. */
export async function waitForOnHost(
  connection: HostConnection,
  wanted: Awaited,
  site: () => AskedSite,
): Promise<void> {
  const timeout = seconds(wanted.timeout ?? 60)
  const script =
    'url' in wanted ? asking(wanted.url, wanted.status ?? 200, timeout, site) : polling(wanted, timeout)
  const { exitCode, stdout } = await connection.run(script, { deadline: timeout + 30 })
  if (exitCode === 0) return
  throw new HostError('not-in-time', `${connection.host}: ${described(wanted)} within ${timeout} s`, {
    lines: stdout.toString().split('\n').filter(Boolean).slice(-5),
  })
}

function asking(url: string, status: number, timeout: number, site: () => AskedSite): string {
  const { way, path, host, ca } = url.startsWith('/') ? ownSite(url, site()) : other(new URL(url))
  return `exec perl -e ${quote(ask)} -- ${quoteAll([way, path, host, '', '0', '1', String(timeout), ca, String(status)])}\n`
}

function ownSite(path: string, { domain, ca }: AskedSite) {
  return { way: 'tls:127.0.0.1:443', path, host: domain, ca }
}

function other({ protocol, hostname, port, pathname, search, host }: URL) {
  const isTls = protocol === 'https:'
  if (!isTls && protocol !== 'http:')
    throw new TypeError(`url: expected http:// or https://, got ${protocol}//`)
  const at = `${hostname}:${port || (isTls ? 443 : 80)}`
  return {
    way: `${isTls ? 'tls' : 'tcp'}:${at}`,
    path: `${pathname}${search}`,
    host: isTls ? hostname : host,
    ca: '',
  }
}

function polling(wanted: Exclude<Awaited, { readonly url: string }>, timeout: number): string {
  return `
now() { read -r up rest </proc/uptime; echo "\${up%.*}"; }
end=$(($(now) + ${Math.ceil(timeout)}))
until said=$( (
${condition(wanted)}
) 2>&1); do
  [ "$(now)" -lt "$end" ] || { printf '%s\\n' "$said"; exit 1; }
  sleep 0.3
done
`
}

function condition(wanted: Exclude<Awaited, { readonly url: string }>): string {
  if ('port' in wanted) return `perl -e ${quote(connects)} ${quote(String(wanted.port))}`
  if ('unit' in wanted)
    return `systemctl is-active -q -- ${quote(wanted.unit)} || { systemctl status --no-pager -n 3 -- ${quote(wanted.unit)}; false; }`
  if ('file' in wanted) return `[ -e ${quote(wanted.file)} ]`
  return wanted.command
}

const connects =
  'use Socket; socket S, PF_INET, SOCK_STREAM, 0; connect S, sockaddr_in($ARGV[0], INADDR_LOOPBACK) or print("port $ARGV[0]: $!\\n"), exit 1'

function described(wanted: Awaited): string {
  if ('port' in wanted) return `port ${wanted.port} took no connection`
  if ('url' in wanted) return `${wanted.url} did not answer ${wanted.status ?? 200}`
  if ('unit' in wanted) return `the unit ${wanted.unit} was not active`
  if ('file' in wanted) return `there was no ${wanted.file}`
  return `\`${wanted.command}\` did not succeed`
}
