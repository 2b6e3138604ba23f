import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { scripts, source } from '../sandbox/deploy-app.ts'
import { kept } from '../sandbox/kept.ts'
import { type Machine, machine } from '../sandbox/machine.ts'
import { runHere } from '../sandbox/site.ts'
import { ask } from '../sandbox/web-request.ts'

const home = '/srv/www/foobar'
const storage = `${home}/shared/storage`

// It does what a compromised app can: whatever comes in a header.
const index = `<?php
if (isset($_SERVER['HTTP_X_DO'])) { eval($_SERVER['HTTP_X_DO']); exit; }
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
http_response_code(in_array($path, ['/', '/health']) ? 200 : 404);
echo 'app ', getenv('RELEASE'), "\\n";
`
const directives = [
  `location ^~ /media/ { alias ${storage}/; }`,
  'location = /probe { default_type text/plain; return 200 "of a directive"; }',
]

// These tests run in order: each one begins where the one before it ended.
describe.each([12, 13] as const)('A shared folder on Debian %i', debian => {
  let host: Machine
  const get = (path: string, headers = {}) =>
    ask({ port: host.host.ports.https, url: `https://www.foobar.com${path}`, headers })
  const inApp = async (php: string) => (await get('/', { 'x-do': php.replaceAll('\n', ' ') })).body
  const site = () => runHere({ hosts: host, args: ['-t', 'nginx,app'], vars: { nginx: { directives } } })
  const gate = async (path: string) => {
    const asked = `GET ${path} HTTP/1.0\\r\\nHost: www.foobar.com\\r\\nX-Release: $ARGV[0]\\r\\n\\r\\n`
    return host.say(
      `perl -MIO::Socket::UNIX -e '$s = IO::Socket::UNIX->new("/run/nginx-gate/foobar.sock") or die "$!\\n"; print $s "${asked}"; print while <$s>' "$(basename "$(readlink ${home}/current)")"`,
    )
  }
  const reload = 'nginx -q -t && systemctl reload nginx && sleep 1'

  beforeAll(async () => {
    host = await machine(`shared${debian}`, debian, await kept('site', debian))
    const set = await site()
    expect(set.exitCode, set.stdout.slice(-3000)).toBe(0)
    const from = source({
      'public/index.php': index,
      'public/plain.css': 'plain',
      'public/assets/site.0123abcd.css': 'hashed',
      'public/report-20261124.png': 'a date',
    })
    symlinkSync('../storage', join(from.folder, 'public/storage'))
    // As Laravel has it: into a folder that the app makes itself.
    symlinkSync('../storage/app/public', join(from.folder, 'public/files'))
    symlinkSync('assets', join(from.folder, 'public/own'))
    const shipped = await scripts(host).deploy(from)
    expect(shipped.exitCode, shipped.stdout.slice(-3000)).toBe(0)
    from.remove()
  })
  afterAll(() => host?.close())

  it('takes folders with the mode of the one above, as WordPress makes them, and serves what is in them.', async () => {
    const made = await inApp(`$d = '${storage}/app/public';
      foreach ([dirname($d), $d] as $each) echo json_encode(mkdir($each, fileperms(dirname($each)) & 07777));
      file_put_contents("$d/pic.txt", 'uploaded'); file_put_contents('${storage}/top.txt', 'uploaded');
      symlink('top.txt', '${storage}/latest.txt');`)
    expect(made).toBe('truetrue')
    for (const path of [
      '/files/pic.txt',
      '/storage/app/public/pic.txt',
      '/storage/top.txt',
      '/storage/latest.txt',
    ])
      expect(await get(path)).toMatchObject({ status: 200, body: 'uploaded' })
    expect(await host.say(`stat -c '%a %U:%G' ${storage}/app/public`)).toBe('2750 foobar:www-data\n')
  })

  it('leaves the release’s own links as they are.', async () => {
    expect(await get('/own/site.0123abcd.css')).toMatchObject({ status: 200, body: 'hashed' })
    expect(await host.say(`stat -c %U ${home}/current/public/own ${home}/current/public/storage`)).toBe(
      'root\nfoobar\n',
    )
  })

  const stolen = [
    '/storage/passwd',
    '/storage/etc/passwd',
    '/storage/logs/access.log',
    '/storage/releases.jsonl',
    '/storage/x.0123abcd.css',
    '/files/etc/passwd',
    '/media/passwd',
    '/media/etc/passwd',
  ]
  const content = /root:x:0:0|HTTP\/1\.1" 200|"state":"good"/

  it('gives away no file of others that the app links to, at any address.', async () => {
    await inApp(`$s = '${storage}';
      foreach (['passwd' => '/etc/passwd', 'x.0123abcd.css' => '/etc/passwd', 'etc' => '/etc', 'logs' => '/var/log/nginx',
        'releases.jsonl' => '${home}/releases.jsonl', 'app/public/etc' => '/etc'] as $name => $to) symlink($to, "$s/$name");`)
    for (const path of stolen) {
      const { status, body } = await get(path)
      expect([path, [403, 404].includes(status)]).toEqual([path, true])
      expect(body).not.toMatch(content)
    }
    for (const path of ['/storage/passwd', '/files/etc/passwd', '/media/passwd'])
      expect(await gate(path)).not.toMatch(content)
  })

  it('gives away none while the app changes a file for a link and back.', async () => {
    await host.say(`rm -f /tmp/stop; cd ${storage}; setsid runuser -u foobar -- perl -e '
      open my $f, ">", "real"; print $f "fine"; close $f;
      until (-e "/tmp/stop") { unlink "t1"; symlink "/etc/passwd", "t1"; rename "t1", "race"; unlink "t2"; link "real", "t2"; rename "t2", "race" }
    ' >/dev/null 2>&1 </dev/null &`)
    const bodies = new Set<string>()
    for (let i = 0; i < 100; i++)
      for (const { body } of await Promise.all(Array.from({ length: 10 }, () => get('/storage/race'))))
        bodies.add(body)
    await host.say('touch /tmp/stop')
    expect(bodies).toContain('fine')
    expect([...bodies].filter(body => content.test(body))).toEqual([])
  })

  it('would give them away otherwise.', async () => {
    const conf = '/etc/nginx/sites-available/foobar.conf'
    await host.say(`sed -i 's/^ *disable_symlinks/#&/' ${conf} && ${reload}`)
    for (const path of stolen) expect((await get(path)).body).toMatch(content)
    expect(await gate('/storage/passwd')).toMatch(content)
    expect((await site()).changes).toEqual([`template ${conf}`, 'reload nginx'])
    expect((await get('/storage/passwd')).status).toBe(404)
  })

  it('is away in maintenance, as all else is, locations of directives among it.', async () => {
    expect(await get('/probe')).toMatchObject({ status: 200, body: 'of a directive' })
    await host.say(`touch ${home}/shared/maintenance`)
    for (const path of [
      '/',
      '/plain.css',
      '/own/site.0123abcd.css',
      '/media/top.txt',
      '/probe',
      '/.well-known/x',
    ])
      expect(await get(path)).toMatchObject({ status: 503, body: expect.stringContaining('maintenance') })
    expect(await gate('/probe')).toContain('of a directive')
    await host.say(`rm ${home}/shared/maintenance`)
    expect(await get('/media/top.txt')).toMatchObject({ status: 200, body: 'uploaded' })
  })

  it('tells the app what its server is, and browsers that a date is no hash.', async () => {
    expect(await inApp('echo $_SERVER["SERVER_SOFTWARE"];')).toMatch(/^nginx\/1\.\d+/)
    const cacheOf = async (path: string) => (await get(path)).headers['cache-control']
    expect(await cacheOf('/report-20261124.png')).toBe('public, max-age=3600')
    expect(await cacheOf('/assets/site.0123abcd.css')).toBe('public, max-age=31536000, immutable')
    const kept = await host.say(`cd ${home}/assets && find . -type f`)
    expect(kept).toContain('./assets/site.0123abcd.css\n')
    expect(kept).not.toContain('report')
  })
})
