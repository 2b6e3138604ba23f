import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Secret } from '#engine/secret.ts'
import nginx from '#roles/nginx/role.ts'
import { debians, itInFull } from './cases.ts'
import { machine, rebooted, sockets } from './machine.ts'
import { type WebHost, webHost } from './web-host.ts'
import { ask } from './web-request.ts'

const release = '20261122T200000Z-1f2e3d4'
const another = '20261122T210000Z-1f2e3d5'
const home = '/srv/www/foobar'

// A release whose app server is a few lines of perl that speak HTTP on its socket.
const made = `
mkdir -p ${home}/shared ${home}/releases/${release}/run ${home}/releases/${release}/public/assets ${home}/releases/${release}/.capstan
ln -s ../run ${home}/releases/${release}/.capstan/http
chmod 0755 ${home}/releases/${release}/run
cd ${home}/releases/${release}/public
seq 1000 >assets/site.0123abcd.css; cp assets/site.0123abcd.css plain.css; gzip -k plain.css; printf packed | gzip >plain.css.gz
printf '<?php secret();' | tee index.php | tee index.php.bak >Upper.PHP; echo '<p>hi' >page.html; mkdir .git; echo x >.git/config
`
const server = `setsid perl -MIO::Socket::UNIX -e '
  umask 0; unlink $ARGV[0]; my $s = IO::Socket::UNIX->new(Local => $ARGV[0], Listen => 50) or die; $SIG{CHLD} = "IGNORE";
  while (my $c = $s->accept) { next if fork; my $asked = ""; while (<$c>) { last if /^\\r?$/; $asked .= $_ }
    print $c "HTTP/1.1 200 OK\\r\\nX-Frame-Options: DENY\\r\\nConnection: close\\r\\nContent-Length: ", length $asked, "\\r\\n\\r\\n$asked"; exit }
' ${home}/releases/${release}/run/app.sock >/dev/null 2>&1 </dev/null &
for i in $(seq 50); do [ -S ${home}/releases/${release}/run/app.sock ] && break; sleep 0.1; done
`
const gate = (id: string) =>
  `perl -MIO::Socket::UNIX -e '$s = IO::Socket::UNIX->new("/run/nginx-gate/foobar.sock") or die "$!\\n"; print $s "GET /health HTTP/1.0\\r\\nHost: www.foobar.com\\r\\nX-Release: ${id}\\r\\n\\r\\n"; print while <$s>'`

// These tests run in order: each one begins where the one before it ended.
describe.each(debians(13))('the nginx role on a bare Debian %i', debian => {
  let web: WebHost
  const http = (url: string, headers = {}) => ask({ port: web.host.ports.http, url, headers })
  const https = (path: string, headers = {}, method = 'GET') =>
    ask({ port: web.host.ports.https, url: `https://www.foobar.com${path}`, headers, method })
  const converge = (given: unknown = {}) => web.converge([[nginx, given]])

  beforeAll(async () => {
    web = await webHost(`nginx${debian}`, debian)
  })
  afterAll(() => web?.remove())

  it('sets up the server in one run, and a second changes nothing in two trips', async () => {
    const first = await converge()
    expect(first.error).toBeUndefined()
    expect(await converge()).toMatchObject({ changed: 0, trips: 2, did: [] })
    expect(await web.sh('ls /etc/nginx/sites-enabled; stat -c %a /run/nginx-gate')).toBe('foobar.conf\n700\n')
  })

  it('says that nothing is deployed yet, to any method', async () => {
    for (const method of ['GET', 'POST'])
      expect(await https('/', {}, method)).toMatchObject({
        status: 503,
        headers: { 'retry-after': '120', 'cache-control': 'no-store' },
        body: expect.stringContaining('Nothing here yet'),
      })
  })

  it('leads HTTP to HTTPS and the domain to its canonical name', async () => {
    for (const name of ['foobar.com', 'www.foobar.com'])
      expect(await http(`http://${name}/a?b=c`)).toMatchObject({
        status: 301,
        headers: { location: `https://${name}/a?b=c` },
      })
    const port = web.host.ports.https
    expect(await ask({ port, url: 'https://foobar.com/a?b=c' })).toMatchObject({
      status: 301,
      headers: { location: 'https://www.foobar.com/a?b=c', 'strict-transport-security': 'max-age=31536000' },
    })
  })

  it('serves what an ACME server asks for over HTTP', async () => {
    const at = '/var/www/acme/.well-known/acme-challenge'
    await web.sh(`mkdir -p ${at}; printf token >${at}/abc`)
    const url = 'http://www.foobar.com/.well-known/acme-challenge'
    expect(await http(`${url}/abc`)).toMatchObject({ status: 200, body: 'token' })
    expect(await http(`${url}/other`)).toMatchObject({ status: 404 })
  })

  it('gives no answer to a name that is not its own', async () => {
    const { http: plain, https: port } = web.host.ports
    await expect(ask({ port: plain, url: 'http://evil.com/' })).rejects.toThrow(/socket hang up|ECONNRESET/)
    await expect(ask({ port, url: 'https://evil.com/' })).rejects.toThrow(/alert|EPROTO/)
    await expect(https('/', { host: 'evil.com' })).rejects.toThrow(/socket hang up|ECONNRESET/)
  })

  it('speaks TLS 1.2 and 1.3 with modern ciphers, and HTTP/2', async () => {
    const tried = (args: string) =>
      web.sh(
        `openssl s_client -connect 127.0.0.1:443 -servername www.foobar.com ${args} </dev/null 2>&1 || :`,
      )
    expect(await tried('-tls1_2')).toContain('Cipher is ECDHE-ECDSA-AES')
    expect(await tried('-tls1_3 -alpn h2')).toContain('ALPN protocol: h2')
    const old = '-cipher DEFAULT:@SECLEVEL=0'
    expect(await tried(`-tls1_1 ${old}`)).toContain('alert protocol version')
    expect(await tried('-tls1_2 -cipher AES128-SHA')).toContain('alert handshake failure')
  })

  it('exchanges keys by the groups of Mozilla’s list alone', async () => {
    const tried = (group: string, port: number) =>
      web.sh(
        `openssl s_client -connect 127.0.0.1:${port} -servername www.foobar.com -tls1_3 -groups ${group} </dev/null 2>&1 || :`,
      )
    const taken = ['X25519', 'P-256', 'P-384', ...(debian === 13 ? ['X25519MLKEM768'] : [])]
    const refused = ['ffdhe2048', 'ffdhe8192', 'secp521r1', 'X448']
    for (const group of taken) expect(await tried(group, 443)).toContain('Cipher is TLS_')
    for (const group of refused) expect(await tried(group, 443)).toMatch(/alert handshake failure/)
    // A server without a list takes each of them, so it is not the client that lacks one.
    await web.sh(`cd /etc/ssl/capstan/foobar.com && setsid openssl s_server -www -accept 4433 -cert fullchain.pem -key privkey.pem -groups ${refused.join(':')} >/dev/null 2>&1 </dev/null &
      for i in $(seq 100); do ss -ltn 2>/dev/null | grep -q :4433 && exit; perl -MIO::Socket::INET -e 'exit !IO::Socket::INET->new("127.0.0.1:4433")' && exit; sleep 0.1; done; exit 1`)
    for (const group of refused) expect(await tried(group, 4433)).toContain('Cipher is TLS_')
    await web.sh('kill $(pgrep -f "s_server -www -accept 4433")')
  })

  it('serves files of public/ from disk, with their cache headers, and passes the rest to the app', async () => {
    await web.sh(`${made}${server}ln -s releases/${release} ${home}/current`)
    const hashed = await https('/assets/site.0123abcd.css', { 'accept-encoding': 'gzip' })
    expect(hashed.headers).toMatchObject({
      'cache-control': 'public, max-age=31536000, immutable',
      'content-encoding': 'gzip',
      etag: expect.stringMatching(/^W\//),
      vary: 'Accept-Encoding',
    })
    const plain = await https('/plain.css')
    expect(plain.headers).toMatchObject({ 'cache-control': 'public, max-age=3600', etag: expect.any(String) })
    const packed = await https('/plain.css', { 'accept-encoding': 'gzip' })
    expect(packed).toMatchObject({ headers: { 'content-encoding': 'gzip', 'content-length': '26' } })
    expect((await https('/page.html')).headers['cache-control']).toBe('no-cache')
    const same = await https('/plain.css', { 'if-none-match': String(plain.headers['etag']) })
    expect(same.status).toBe(304)

    const app = await https('/a%20b/c?d=%2f', { 'x-forwarded-for': '6.6.6.6', proxy: 'evil' })
    expect(app.body).toMatch(/^GET \/a%20b\/c\?d=%2f HTTP\/1.1/)
    expect(app.body).toContain('Host: www.foobar.com')
    expect(app.body).toContain('X-Forwarded-Proto: https')
    expect(app.body).not.toMatch(/6\.6\.6\.6|evil/)

    // nginx notes a request once it has been answered.
    await web.sh(
      'for i in $(seq 100); do grep -qF /a%20b/c /var/log/nginx/access.log && exit; sleep 0.05; done',
    )
    const log = (await web.sh('cat /var/log/nginx/access.log')).split('\n')
    expect(log.filter(line => line.includes('.css')).every(line => line.includes(' app=- '))).toBe(true)
    expect(log.find(line => line.includes('/a%20b/c'))).toContain(' app=200 ')
  })

  it('sends the security headers with files, answers and pages of its own; the app’s own header wins', async () => {
    const headers = {
      'strict-transport-security': 'max-age=31536000',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "frame-ancestors 'self'",
      'referrer-policy': 'strict-origin-when-cross-origin',
      server: 'nginx',
    }
    for (const path of ['/plain.css', '/.git/config'])
      expect((await https(path)).headers).toMatchObject({ ...headers, 'x-frame-options': 'SAMEORIGIN' })
    expect((await https('/')).headers).toMatchObject({ ...headers, 'x-frame-options': 'DENY' })
  })

  it('never reads out a script or a hidden file', async () => {
    for (const path of ['/index.php', '/index.php.bak', '/Upper.PHP', '/index.php/x', '/%69ndex.php'])
      expect((await https(path)).body).toMatch(/^GET /)
    for (const path of ['/.git/config', '/.env', '/.capstan/empty.html'])
      expect((await https(path)).status).toBe(404)
  })

  it('lets root alone ask a release before it is live', async () => {
    expect(await web.sh(gate(release))).toMatch(/200 OK.*GET \/health.*X-Real-IP: 127\.0\.0\.1/s)
    for (const id of ['../../../etc', 'a/b', '', '.', '-x'])
      expect(await web.sh(gate(id))).toContain('400 Bad')
    expect(await web.sh(gate('20200101T000000Z-0000000'))).toContain('502 Bad')
    await expect(web.sh(`runuser -u www-data -- ${gate(release)}`)).rejects.toThrow('Permission denied')
  })

  it('shows a page of its own for maintenance and for an app that is down', async () => {
    await web.sh(`touch ${home}/shared/maintenance`)
    expect(await https('/plain.css')).toMatchObject({
      status: 503,
      body: expect.stringContaining('maintenance'),
    })
    await web.sh(`rm ${home}/shared/maintenance ${home}/releases/${release}/run/app.sock`)
    expect(await https('/')).toMatchObject({ status: 502, body: expect.stringContaining('Back in a moment') })
    expect((await https('/plain.css')).status).toBe(200)
  })

  it('refuses what nginx would not start with, and touches nothing', async () => {
    const sums = () => web.sh('find /etc/nginx ! -type d -exec sha256sum {} + | sort')
    const before = await sums()
    const refused = await converge({ directives: ['serverr on;'] })
    expect(refused.error?.message).toContain('nginx -t')
    expect(refused.error?.lines.join('\n')).toContain('unknown directive "serverr"')
    expect(await sums()).toBe(before)
    expect((await https('/plain.css')).status).toBe(200)
  })

  it('redirects paths, hands others to another server, and knows clients behind a proxy', async () => {
    await web.sh(`setsid perl -MIO::Socket::INET -e '
      my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => 9000, Listen => 9, ReuseAddr => 1) or die;
      while (my $c = $s->accept) { my $asked = ""; while (<$c>) { last if /^\\r?$/; $asked .= $_ }
        print $c "HTTP/1.1 200 OK\\r\\nConnection: close\\r\\nContent-Length: ", length $asked, "\\r\\n\\r\\n$asked"; close $c }' >/dev/null 2>&1 </dev/null &`)
    const given = {
      redirects: { '/a.b': '/c?d=e', '/blog/': 'https://blog.example/' },
      proxies: { '/api/': 'http://127.0.0.1:9000' },
      proxied: { from: ['0.0.0.0/0'] },
    }
    expect((await converge(given)).error).toBeUndefined()
    const led = async (path: string) => (await https(path)).headers['location']
    expect(await led('/a.b')).toBe('https://www.foobar.com/c?d=e')
    expect(await led('/axb')).toBeUndefined()
    expect(await led('/blog/2026/x.html?y=z')).toBe('https://blog.example/2026/x.html?y=z')
    const { status, body, headers } = await https('/api/v1/.x?q=1', { 'x-forwarded-for': '192.0.2.7' })
    expect({ status, hsts: headers['strict-transport-security'] }).toEqual({
      status: 200,
      hsts: 'max-age=31536000',
    })
    expect(body).toMatch(/^GET \/api\/v1\/\.x\?q=1 HTTP/)
    expect(body).toContain('X-Real-IP: 192.0.2.7\r\n')
    await web.sh("pkill -f 'LocalPort => 9000'")
  })

  it('asks for passwords, serves folders of shared/, and keeps pages for visitors without cookies', async () => {
    const given = {
      passwords: { '/': { ann: new Secret('of-ann') }, '/admin/': { bob: new Secret('of-bob: é') } },
      folders: { '/media/': { folder: 'media' }, '/up/': { folder: 'up', download: true } },
      cache: { pages: '1h', cookies: ['_ga*'] },
    }
    await web.sh(`${server}cd ${home}/shared; mkdir -p media up; echo one >media/a.txt; echo two >up/b.html
      echo '<?php' | tee media/x.php >up/y.phtml; ln -s /etc/passwd media/passwd; chown -h nobody media/passwd`)
    expect((await converge(given)).error).toBeUndefined()
    expect(await converge(given)).toMatchObject({ changed: 0, trips: 2 })
    const as = (name: string, password: string) => ({
      authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`,
    })
    const [ann, bob] = [as('ann', 'of-ann'), as('bob', 'of-bob: é')]
    const status = async (path: string, headers = {}) => (await https(path, headers)).status
    expect(await https('/plain.css')).toMatchObject({
      status: 401,
      headers: { 'www-authenticate': expect.stringMatching(/^Basic/) },
    })
    expect(await status('/plain.css', ann)).toBe(200)
    expect(await status('/plain.css', as('ann', 'of-bob'))).toBe(401)
    for (const path of [
      '/admin',
      '/admin/x',
      '//admin/x',
      '/%61dmin/x',
      '/x/../admin/',
      '/index.php/admin/x',
    ]) {
      expect(await status(path), path).toBe(401)
      expect(await status(path, ann), path).toBe(401)
      expect(await status(path, bob), path).toBe(200)
    }
    expect(await status('/health')).toBe(200)
    // The page for it is the site's, which asks for the other password.
    await web.sh(`pkill -f ${home}/releases; rm ${home}/releases/${release}/run/app.sock`)
    expect([await status('/admin/x'), await status('/admin/x', bob)]).toEqual([401, 502])
    await web.sh(server)

    expect(await https('/media/a.txt', ann)).toMatchObject({ status: 200, body: 'one\n' })
    expect(await https('/up/b.html', ann)).toMatchObject({
      status: 200,
      headers: { 'content-disposition': 'attachment', 'x-content-type-options': 'nosniff' },
    })
    for (const path of ['/media/x.php', '/up/y.phtml', '/media/passwd', '/media/', '/media/none'])
      expect([403, 404]).toContain(await status(path, ann))

    expect((await converge({ ...given, passwords: {} })).error).toBeUndefined()
    const kept = async (path: string, headers = {}) => (await https(path, headers)).headers['x-cache']
    expect([await kept('/page'), await kept('/page'), await kept('/page?x')]).toEqual(['MISS', 'HIT', 'MISS'])
    expect(await kept('/page', { cookie: '_ga=1; _ga_2=3' })).toBe('HIT')
    for (const somebody of [{ cookie: '_ga=1; session=2' }, ann, { 'cache-control': 'no-cache' }])
      expect(await kept('/page', somebody)).toBe('BYPASS')
    expect(await kept('/other', { cookie: 'session=1' })).toBe('BYPASS')
    expect(await kept('/other')).toBe('MISS')
    expect(await kept('/plain.css')).toBeUndefined()
    // Another release has pages of its own, and the one before still has its.
    await web.sh(`cd ${home}; cp -a releases/${release} releases/${another}; rm releases/${another}/run/app.sock
      ${server.replaceAll(release, another)}ln -sfn releases/${another} current`)
    expect([await kept('/page'), await kept('/page')]).toEqual(['MISS', 'HIT'])
    await web.sh(
      `cd ${home}; ln -sfn releases/${release} current; pkill -f ${another}; rm -r releases/${another}`,
    )
    expect(await kept('/page')).toBe('HIT')
    expect((await converge()).error).toBeUndefined()
    expect(await kept('/page')).toBeUndefined()
  })

  itInFull('compresses with brotli where that is wanted', async () => {
    const encoded = async (path: string) =>
      (await https(path, { 'accept-encoding': 'br, gzip' })).headers['content-encoding']
    expect(await encoded('/assets/site.0123abcd.css')).toBe('gzip')
    expect((await converge({ brotli: true })).error).toBeUndefined()
    expect(await encoded('/assets/site.0123abcd.css')).toBe('br')
    expect((await converge()).error).toBeUndefined()
    expect(await encoded('/assets/site.0123abcd.css')).toBe('gzip')
  })

  itInFull('limits the requests of one address', async () => {
    expect((await converge({ limits: { requests: 1, burst: 3 } })).error).toBeUndefined()
    const statuses = await Promise.all(
      Array.from({ length: 12 }, async () => (await https('/plain.css')).status),
    )
    expect(statuses.filter(status => status === 200).length).toBeLessThan(6)
    expect(statuses.filter(status => status === 429).length).toBeGreaterThan(5)
    expect((await converge()).error).toBeUndefined()
    expect((await https('/plain.css')).status).toBe(200)
  })

  it('repairs a hand edit and reloads once', async () => {
    await web.sh('echo "# mine" >>/etc/nginx/sites-available/foobar.conf')
    const repaired = await converge()
    expect(repaired.did).toEqual(['template /etc/nginx/sites-available/foobar.conf', 'reload nginx'])
    expect(await converge()).toMatchObject({ changed: 0 })
  })

  it('comes back after its main process was killed', async () => {
    await web.sh(
      'kill -9 $(cat /run/nginx.pid); for i in $(seq 100); do sleep 0.1; [ -S /run/nginx-gate/foobar.sock ] && systemctl is-active -q nginx && exit 0; done; exit 1',
    )
    expect((await https('/plain.css')).status).toBe(200)
    expect(await converge()).toMatchObject({ changed: 0 })
  })

  it('is the same after a reboot: its sockets, its files, and nothing to change in two trips', async () => {
    let host = await machine(web.host.name, debian)
    const before = await sockets(host)
    expect(before).toContain('tcp 0.0.0.0:443\n')
    host = await rebooted(host)
    expect(await sockets(host)).toBe(before)
    host.close()
    expect((await https('/plain.css')).status).toBe(200)
    expect(await converge()).toMatchObject({ changed: 0, trips: 2 })
  })
})
