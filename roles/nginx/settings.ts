import type { Facts } from '#engine/converge/facts.ts'
import type { SiteTasks } from '#engine/converge/role.ts'
import type { ListensOptions } from '#engine/resources/listens/listens.ts'
import { hashedName } from '#engine/resources/release/hashed-name.ts'
import type { System } from '#engine/systems.ts'
import type { Site, VarsOf } from '#engine/vars.ts'
import { inRegex, protectedPaths } from './passwords.ts'
import type vars from './vars.ts'

type NginxVars = VarsOf<typeof vars>

/** The values of nginx.conf. */
export function serverSettings(vars: NginxVars, facts: Facts) {
  return { ...vars, groups: keyExchange(versions[facts.system].openssl) }
}

/** The values of a site's file: its names as nginx lists them, and the directives of its version. */
export function siteSettings({ vars, site }: SiteTasks<NginxVars>, facts: Facts) {
  const names = namesOf(site)
  const canonical = site.www[0] ?? site.domain
  return {
    app: site.app,
    names,
    canonical,
    aliases: names.filter(name => name !== canonical),
    addresses: vars.ipv6 ? ['', '[::]:'] : [''],
    certificate: `/etc/ssl/capstan/${site.domain}`,
    version: dialect(versions[facts.system].nginx),
    cache: { files: vars.cache.files, immutable: vars.cache.immutable.map(inRegex) },
    body: vars.body,
    redirects: Object.entries(vars.redirects).map(([from, to]) => ({
      ...{ from, to, prefix: from.endsWith('/') },
      pattern: inRegex(from),
    })),
    proxies: Object.entries(vars.proxies).map(([at, to]) => ({ at, to, prefix: at.endsWith('/') })),
    folders: Object.entries(vars.folders).map(([at, one]) => ({ at, ...one })),
    scripts: vars.scripts,
    passwords: protectedPaths(site, vars),
    open: vars.open.map(path => `^${inRegex(path)}${path.endsWith('/') ? '' : '$'}`),
    pages: vars.cache.pages && {
      for: vars.cache.pages,
      size: vars.cache.size,
      cookies: harmless(vars.cache.cookies),
    },
    limits: vars.limits,
    hashed: hashedName,
    directives: vars.directives,
  }
}

/** What a Cookie header of these cookies alone matches. */
function harmless(cookies: readonly string[]): string {
  const names = cookies.map(name =>
    name.endsWith('*') ? `${inRegex(name.slice(0, -1))}[^=;]*` : inRegex(name),
  )
  return names.length === 0 ? '$' : `(?:(?:${names.join('|')})=[^;]*(?:; ?|$))*$`
}

/** What conf.d/capstan-sites.conf has for all sites together. */
export function commonSettings(sites: readonly SiteTasks<NginxVars>[], facts: Facts) {
  const settings = sites.map(each => siteSettings(each, facts))
  const [first] = settings
  return { ...first, sites: settings, proxied: sites[0]?.vars.proxied }
}

/** What `listen` lines among the directives open, a port each: `listen 8443 ssl;` is `{ tcp: 8443, at: ['0.0.0.0'] }`. */
export function furtherSockets(directives: readonly string[]): readonly ListensOptions[] {
  const sockets = directives.flatMap(line =>
    [...line.matchAll(listenLine)].map(([, six, four = '*', port = '', rest = '']) => ({
      port: { [/\bquic\b/.test(rest) ? 'udp' : 'tcp']: Number(port) },
      address: six ?? (four === '*' ? '0.0.0.0' : four),
    })),
  )
  const ports = new Map(sockets.map(({ port }) => [JSON.stringify(port), port]))
  return [...ports].map(([key, port]) => ({
    ...port,
    at: sockets.filter(one => JSON.stringify(one.port) === key).map(({ address }) => address),
  }))
}

// Source: ngx_http_core_module, listen: an address, a port or both, then parameters.
const listenLine = /(?:^|[;{\s])listen\s+(?:(?:\[([0-9a-f:.]+)\]|([\d.]+|\*)):)?(\d+)\b(?!\.)([^;]*)/gi

/** The security headers, as conf.d/capstan-headers.conf has them: its variable, its name, and its value for each name of a site. */
export function headerSettings(sites: readonly SiteTasks<NginxVars>[]) {
  const each = (value: (vars: NginxVars) => string) =>
    sites.flatMap(({ site, vars }) => namesOf(site).map(name => [name, value(vars)] as const))
  return {
    headers: [
      ['hsts', 'strict_transport_security', each(hsts)],
      ['frame', 'x_frame_options', each(({ frames }) => (frames === 'none' ? 'DENY' : 'SAMEORIGIN'))],
      [
        'csp',
        'content_security_policy',
        each(({ frames }) => `frame-ancestors ${frames === 'none' ? "'none'" : "'self'"}`),
      ],
      ['referrer', 'referrer_policy', each(({ referrer }) => referrer)],
    ],
  }
}

function hsts({ hsts: { seconds, subdomains, preload } }: NginxVars): string {
  return `max-age=${seconds}${subdomains ? '; includeSubDomains' : ''}${preload ? '; preload' : ''}`
}

function namesOf({ domain, www }: Site): readonly string[] {
  return [...new Set([domain, ...www])]
}

// Source: packages nginx and openssl of each.
const versions: Readonly<Record<System, { readonly nginx: string; readonly openssl: string }>> = {
  'debian 12': { nginx: '1.22', openssl: '3.0' },
  'debian 13': { nginx: '1.26', openssl: '3.5' },
  'debian sid': { nginx: '1.28', openssl: '3.5' },
  'ubuntu 22.04': { nginx: '1.18', openssl: '3.0' },
  'ubuntu 24.04': { nginx: '1.24', openssl: '3.0' },
}

/** What changed in nginx: `http2 on` came with 1.25.1 for a word of `listen`, ssl_reject_handshake with 1.19.4. */
function dialect(version: string) {
  const minor = Number(version.split('.')[1])
  const directive = minor >= 25
  return { http2: { directive, listen: directive ? '' : ' http2' }, rejectsHandshake: minor >= 20 }
}

/**
 * Mozilla's list of groups. OpenSSL has the first since 3.5; an older one rejects the file.
 * Source: https://ssl-config.mozilla.org/guidelines, "intermediate".
 */
function keyExchange(openssl: string): string {
  const [major = 0, minor = 0] = openssl.split('.').map(Number)
  const hybrid = major > 3 || (major === 3 && minor >= 5)
  return [...(hybrid ? ['X25519MLKEM768'] : []), 'X25519', 'prime256v1', 'secp384r1'].join(':')
}
