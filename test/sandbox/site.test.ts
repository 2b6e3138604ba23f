import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sandboxDown } from '#engine/sandbox/sandbox.ts'
import { itInFull, some } from './cases.ts'
import { liveRelease } from './deploy-app.ts'
import { ask as askDns } from './dns-query.ts'
import { kept } from './kept.ts'
import { type Machine, machine, rebooted, root, sockets } from './machine.ts'
import { runHere, runSite, type SiteRun } from './site.ts'
import { ask } from './web-request.ts'

const password = 'it’s a p&a\'ss"w#o$r%d;\\'
const vars = { mysql: { password }, app: { database: { password } } }

// `made` begins with what these roles made of a bare host, `bare` with that.
describe.each(
  some(
    [
      [12, 'made'],
      [13, 'bare'],
    ] as const,
    1,
  ),
)('site.mjs on a Debian %i host (%s)', (debian, begins) => {
  const name = `site${debian}`
  const quiet = { root, say: () => {} }
  const hosts = { [name]: { connection: 'sandbox', debian } }
  const given = (args: readonly string[]) => ({ hosts, vars, args, seconds: 500 })
  const site = (args: readonly string[] = []) => runHere(given(args))
  let first: SiteRun
  let host: Machine
  const page = (path: string) => {
    const ca = readFileSync(join(root, `.capstan/sandbox/${name}.pem`), 'utf8')
    return ask({ port: host.host.ports.https, url: `https://www.foobar.com${path}`, ca })
  }

  beforeAll(async () => {
    // A host that an earlier run left is neither.
    await sandboxDown({ ...quiet, names: [name] }).catch(() => {})
    if (begins === 'made') host = await machine(name, debian, await kept('site', debian))
    first = await runSite(given([]))
    host ??= await machine(name, debian)
  }, 600_000)
  afterAll(async () => {
    host?.close()
    await sandboxDown({ ...quiet, names: [name] })
  })

  it('makes the site, and ships the example to it.', () => {
    expect(first.lines.filter(line => line.event === 'failed')).toEqual([])
    expect(first.exitCode).toBe(0)
    expect(first.recap()).toMatchObject({ failed: 0, skipped: 0 })
    expect(first.lines.at(-1)?.event).toBe('recap')
  })

  if (begins === 'bare') {
    it('makes all of a bare host in six trips.', () => {
      expect(first.recap()).toMatchObject({ trips: 6 })
    })

    it('makes the database in one go, and starts it once with its settings.', () => {
      const changes = first.lines.filter(line => line.event === 'changed' && line.role === 'mysql')
      expect(changes.map(line => line.resource)).toEqual([
        'service mariadb.socket',
        'directory /etc/systemd/system/mariadb.service.d',
        'unit mariadb.service.d/capstan.conf',
        'apt mariadb-server logrotate',
        'directory /var/lib/mysql-files',
        'directory /var/log/mysql',
        'template /etc/mysql/mariadb.conf.d/90-capstan.cnf',
        'service mariadb',
        'mysql database foobar',
        'mysql user foobar@localhost',
        'mysql user foobar@127.0.0.1',
        'mysql user that no role declares',
        'restart mariadb',
      ])
    })
  }

  it('changes nothing the second time, in two trips.', async () => {
    const second = await runSite(given([]))
    expect(second.changes).toEqual([])
    expect(second.recap()).toMatchObject({ changed: 0, failed: 0, trips: 2 })
  })

  it.each(['udp', 'tcp'] as const)('answers for the name over %s.', async by => {
    const answer = await askDns(host.host.ports.dns, by, { name: 'www.foobar.com', type: 'A' })
    expect(answer).toMatchObject({ status: 'NOERROR', authoritative: true, data: [hex(host.host.ip)] })
  })

  it('sends HTTP to HTTPS.', async () => {
    const { status, headers } = await ask({ port: host.host.ports.http, url: 'http://www.foobar.com/a?b' })
    expect([status, headers['location']]).toEqual([301, 'https://www.foobar.com/a?b'])
  })

  it('shows a row of MySQL on the page, over a certificate that is trusted.', async () => {
    const { status, body } = await page('/')
    expect(status).toBe(200)
    expect(body).toContain('Hello from MySQL &amp; PHP.')
    expect(body).toContain(await liveRelease(host))
    expect((await page('/nothing')).status).toBe(404)
    const rows = await host.say('mariadb -N foobar -e "SELECT COUNT(*) FROM greetings"')
    expect(Number(rows)).toBeGreaterThan(0)
  })

  itInFull(
    'gets another certificate where its own is broken, and the copy for visitors here follows.',
    async () => {
      const copy = () => readFileSync(join(root, `.capstan/sandbox/${name}.pem`), 'utf8')
      const before = copy()
      await host.say('truncate -s 100 /etc/ssl/capstan/foobar.com/fullchain.pem')
      const repair = await site()
      expect(repair.exitCode, repair.stdout.slice(-3000)).toBe(0)
      expect(repair.changes).toContain('reload nginx')
      expect(copy()).not.toBe(before)
      expect(copy()).toBe(await host.say('cat /etc/ssl/capstan/foobar.com/fullchain.pem'))
      expect((await page('/')).status).toBe(200)
    },
  )

  it('runs its services in a sandbox.', async () => {
    const json = await host.say('systemd-analyze security --json=short --no-pager')
    const exposures = new Map(
      (JSON.parse(json) as readonly { unit: string; exposure: string }[]).map(one => [
        one.unit,
        Number(one.exposure),
      ]),
    )
    for (const unit of ['nginx.service', 'mariadb.service', 'pdns.service'])
      expect(exposures.get(unit), unit).toBeLessThanOrEqual(4)
    const apps = [...exposures].filter(([unit]) => unit.startsWith('foobar@'))
    expect(apps).toHaveLength(1)
    for (const [unit, exposure] of apps) expect(exposure, unit).toBeLessThanOrEqual(2)
  })

  it('has nothing left to migrate.', async () => {
    const as = '-p User=foobar -p EnvironmentFile=/etc/capstan/foobar/app.env'
    const migrate = `cd -P /srv/www/foobar/current && systemd-run --wait --pipe --quiet --collect ${as} -p WorkingDirectory="$PWD" php migrations/migrate.php`
    expect(await host.say(migrate)).toBe('nothing to migrate\n')
  })

  it('says so while MySQL is down, and the next run starts it.', async () => {
    await host.say('systemctl stop mariadb')
    expect(await page('/')).toMatchObject({ status: 503, body: expect.stringContaining('does not answer') })
    expect(await page('/health')).toMatchObject({
      status: 503,
      body: expect.stringMatching(/^no database /),
    })
    expect((await site()).changes).toContain('service mariadb')
    expect((await page('/health')).status).toBe(200)
  })

  it('serves a static file with its cache headers, and never asks the app for it.', async () => {
    const [, path = ''] = /href="(\/assets\/site\.[0-9a-f]+\.css)"/.exec((await page('/')).body) ?? []
    const { status, headers } = await page(`${path}?static`)
    expect([status, headers['cache-control']]).toEqual([200, 'public, max-age=31536000, immutable'])
    expect(headers['content-type']).toBe('text/css; charset=utf-8')
    await page('/?dynamic')
    // nginx notes a request once it has been answered.
    await host.until("grep -qF '/?dynamic' /var/log/nginx/access.log")
    const log = await host.say('cat /var/log/nginx/access.log')
    expect(log.split('\n').find(line => line.includes(`${path}?static`))).toContain('app=-')
    expect(log.split('\n').find(line => line.includes('/?dynamic'))).toContain('app=200')
  })

  itInFull('takes each role alone, and changes nothing with it.', async () => {
    for (const role of ['base', 'dns', 'nginx', 'app', 'mysql', 'tls'])
      expect((await site(['-t', role])).recap()).toMatchObject({ changed: 0, failed: 0, trips: 2 })
  })

  itInFull(
    'refuses a vhost that nginx would not start from, and leaves files and site as they were.',
    async () => {
      const before = await host.say(
        'find /etc/nginx -type f | sort | xargs sha256sum; pgrep -P $(cat /run/nginx.pid)',
      )
      const broken = await runSite(given(['-e', 'nginx.directives=["serverr off;"]', '-t', 'nginx']))
      expect(broken.exitCode).toBe(1)
      expect(broken.error().message).toContain('nginx configuration')
      expect(broken.error().lines.join('\n')).toMatch(
        /unknown directive "serverr" in \/etc\/nginx\/sites-enabled\/foobar\.conf/,
      )
      expect(broken.error().lines.join('\n')).toContain('template /etc/nginx/sites-available/foobar.conf')
      expect(broken.error().where).toMatch(/roles\/nginx\/role\.ts:\d+/)
      expect(
        await host.say('find /etc/nginx -type f | sort | xargs sha256sum; pgrep -P $(cat /run/nginx.pid)'),
      ).toBe(before)
      expect((await page('/')).status).toBe(200)
    },
  )

  it('repairs a file that was edited by hand, and reloads once.', async () => {
    await host.say("echo '# by hand' >> /etc/nginx/sites-available/foobar.conf")
    const check = await site(['-C', '-D'])
    expect(check.changes).toEqual(['template /etc/nginx/sites-available/foobar.conf', 'reload nginx'])
    const repair = await site()
    expect(repair.changes).toEqual(['template /etc/nginx/sites-available/foobar.conf', 'reload nginx'])
    expect((await site()).recap()).toMatchObject({ changed: 0 })
  })

  it('is the same after a reboot: its sockets, its page, and nothing to change in two trips.', async () => {
    const before = await sockets(host)
    expect(before).toContain('tcp 127.0.0.1:3306\n')
    host = await rebooted(host)
    expect(await sockets(host)).toBe(before)
    expect(await page('/')).toMatchObject({ status: 200, body: expect.stringContaining('Hello from MySQL') })
    expect((await site()).recap()).toMatchObject({ changed: 0, failed: 0, trips: 2 })
  })
})

// An address as it stands in an answer: four bytes, in hex.
function hex(address: string): string {
  return Buffer.from(address.split('.').map(Number)).toString('hex')
}
