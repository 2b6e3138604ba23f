import { spawnSync } from 'node:child_process'
import { compareSync } from 'bcryptjs'
import { describe, expect, it } from 'vitest'
import { declare } from '#engine/converge/testing.ts'
import { hashedName } from '#engine/resources/release/hashed-name.ts'
import { Secret } from '#engine/secret.ts'
import type { System } from '#engine/systems.ts'
import type { Site } from '#engine/vars.ts'
import nginx from '#roles/nginx/role.ts'
import { furtherSockets } from '#roles/nginx/settings.ts'

function declared(given: unknown = {}, site: Partial<Site> = {}, system: System = 'debian 12') {
  return declare(nginx, { vars: given, site, facts: { system } })
}

const text = (path: string, ...given: Parameters<typeof declared>) => declared(...given).text(path)

const conf = '/etc/nginx/sites-available/foobar.conf'
const common = '/etc/nginx/conf.d/capstan-sites.conf'

const further = {
  ipv6: false,
  cache: { files: 60, immutable: ['/build', '/a+b'], pages: '1m', cookies: ['_ga*', 'a.b'] },
  hsts: { seconds: 86_400, subdomains: true, preload: true },
  frames: 'none',
  redirects: { '/a.b': '/c?d=e', '/blog/': 'https://blog.example/' },
  proxies: { '/api/': 'http://127.0.0.1:9000', '/one': 'https://[::1]:9001' },
  folders: { '/media/': { folder: 'media' }, '/up/': { folder: 'a/b', download: true } },
  scripts: true,
  passwords: {
    '/': { ann: new Secret('of-ann') },
    '/a.b/': { bob: new Secret('of-bob'), ann: new Secret('of-ann') },
    '/one': { bob: new Secret('of-bob') },
  },
  open: ['/health', '/hooks/'],
  brotli: true,
  limits: { requests: 10, burst: 20, connections: 5 },
  proxied: { from: ['203.0.113.0/24', '2001:db8::/32'], header: 'CF-Connecting-IP' },
  directives: ['location = /old { return 410; }'],
}

describe('the nginx role', () => {
  it('declares the package, a tested set of files and the service', () => {
    const { resources, handlers } = declared()
    expect(resources.map(({ label, set }) => (set ? `${label} (${set.name})` : label))).toEqual([
      'directory /etc/systemd/system/nginx.service.d',
      'unit nginx.service.d/capstan.conf',
      'directory /run/nginx-gate',
      'apt nginx openssl logrotate',
      'placeholder certificate foobar.com',
      'template /etc/nginx/nginx.conf (nginx configuration)',
      'template /etc/nginx/conf.d/capstan-headers.conf (nginx configuration)',
      `template ${common} (nginx configuration)`,
      'template /etc/nginx/snippets/capstan-headers.conf (nginx configuration)',
      'template /etc/nginx/snippets/capstan-fastcgi.conf (nginx configuration)',
      'template /etc/nginx/snippets/capstan-http.conf (nginx configuration)',
      'template /etc/nginx/snippets/capstan-proxy.conf (nginx configuration)',
      'directory /etc/nginx/pages (nginx configuration)',
      'template /etc/nginx/pages/unavailable.html (nginx configuration)',
      'template /etc/nginx/pages/empty.html (nginx configuration)',
      'template /etc/nginx/pages/maintenance.html (nginx configuration)',
      `template ${conf} (nginx configuration)`,
      'link /etc/nginx/sites-enabled/foobar.conf (nginx configuration)',
      'file /etc/nginx/sites-enabled/site.conf (nginx configuration)',
      'file /etc/nginx/sites-available/site.conf (nginx configuration)',
      'file /etc/nginx/sites-enabled/default (nginx configuration)',
      'service nginx',
      'listens nginx 80/tcp 443/tcp',
    ])
    const inSet = resources.filter(({ set }) => set)
    expect(new Set(inSet.flatMap(({ notify }) => notify.map(({ name }) => name)))).toEqual(
      new Set(['reload nginx']),
    )
    expect(handlers.map(({ name }) => name)).toEqual(['reload nginx'])
  })

  it.each<[string, string, unknown]>([
    ['plain.site.conf', conf, {}],
    ['plain.sites.conf', common, {}],
    ['plain.nginx.conf', '/etc/nginx/nginx.conf', {}],
    ['plain.headers.conf', '/etc/nginx/conf.d/capstan-headers.conf', {}],
    ['plain.fastcgi.conf', '/etc/nginx/snippets/capstan-fastcgi.conf', {}],
    ['plain.http.conf', '/etc/nginx/snippets/capstan-http.conf', {}],
    ['plain.proxy.conf', '/etc/nginx/snippets/capstan-proxy.conf', {}],
    ['further.site.conf', conf, further],
    ['further.sites.conf', common, further],
    ['further.headers.conf', '/etc/nginx/conf.d/capstan-headers.conf', further],
  ])('renders %s', async (golden, path, given) => {
    await expect(text(path, given)).toMatchFileSnapshot(`nginx/${golden}`)
  })

  it('writes passwords so that they can be checked and not read, the same in each run', () => {
    const files = () =>
      declared(further).resources.filter(({ label }) => label.startsWith('file /etc/nginx/passwords/'))
    expect(files()).toHaveLength(3)
    const [first] = files()
    const written = text(first?.label.slice('file '.length) ?? '', further)
    expect(written).toMatch(/^bob:\$2b\$06\$[./\w]{53}\nann:\$2b\$06\$[./\w]{53}\n$/)
    expect(written).not.toContain('of-bob')
    expect(compareSync('of-bob', written.split(/[:\n]/)[1] ?? '')).toBe(true)
    expect(text(first?.label.slice('file '.length) ?? '', further)).toBe(written)
  })

  it.each([
    ['/admin', true],
    ['/admin/', true],
    ['/admin/users.php', true],
    ['/index.php/admin/users', true],
    ['/administrators', false],
    ['/', false],
    ['/exact', true],
    ['/exact/x', false],
    ['/index.php/exact', true],
  ])('asks for a password at %s: %s', (path, asked) => {
    const passwords = { '/admin/': { a: new Secret('of-a') }, '/exact': { a: new Secret('of-a') } }
    const rendered = text(common, { passwords })
    const lines = [...rendered.matchAll(/^ {4}"~(.*)" (off|restricted);$/gm)]
    const match = lines.find(([, pattern = '']) => new RegExp(pattern).test(`www.foobar.com:${path}`))
    expect(match?.[2] === 'restricted').toBe(asked)
  })

  it.each([
    ['', true],
    ['_ga=1; _ga_X=2; lang=de', true],
    ['lang=de', true],
    ['session=1', false],
    ['lang=de; session=1', false],
    ['language=de', false],
    ['_ga=1; x_ga=2', false],
  ])('keeps pages for a visitor with the cookies %j: %s', (cookies, isKept) => {
    const rendered = text(common, { cache: { pages: '1m', cookies: ['_ga*', 'lang'] } })
    const pattern = /is_somebody[\s\S]*?"~(.*)" "";/.exec(rendered)?.[1] ?? '^$x'
    expect(new RegExp(pattern).test(`www.foobar.com:${cookies}`)).toBe(isKept)
  })

  it('is the same for every runtime: the release that is live says what it speaks', () => {
    for (const runtime of ['python', 'node', 'static'] as const)
      expect(text(conf, {}, { runtime })).toBe(text(conf))
  })

  it('writes what the host’s version of nginx reads', () => {
    const on = (system: System) => text(conf, {}, {}, system)
    expect(on('debian 12')).toContain('listen 443 ssl http2;')
    expect(on('debian 13')).toContain('listen 443 ssl;')
    expect(on('debian 13')).toContain('http2 on;')
    const others = (system: System) => text(common, {}, {}, system)
    expect(others('debian 13')).toContain('ssl_reject_handshake on;')
    expect(others('ubuntu 22.04')).not.toContain('ssl_reject_handshake')
  })

  it('names the groups of Mozilla’s list that the host’s OpenSSL has', () => {
    const groups = (system: System) =>
      /ssl_ecdh_curve (.*);/.exec(text('/etc/nginx/nginx.conf', {}, {}, system))?.[1]
    for (const older of ['debian 12', 'ubuntu 24.04'] as const)
      expect(groups(older)).toBe('X25519:prime256v1:secp384r1')
    for (const newer of ['debian 13', 'debian sid'] as const)
      expect(groups(newer)).toBe('X25519MLKEM768:X25519:prime256v1:secp384r1')
  })

  it.each([
    ['/assets/site.0123abcd.css', true],
    ['/build/app-5f3e2a1b9c0d4e5f.js', true],
    ['/app.3fc0f875.js.map', true],
    ['/assets/index-Bwf2ldb_.js', true],
    ['/assets/index-CxqK2oLR.css', true],
    ['/assets/logo--aB3_xYz.svg', true],
    ['/out/app-XTFGSPZ3.js', true],
    ['/out/app-XTFGSPZ3.css.map', true],
    // As keep_assets has it.
    ['build/assets/index-Bwf2ldb_.js', true],
    ['/index-Bwf2ldb_.js', false],
    ['/assets/index-Bwf2ldb_.html', false],
    ['/assets/photo-Summer24.jpg', false],
    ['/assets/logo-Version2.png', false],
    ['/doc/struct.Ipv4Addr.html', false],
    ['/annual-Rep-2024.pdf', false],
    ['/x-MyWidget.js', false],
    ['/lib-JavaScript.js', false],
    ['/app-version2.js', false],
    ['/vendor-bootstra.css', false],
    ['/jquery-3.7.1.min.js', false],
    ['/img-DSC00012.jpg', false],
    ['/README-LICENSES.js', false],
    ['/my-component-list.js', false],
    ['/report-20261124.png', false],
    ['/export.20261124120000.csv', false],
    ['/photo-1234567890.jpg', false],
    ['/site.abc123.css', false],
    ['/site.0123abcd', false],
  ])('takes %s for a file with a hash in its name: %s', (path, isHashed) => {
    expect(new RegExp(hashedName).test(path)).toBe(isHashed)
    const byPerl = spawnSync('perl', ['-e', 'exit $ARGV[1] !~ /$ARGV[0]/', hashedName, path]).status === 0
    expect(byPerl).toBe(isHashed)
    expect(text(conf).split(hashedName)).toHaveLength(2)
    expect(text(common).split(hashedName)).toHaveLength(2)
  })

  it('gives lines of directives to visitors and to the gate alike', () => {
    const servers = text(conf, further).split('\nserver {')
    expect(servers.filter(each => each.includes('location = /old'))).toHaveLength(2)
    expect(servers.at(-1)).toContain('location = /old')
  })

  it('redirects each name of a wildcard to the canonical one', () => {
    const wild = text(conf, {}, { www: ['www.foobar.com', '*.foobar.com'] })
    expect(wild).toContain('server_name foobar.com *.foobar.com;\n    ssl_certificate ')
    expect(wild).toContain('server_name www.foobar.com;\n    ssl_certificate ')
  })

  it('has no redirect to a canonical name where the domain is the only one', () => {
    const alone = text(conf, {}, { www: [] })
    expect(alone).toContain('server_name foobar.com;')
    expect(alone).not.toContain('www.foobar.com')
    expect(alone.match(/ssl_certificate /g)).toHaveLength(1)
  })

  it('leads all names to the first of www', () => {
    const many = text(conf, {}, { www: ['shop.foobar.com', 'www.foobar.com'] })
    expect(many).toContain('server_name foobar.com www.foobar.com;')
    expect(many).toContain('return 301 https://shop.foobar.com$request_uri;')
  })

  it('sends security headers from every location that sends one of its own', () => {
    const locations = text(conf).match(/location [^{]*\{.*?\n {4}\}/gs) ?? []
    const own = locations.filter(
      each => each.includes('add_header') || /capstan-(fastcgi|http)\.conf/.test(each),
    )
    const served = own.filter(each => !text(conf).split('# Asks a release')[1]?.includes(each))
    expect(served).toHaveLength(9)
    for (const each of served) expect(each).toContain('include snippets/capstan-headers.conf;')
  })

  it.each([
    [{ body: '16m; }' }, 'body: expected a size'],
    [{ timeouts: { app: '60s;' } }, 'timeouts.app: expected a duration'],
    [{ cache: { immutable: ['/a"; }'] } }, 'cache.immutable.0: expected an absolute path'],
    [{ frames: 'all' }, 'frames: expected same-origin or none, got "all"'],
    [{ directives: ['a\nb'] }, 'directives.0: expected one line'],
    [{ redirects: { '/a b': '/c' } }, 'redirects./a b: expected a path such as'],
    [{ redirects: { '/a': '/c;' } }, 'redirects./a: expected a path or a whole URL'],
    [{ redirects: { '/a': '$host' } }, 'redirects./a: expected a path or a whole URL'],
    [{ proxies: { '/a': 'http://127.0.0.1:9000/x' } }, 'proxies./a: expected a server such as'],
    [{ bdoy: '1m' }, 'bdoy: unknown key'],
  ])('refuses %j', (given, problem) => {
    expect(() => declared(given)).toThrow(problem)
  })
})

describe('what listens by directives of one’s own', () => {
  it.each([
    ['a port', ['listen 8443 ssl;'], [{ tcp: 8443, at: ['0.0.0.0'] }]],
    [
      'addresses of one port',
      ['listen 192.0.2.1:81; listen [2001:db8::1]:81 ipv6only=on;', 'listen *:81;'],
      [{ tcp: 81, at: ['192.0.2.1', '2001:db8::1', '0.0.0.0'] }],
    ],
    ['QUIC', ['http3 on; listen 443 quic reuseport;'], [{ udp: 443, at: ['0.0.0.0'] }]],
    [
      'no port',
      ['listen unix:/run/x.sock;', 'location /listen { return 204; }', 'add_header x "a listen b";'],
      [],
    ],
  ])('is declared: %s', (_, directives, sockets) => {
    expect(furtherSockets(directives)).toEqual(sockets)
    expect(
      declared({ directives }).resources.filter(({ label }) => label.startsWith('listens')),
    ).toHaveLength(sockets.length + 1)
  })
})
