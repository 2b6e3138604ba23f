import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Facts } from '#engine/converge/facts.ts'
import { role } from '#engine/converge/role.ts'
import { quote } from '#engine/quote.ts'
import { releaseShell } from '#engine/resources/release/script.ts'
import { Secret } from '#engine/secret.ts'
import { vars as roleVars } from '#engine/vars.ts'
import { php } from '#roles/app/php.ts'
import { appSettings } from '#roles/app/release.ts'
import app from '#roles/app/role.ts'
import vars from '#roles/app/vars.ts'
import nginx from '#roles/nginx/role.ts'
import { startLoad } from '../deploy/load.ts'
import { debians, isInFull } from './cases.ts'
import { kept } from './kept.ts'
import { site, type WebHost, webHost } from './web-host.ts'
import { ask } from './web-request.ts'

const first = '20261122T200000Z-1111111'
const second = '20261122T210000Z-2222222'
const home = '/srv/www/foobar'
const canary = new Secret('p&a\'ss"w#o$r%d;`id`\\')
const odd = {
  QUOTES: 'it\'s "so" `id` $(id) $HOME ${HOME} %n %%i \\ \\\\ # ; & | < > * ~ !',
  UNICODE: 'é 日本 😀',
  DASH: '-rf --',
  SPACES: '  both ends  ',
  TRAILING: 'back\\',
  EMPTY: '',
  SECRET: canary,
}

// What the app sees and may do, as JSON.
const index = `<?php
session_save_path(); session_start(); $_SESSION['n'] = 1;
header('Content-Type: application/json');
foreach (['APP', 'RELEASE', ${Object.keys(odd).map(key => `'${key}'`)}] as $k) $v[$k] = getenv($k);
$v['user'] = posix_getpwuid(posix_geteuid())['name'];
$v['pattern'] = preg_match('/a(b+)/', 'abb');
$v['cached'] = opcache_get_status(false)['opcache_enabled'];
foreach (['${home}/shared/storage/f', '${home}/shared/f', __DIR__ . '/f', '/etc/f', '/tmp/f'] as $f) $v['writes'][$f] = (bool) @file_put_contents($f, 'x');
foreach (['/etc/shadow', '/root/.ssh/authorized_keys'] as $f) $v['reads'][$f] = (bool) @file_get_contents($f);
error_log('a word for the journal');
echo json_encode($v);
`

const parsed = (given: unknown) => {
  const result = vars.parse(given, site)
  if (!result.ok) throw new Error('the vars are refused')
  return result.value
}
const shellOf = (id: string) =>
  `note() { :; }\n${releaseShell(appSettings(parsed({}), site), { release: id, ref: '', how: 'deploy' })}`
const put = (id: string, file: string, content: string) =>
  `mkdir -p ${home}/releases/${id}/public ${home}/releases/${id}/.capstan && printf %s ${quote(content)} >${home}/releases/${id}/${file}
${shellOf(id)}configure ${id}\n`
const live = (id: string) =>
  `cd ${home} && perl -e 'unlink "current.new"; symlink "releases/${id}", "current.new" and rename "current.new", "current" or die $!'\n`
const gate = (id: string, path: string) =>
  `perl -MIO::Socket::UNIX -e '$s = IO::Socket::UNIX->new("/run/nginx-gate/foobar.sock") or die; print $s "GET ${path} HTTP/1.0\\r\\nHost: www.foobar.com\\r\\nX-Release: ${id}\\r\\n\\r\\n"; print while <$s>'`

// These tests run in order: each one begins where the one before it ended.
describe.each(debians(12))('the app role on Debian %i', debian => {
  let web: WebHost
  const converge = (given: unknown = { environment: odd }) =>
    web.converge([
      [nginx, {}],
      [app, given],
    ])
  const page = (path = '/') => ask({ port: web.host.ports.https, url: `https://www.foobar.com${path}` })

  beforeAll(async () => {
    web = await webHost(`app${debian}`, debian, await kept('site', debian))
  })
  afterAll(() => web?.remove())

  it('is set up as it is told in one run, and a second changes nothing in two trips', async () => {
    const made = await converge()
    expect(made.error).toBeUndefined()
    expect(await converge()).toMatchObject({ changed: 0, trips: 2, did: [] })
    expect((await page()).status).toBe(503)
  })

  it('lets no server of the package’s own run', async () => {
    expect(await web.sh(`pgrep -c php-fpm || :`)).toBe('0\n')
    expect(
      await web.sh(`stat -c '%a %U:%G' /etc/capstan/foobar/app.env ${home}/shared/storage ${home}/releases`),
    ).toBe('640 root:foobar\n2750 foobar:www-data\n755 root:root\n')
  })

  it('runs a release on its own socket before it is live', async () => {
    for (const id of [first, second]) await web.sh(put(id, 'public/index.php', index))
    await web.sh(`systemctl start foobar@${first}`)
    expect(
      await web.sh(`stat -c '%a %U:%G' ${home}/releases/${first}/run ${home}/releases/${first}/run/app.sock`),
    ).toBe('2750 foobar:www-data\n660 foobar:www-data\n')
    expect(await web.sh(gate(first, '/'))).toContain('200 OK')
    expect((await page()).status).toBe(503)
  })

  it('gives the app its environment byte for byte, and nothing of the system', async () => {
    await web.sh(live(first))
    const seen = JSON.parse((await page()).body)
    const { SECRET, ...plain } = odd
    expect(seen).toMatchObject({ APP: 'foobar', RELEASE: first, SECRET: SECRET.reveal(), ...plain })
    expect(seen).toMatchObject({ user: 'foobar', pattern: 1, cached: true })
    expect(seen.writes).toEqual({
      [`${home}/shared/storage/f`]: true,
      [`${home}/shared/f`]: false,
      [`${home}/releases/${first}/public/f`]: false,
      '/etc/f': false,
      '/tmp/f': true,
    })
    expect(seen.reads).toEqual({ '/etc/shadow': false, '/root/.ssh/authorized_keys': false })
    expect(await web.sh(`stat -c '%a %G' ${home}/shared/storage/f; ls /tmp/f 2>&1 || :`)).toMatch(
      /^640 www-data\nls: cannot access/,
    )
    expect(await web.sh(`journalctl -u foobar@${first} -o cat --no-pager`)).toContain(
      'a word for the journal',
    )
    expect(await web.sh(`grep -rlF ${quote(SECRET.reveal())} /proc/[0-9]*/cmdline 2>/dev/null || :`)).toBe('')
  })

  it('is confined', async () => {
    const score = await web.sh(`systemd-analyze security --no-pager foobar@${first} | tail -n 1`)
    expect(Number(/level for .*: ([\d.]+)/.exec(score)?.[1])).toBeLessThan(2)
  })

  it('loses no request when the link changes, many times', async () => {
    const target = { address: '127.0.0.1', port: web.host.ports.https, domain: 'www.foobar.com', path: '/' }
    const visitors = [
      startLoad({ ...target, connections: 4, keepAlive: true, pause: 10 }),
      startLoad({ ...target, connections: 2, keepAlive: false, pause: 10 }),
    ]
    const requests = () => visitors.reduce((sum, each) => sum + each.requests(), 0)
    // The first release is live at the end.
    for (let i = 0; i < (isInFull ? 10 : 4) || i % 2 === 1 || requests() <= 500; i++) {
      const [next, last] = i % 2 === 0 ? [second, first] : [first, second]
      await web.sh(`systemctl start foobar@${next}\n${live(next)}${shellOf(next)}end_others 10 ${last}`)
      expect(JSON.parse((await page()).body).RELEASE).toBe(next)
    }
    const met = await Promise.all(visitors.map(each => each.stop()))
    expect(met.map(({ failures }) => failures)).toEqual([{}, {}])
    expect(met.reduce((sum, { requests }) => sum + requests, 0)).toBeGreaterThan(500)
  })

  it('starts the live release again at boot, and no other', async () => {
    await web.sh(`systemctl stop foobar; systemctl start foobar`)
    expect(await web.sh(`systemctl list-units --no-legend --plain 'foobar@*' | cut -d' ' -f1`)).toBe(
      `foobar@${first}.service\n`,
    )
    expect(await web.sh('systemctl is-enabled foobar')).toBe('enabled\n')
  })

  it('tests a pool as php-fpm would start it, and repairs one that it would not', async () => {
    const facts = { system: `debian ${debian}`, memory: 2048, cpus: 2 }
    const test =
      php({ vars: parsed({ environment: odd }), site, facts: facts as unknown as Facts }).config?.test ??
      'false'
    await web.sh(test)
    await web.sh("sed -i 's/^pm.max_children.*/pm.max_children = 0/' /etc/capstan/foobar/php-fpm.conf")
    await expect(web.sh(test)).rejects.toThrow(/max_children/)
    expect((await converge()).did).toEqual(['template /etc/capstan/foobar/php-fpm.conf'])
    expect((await page()).status).toBe(200)
  })

  it('says why a release does not start, and leaves nothing of it running', async () => {
    const id = '20261122T220000Z-3333333'
    await expect(web.sh(`systemctl start foobar@${id}`)).rejects.toThrow(/Assertion failed|assert/)
    expect(await web.sh(`systemctl is-active foobar@${id} || :`)).toBe('inactive\n')
  })
})

describe('accounts', () => {
  let web: WebHost
  beforeAll(async () => {
    web = await webHost('accounts12', 12)
  })
  afterAll(() => web?.remove())

  const accounts = (shell: string, gone: boolean) =>
    role(import.meta, {
      vars: roleVars({}),
      tasks({ group, user }) {
        group('builders')
        user('worker', { system: true, home: '/srv/it', shell, groups: ['builders', 'adm'] })
        user('person', { group: 'users', shell: '/bin/sh' })
        if (gone) user.absent('leaver')
        else user('leaver')
      },
    })

  it('are made, changed and taken away, and stay as they are else', async () => {
    expect((await web.converge([[accounts('/bin/sh', false), {}]])).error).toBeUndefined()
    expect(await web.converge([[accounts('/bin/sh', false), {}]])).toMatchObject({ changed: 0, trips: 2 })
    await web.sh('usermod -aG games worker; gpasswd -d worker adm >/dev/null')
    expect((await web.converge([[accounts('/usr/sbin/nologin', true), {}]])).did).toEqual([
      'user worker',
      'user leaver',
    ])
    expect(
      await web.sh(
        'getent passwd worker | cut -d: -f6-; id -Gn worker; id -gn person; id -Gn leaver 2>&1 || :',
      ),
    ).toBe(
      `/srv/it:/usr/sbin/nologin\nworker adm games builders\nusers\nid: ‘leaver’: no such user\n`.replace(
        /[‘’]/g,
        "'",
      ),
    )
    expect(await web.converge([[accounts('/usr/sbin/nologin', true), {}]])).toMatchObject({ changed: 0 })
  })
})
