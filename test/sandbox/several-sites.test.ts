import { afterAll, beforeAll, expect, it } from 'vitest'
import { startLoad } from '../deploy/load.ts'
import { itInFull } from './cases.ts'
import { source } from './deploy-app.ts'
import { kept } from './kept.ts'
import { type Machine, machine } from './machine.ts'
import { runHere, type SiteOptions } from './site.ts'
import { ask } from './web-request.ts'

// A host with one site gets two more, loses one of them, and gets it back. These tests run in order.

/** Answers `<app> <release>`, and on /reads which of the given paths it can read, and the databases that it sees. */
const index = `<?php
if (parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH) === '/reads') {
  foreach (json_decode(base64_decode($_GET['paths'])) as $path)
    if (@scandir($path) || @file_get_contents($path) !== false) echo "reads $path\\n";
  $db = new mysqli('localhost', getenv('DB_USER'), getenv('DB_PASSWORD'), getenv('DB_NAME'), 0, getenv('DB_SOCKET'));
  foreach ($db->query('SHOW DATABASES')->fetch_all() as [$name]) echo "database $name\\n";
  exit;
}
echo getenv('APP'), ' ', getenv('RELEASE'), "\\n";
`
const apps = {
  foobar: source({ 'public/index.php': index, 'public/health': '' }),
  blog: source({ 'public/index.php': index }),
  docs: source({ 'public/index.html': 'the docs', 'public/health': 'ok' }),
}
const password = 'of-hosts-that-are-kept'
const release = (name: keyof typeof apps) => ({
  app: { release: { source: apps[name].folder, drain: '2s' } },
})
const foobar = { domain: 'foobar.com', database: { password }, ...release('foobar') }
const blog = {
  domain: 'blog.example',
  database: { password: 'of-the-blog' },
  nginx: { frames: 'none', cache: { files: 60 } },
  ...release('blog'),
}
const docs = { domain: 'docs.foobar.com', www: [], runtime: 'static', ...release('docs') }
const all = { foobar, blog, docs }
const names = {
  foobar: 'www.foobar.com',
  blog: 'www.blog.example',
  docs: 'docs.foobar.com',
} as const

let host: Machine
const site = (sites: object, { script, args = [] }: Pick<SiteOptions, 'script' | 'args'> = {}) =>
  runHere({
    ...(script && { script }),
    ...{
      hosts: host,
      args,
      vars: { site: { email: 'ops@foobar.com' }, mysql: { bufferPool: '128m' }, sites },
    },
  })
const answer = (name: keyof typeof names, path = '/') =>
  ask({ port: host.host.ports.https, url: `https://${names[name]}${path}` })

beforeAll(async () => {
  host = await machine('several12', 12, await kept('site', 12))
})
afterAll(() => {
  for (const each of Object.values(apps)) each.remove()
  host?.close()
})

it('A host of one site gets two more, and the second run finds nothing to do in two trips.', async () => {
  const before = await host.say('stat -c "%i %y" /etc/capstan/foobar/*')
  const added = await site(all)
  expect(added.exitCode, added.stdout.slice(-3000)).toBe(0)
  expect(added.changes).toContain('mysql database blog')
  expect(added.changes).not.toContain('mysql database docs')
  expect(await host.say('stat -c "%i %y" /etc/capstan/foobar/*')).toBe(before)
  expect((await site(all)).recap()).toMatchObject({ changed: 0, failed: 0, trips: 2 })
})

it('One deploy ships all of them; each has its own name, certificate, headers and zone.', async () => {
  const deployed = await site(all, { script: 'deploy' })
  expect(deployed.exitCode, deployed.stdout.slice(-3000)).toBe(0)
  expect((await answer('foobar')).body).toMatch(/^foobar /)
  expect((await answer('blog')).body).toMatch(/^blog /)
  expect((await answer('docs')).body).toBe('the docs')
  expect((await answer('blog')).headers['x-frame-options']).toBe('DENY')
  expect((await answer('foobar')).headers['x-frame-options']).toBe('SAMEORIGIN')
  const subjects = Object.values(names).map(
    name =>
      `openssl s_client -connect 127.0.0.1:443 -servername ${name} </dev/null 2>/dev/null | openssl x509 -noout -checkhost ${name}`,
  )
  expect(await host.say(subjects.join('\n'))).toBe(
    Object.values(names)
      .map(name => `Hostname ${name} does match certificate\n`)
      .join(''),
  )
  const zones = await host.say(
    'for zone in foobar.com blog.example; do pdnsutil list-zone $zone 2>/dev/null | awk \'$4 == "A" { print $1 }\' | sort; done',
  )
  expect(zones.trim().split('\n')).toEqual(
    expect.arrayContaining(['docs.foobar.com', 'www.foobar.com', 'blog.example', 'www.blog.example']),
  )
})

it('A site reads no file, environment, socket, process or database of another.', async () => {
  await host.say(`umask 022; echo upload >/srv/www/foobar/shared/storage/upload; chmod 644 /srv/www/foobar/shared/storage/upload
echo x >/tmp/of-the-host`)
  const foreign = [
    ...['releases', 'current/public', 'shared/storage', 'shared/storage/upload', 'current/run', ''].map(
      path => `/srv/www/foobar/${path}`,
    ),
    ...['/etc/capstan/foobar/app.env', '/tmp/of-the-host', '/etc/ssl/capstan/foobar.com/privkey.pem'],
    ...(await host.say('pgrep -u foobar | head -3'))
      .trim()
      .split('\n')
      .map(pid => `/proc/${pid}/environ`),
  ]
  const own = '/srv/www/blog/current/public/index.php'
  const paths = Buffer.from(JSON.stringify([...foreign, own])).toString('base64url')
  const { body } = await answer('blog', `/reads?paths=${paths}`)
  expect(body.trim().split('\n')).toEqual([`reads ${own}`, 'database blog', 'database information_schema'])
  const denied = await host.say(
    'runuser -u blog -- curl -s --unix-socket /srv/www/foobar/current/run/app.sock http://x/ || echo refused',
  )
  expect(denied).toBe('refused\n')
})

it('All are deployed and one is rolled back while visitors ask for the others; no request is lost.', async () => {
  const loads = Object.entries(names).map(([name, domain]) =>
    startLoad({
      ...{ address: '127.0.0.1', port: host.host.ports.https, domain, path: '/' },
      ...{ connections: 2, keepAlive: name !== 'docs', pause: 20 },
    }),
  )
  for (const [name, from] of Object.entries(apps)) from.write({ 'public/new.txt': name })
  const deployed = await site(all, { script: 'deploy' })
  expect(deployed.exitCode, deployed.stdout.slice(-3000)).toBe(0)
  const rollback = await site(all, { script: 'rollback', args: ['--site', 'blog'] })
  expect(rollback.exitCode, rollback.stdout.slice(-3000)).toBe(0)
  for (const load of loads) {
    const { requests, failures } = await load.stop()
    expect(requests).toBeGreaterThan(20)
    expect(failures).toEqual({})
  }
  expect((await answer('blog', '/new.txt')).body).not.toBe('blog')
  expect((await answer('docs', '/new.txt')).body).toBe('docs')
})

it('The releases of all sites are listed, each under its name.', async () => {
  const { lines } = await site(all, { script: 'releases' })
  const listed = lines as unknown as readonly {
    readonly site: string
    readonly releases: readonly object[]
  }[]
  expect(listed.map(each => [each.site, each.releases.length > 1])).toEqual([
    ['foobar', true],
    ['blog', true],
    ['docs', true],
  ])
})

it('The status of all sites is shown, including that of a static site.', async () => {
  const { exitCode, lines } = await site(all, { script: 'app', args: ['status'] })
  expect(exitCode).toBe(0)
  const shown = lines as unknown as readonly {
    readonly site: string
    readonly healthy: boolean
    readonly units: readonly { readonly state: string }[]
  }[]
  expect(shown.map(each => [each.site, each.healthy, ...each.units.map(({ state }) => state)])).toEqual([
    ['foobar', true, 'running'],
    ['blog', true, 'running'],
    ['docs', true, 'exited'],
  ])
})

it('What is done for one site has to name it, and names that there are.', async () => {
  const unnamed = await site(all, { script: 'rollback' })
  expect(unnamed.exitCode).toBe(2)
  expect(unnamed.stderr).toContain('the hosts have several sites: foobar, blog, docs')
  const unknown = await site(all, { script: 'rollback', args: ['--site', 'bolg'] })
  expect(unknown.exitCode).toBe(2)
  expect(unknown.stderr).toContain('several12 has blog')
})

itInFull(
  'A site that is taken out of the inventory is no longer served, keeps its data, and can come back.',
  async () => {
    await host.say(
      "mariadb blog -e 'CREATE TABLE kept (id INT)'; echo kept >/srv/www/blog/shared/storage/kept",
    )
    const without = { foobar, docs }
    const removed = await site(without)
    expect(removed.exitCode, removed.stdout.slice(-3000)).toBe(0)
    expect(removed.changes).toContain('service blog')
    expect(await host.say("systemctl list-units --plain --no-legend 'blog@*' | wc -l")).toBe('0\n')
    expect(await host.say('ls /etc/nginx/sites-enabled')).toBe('docs.conf\nfoobar.conf\n')
    expect((await answer('foobar')).status).toBe(200)
    expect((await site(without)).recap()).toMatchObject({ changed: 0, failed: 0, trips: 2 })
    expect(await host.say('cat /srv/www/blog/shared/storage/kept; mariadb -BN blog -e "SHOW TABLES"')).toBe(
      'kept\nkept\n',
    )
    const back = await site(all)
    expect(back.exitCode, back.stdout.slice(-3000)).toBe(0)
    expect((await answer('blog')).body).toMatch(/^blog /)
  },
)

itInFull('A site that is purged leaves nothing, and takes nothing of others along.', async () => {
  const refused = await site(all, { args: ['--purge', 'blog'] })
  expect(refused.exitCode).toBe(2)
  expect(refused.stderr).toContain('--purge blog: several12 has this site in the inventory')
  const odd = await site(all, { args: ['--purge', '$(id)'] })
  expect([odd.exitCode, odd.stderr]).toEqual([2, expect.stringContaining('expected the name of a site')])
  // A neighbour whose name begins alike.
  await host.say('mkdir -p /srv/www/blog-2; echo "User=blog-2" >/etc/systemd/system/blog-2@.service')
  const without = { foobar, docs }
  const purged = await site(without, { args: ['--purge', 'blog'] })
  expect(purged.exitCode, purged.stdout.slice(-3000)).toBe(0)
  const left = `ls -d /srv/www/blog* /etc/capstan/blog* /etc/systemd/system/blog* /etc/ssl/capstan/*blog* 2>/dev/null
    getent passwd blog; mariadb -BN -e "SHOW DATABASES LIKE 'blog'; SELECT User FROM mysql.global_priv WHERE User = 'blog'"
    systemctl list-units --plain --no-legend 'blog*'; :`
  expect(await host.say(left)).toBe('/etc/systemd/system/blog-2@.service\n/srv/www/blog-2\n')
  for (const name of ['foobar', 'docs'] as const) expect((await answer(name)).status, name).toBe(200)
  const again = await site(without, { args: ['--purge', 'blog'] })
  expect(again.recap()).toMatchObject({ changed: 0, failed: 0, trips: 2 })
  expect((await site(without)).recap()).toMatchObject({ changed: 0, trips: 2 })
  const back = await site(all)
  expect(back.exitCode, back.stdout.slice(-3000)).toBe(0)
})
