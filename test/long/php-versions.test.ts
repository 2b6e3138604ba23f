import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startLoad } from '../deploy/load.ts'
import { source } from '../sandbox/deploy-app.ts'
import { kept } from '../sandbox/kept.ts'
import { type Machine, machine } from '../sandbox/machine.ts'
import { runHere } from '../sandbox/site.ts'
import { ask } from '../sandbox/web-request.ts'
import { fileServer } from './file-server.ts'

// A site on Debian's PHP and one on another version beside it, from a repository of its own. The other version is Debian's own
// programs under other names: no two versions that Debian has can be on one host. These tests run in order.

const page = "<?php echo PHP_BINARY, ' ', getenv('RELEASE');"
const apps = {
  foobar: source({ 'public/index.php': page, 'public/health': 'ok' }),
  blog: source({
    'public/index.php': page,
    'deploy/migrate*': '#!/bin/sh\nphp -r "echo PHP_BINARY;" >storage/migrated\n',
    'work.php': "<?php file_put_contents('storage/worked', PHP_BINARY); sleep(600);",
  }),
}
/** Shell that makes a signed repository in /srv/repository and serves it. */
const repository = String.raw`set -e; export DEBIAN_FRONTEND=noninteractive
apt-get install -y -q --no-install-recommends gnupg apt-utils >/dev/null
mkdir /srv/repository; cd /srv/repository
made() { mkdir -p "$1/DEBIAN"
  printf 'Package: %s\nVersion: 8.3.1\nArchitecture: all\nDepends: php8.2-cli\nMaintainer: a <a@example.com>\nDescription: PHP\n' "$1" >"$1/DEBIAN/control"; dpkg-deb -b "$1" . >/dev/null; rm -r "$1"; }
mkdir -p php8.3-fpm/usr/sbin php8.3-fpm/lib/systemd/system php8.3-fpm/DEBIAN php8.3-cli/usr/bin
cp /usr/sbin/php-fpm8.2 php8.3-fpm/usr/sbin/php-fpm8.3; cp "$(readlink -f /usr/bin/php8.2)" php8.3-cli/usr/bin/php8.3
sed 's/8\.2/8.3/g' /lib/systemd/system/php8.2-fpm.service >php8.3-fpm/lib/systemd/system/php8.3-fpm.service
printf '#!/bin/sh\ndeb-systemd-helper enable php8.3-fpm.service; deb-systemd-invoke start php8.3-fpm.service || :\n' >php8.3-fpm/DEBIAN/postinst; chmod 755 php8.3-fpm/DEBIAN/postinst
for name in fpm cli curl mbstring mysql xml; do made "php8.3-$name"; done
apt-ftparchive packages . >Packages; apt-ftparchive release . >Release
export GNUPGHOME=/srv/gnupg; mkdir -m 700 "$GNUPGHOME"
gpg -q --batch --passphrase '' --quick-gen-key a@example.com rsa3072; gpg -q --clearsign -o InRelease Release
${fileServer('/srv/repository', 8124)}`
const keys = mkdtempSync(join(tmpdir(), 'capstan-keys-'))
let sources: object
let host: Machine
const site = (script: 'site' | 'deploy', php: object) =>
  runHere({
    ...{ script, hosts: host },
    vars: {
      ...{ base: { sources }, mysql: { bufferPool: '128m' } },
      sites: {
        foobar: {
          ...{ domain: 'foobar.com', database: { password: 'of-hosts-that-are-kept' } },
          app: { release: { source: apps.foobar.folder } },
        },
        blog: {
          domain: 'blog.example',
          app: {
            ...{ php, workers: { work: { command: ['php', 'work.php'], stop: '2s' } } },
            release: { source: apps.blog.folder, health: { path: '/' }, drain: '2s' },
          },
        },
      },
    },
  })
const answer = async (name: string) =>
  (await ask({ port: host.host.ports.https, url: `https://www.${name}/` })).body

beforeAll(async () => {
  host = await machine('php12', 12, await kept('site', 12))
  await host.say(repository)
  const gpg = 'gpg --homedir /srv/gnupg'
  writeFileSync(join(keys, 'own.asc'), await host.say(`${gpg} --export --armor`))
  const listed = await host.say(`${gpg} --list-keys --with-colons | awk -F: '$1 == "fpr" { print $10 }'`)
  sources = {
    own: {
      ...{ uri: 'http://127.0.0.1:8124', suites: ['./'], key: join(keys, 'own.asc') },
      fingerprint: listed.split('\n')[0],
    },
  }
})
afterAll(() => {
  for (const each of Object.values(apps)) each.remove()
  rmSync(keys, { recursive: true })
  host?.close()
})

it('Each site, its migrations and its workers have their own version.', async () => {
  const first = await site('site', { version: '8.3' })
  expect(first.exitCode, first.stdout.slice(-4000)).toBe(0)
  const shipped = await site('deploy', { version: '8.3' })
  expect(shipped.exitCode, shipped.stdout.slice(-3000)).toBe(0)
  expect([await answer('foobar.com'), await answer('blog.example')]).toEqual([
    expect.stringMatching(/^\/usr\/sbin\/php-fpm8\.2 /),
    expect.stringMatching(/^\/usr\/sbin\/php-fpm8\.3 /),
  ])
  const shared = '/srv/www/blog/shared/storage'
  await host.until(`[ -s ${shared}/worked ]`)
  const cli = '/usr/bin/php8.3'
  expect(await host.say(`cat ${shared}/migrated; echo; cat ${shared}/worked`)).toBe(`${cli}\n${cli}`)
  // The server that comes with the package never ran.
  expect(await host.say('systemctl is-enabled php8.3-fpm || :; journalctl -q -u php8.3-fpm')).toBe('masked\n')
  expect((await site('site', { version: '8.3' })).recap()).toMatchObject({ changed: 0, failed: 0, trips: 2 })
})

it('A site goes on to another version without losing a request.', async () => {
  const load = startLoad({
    ...{ address: '127.0.0.1', port: host.host.ports.https, domain: 'www.blog.example', path: '/' },
    ...{ connections: 4, keepAlive: true, pause: 5 },
  })
  const changed = await site('site', {})
  expect(changed.exitCode, changed.stdout.slice(-3000)).toBe(0)
  expect(await answer('blog.example')).toMatch(/^\/usr\/sbin\/php-fpm8\.2 /)
  const { failures, requests } = await load.stop()
  expect([failures, requests > 100]).toEqual([{}, true])
  expect((await site('site', {})).recap()).toMatchObject({ changed: 0, failed: 0, trips: 2 })
})
