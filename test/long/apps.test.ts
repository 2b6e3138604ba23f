import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { insideScript } from '#engine/app/inside.ts'
import { startLoad } from '../deploy/load.ts'
import { liveRelease } from '../sandbox/deploy-app.ts'
import { type Machine, machine, root } from '../sandbox/machine.ts'
import { runHere, runSite, type SiteOptions } from '../sandbox/site.ts'
import { type Answer, ask } from '../sandbox/web-request.ts'
import { inventoryVars, secrets, writeApps } from './apps-source.ts'
import { nodeArchive } from './node-archive.ts'

// docs/apps.md, followed: WordPress, Laravel, Django, puma and Sinatra of Debian, Express of npm on a port. Beside them on the same
// host, an app on another version of Node, and a site of files. These tests run in order.
const folder = mkdtempSync(join(tmpdir(), 'capstan-apps-'))
const version = '22.23.3'
/** What two more sites have. The app takes all the memory or all the processes that it can get, where it is told to. */
const others = {
  'apps/live/package.json': '{ "type": "module" }',
  'apps/live/server.js': `import { spawn } from 'node:child_process'
import http from 'node:http'
const taken = []
const server = http.createServer((request, response) => {
  if (request.url === '/memory') setInterval(() => taken.push(Buffer.alloc(16_000_000, 1)), 5)
  if (request.url === '/processes') spawn('sh', ['-c', 'all() { all | all & }; all'], { detached: true })
  response.end(\`\${process.version} \${process.env.RELEASE}\\n\`)
})
server.listen(process.env.PORT)
process.on('SIGTERM', () => { server.close(); server.closeIdleConnections() })
`,
  'apps/docs/public/index.html': 'the docs',
  'apps/docs/public/health': 'ok',
}
const paths = {
  ...{ blog: '/wp-login.php', desk: '/health', shop: '/health', wiki: '/health' },
  ...{ api: '/health', live: '/', docs: '/' },
} as const
type Name = keyof typeof paths
const sites = Object.keys(paths) as Name[]
const sitesWithProcesses = sites.filter(name => name !== 'docs')
let host: Machine
let vars: Record<string, unknown>

beforeAll(async () => {
  writeApps(folder, others)
  host = await machine('apps12', 12)
  await host.say(wholeCgroups)
  const at = (name: string) => ({ source: join(folder, 'apps', name) })
  const live = {
    ...{ domain: 'live.example', runtime: 'node', database: { password: 'of-the-live-site' } },
    app: {
      ...{ node: await nodeArchive(host, version), limits: { memory: '256m', tasks: 200 } },
      release: { ...at('live'), health: { path: '/' } },
    },
  }
  const docs = { domain: 'docs.example', runtime: 'static', app: { release: at('docs') } }
  const given = inventoryVars(folder)
  vars = { ...given, sites: { ...given.sites, live, docs }, mysql: { bufferPool: '128m' } }
})
afterAll(() => {
  host?.close()
  rmSync(folder, { recursive: true, force: true })
})

const run = (options: Partial<SiteOptions> = {}) => runHere({ hosts: host, vars, ...options })
const get = (url: string, more: { headers?: Record<string, string>; method?: string; body?: string } = {}) =>
  ask({ port: host.host.ports.https, url, ...more })
/** Sends a form, as somebody with these cookies. */
const send = (url: string, form: Record<string, string>, headers: Record<string, string>) =>
  get(url, {
    ...{ method: 'POST', body: `${new URLSearchParams(form)}` },
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
  })
/** The cookies that an answer sets, as the next request has them. */
const cookies = ({ headers }: Answer) =>
  [headers['set-cookie'] ?? []]
    .flat()
    .map(one => one.split(';')[0])
    .join('; ')

it('One run sets them up, a second changes nothing in two trips, and one deploy ships them.', async () => {
  const first = await run()
  expect(first.exitCode, first.stdout.slice(-3000)).toBe(0)
  const shipped = await run({ script: 'deploy' })
  expect(shipped.exitCode, shipped.stdout.slice(-4000) + shipped.stderr).toBe(0)
  expect((await run()).recap()).toMatchObject({ changed: 0, failed: 0, trips: 2 })
})

it('WordPress is installed, shows its page, and lets its admin in.', async () => {
  const blog = 'https://www.blog.example'
  expect(await get(`${blog}/`)).toMatchObject({ status: 200, body: expect.stringContaining('A blog') })
  expect((await get(`${blog}/`)).headers['x-cache']).toBe('HIT')
  expect(await get(`${blog}/wp-admin/install.php`)).toMatchObject({
    body: expect.stringContaining('already installed'),
  })
  const form = { log: 'admin', pwd: secrets['BLOG_ADMIN_PASSWORD'] ?? '' }
  const login = await send(`${blog}/wp-login.php`, form, {
    cookie: 'wordpress_test_cookie=WP%20Cookie%20check',
  })
  expect([login.status, login.headers['location']]).toEqual([302, `${blog}/wp-admin/`])
  const admin = await get(`${blog}/wp-admin/`, { headers: { cookie: cookies(login) } })
  expect(admin).toMatchObject({ status: 200, body: expect.stringContaining('Dashboard') })
})

it('WordPress runs no script that is uploaded, and serves what is.', async () => {
  const uploads = '/srv/www/blog/shared/uploads'
  await host.say(
    `runuser -u blog -- sh -c 'mkdir -p ${uploads}/2026; echo "<?php echo 6*7;" >${uploads}/2026/x.php; echo pic >${uploads}/2026/p.txt'`,
  )
  const at = 'https://www.blog.example/wp-content/uploads/2026'
  expect(await get(`${at}/p.txt`)).toMatchObject({ status: 200, body: 'pic\n' })
  expect((await get(`${at}/x.php`)).status).toBe(404)
})

it('WordPress’s scheduled jobs run by the worker, whose timer waits for the next time.', async () => {
  const timers = await host.say(
    "systemctl list-units --plain --no-legend 'blog*cron*.timer' | awk '{ print $1, $3 }'",
  )
  const [unit = '', state] = timers.trim().split(' ')
  expect([unit, state]).toEqual([expect.stringMatching(/^blog.cron@\d+T\d+Z-[0-9a-f]{7}\.timer$/), 'active'])
  const job = unit.replace('.timer', '.service')
  // A job that is due, and is gone once it has been run.
  const cron = "SELECT option_value LIKE '%wp_version_check%' FROM wp_options WHERE option_name = 'cron'"
  expect(await host.say(`mariadb -BN blog -e "${cron}"`)).toBe('1\n')
  const due = `UPDATE wp_options SET option_value = REGEXP_REPLACE(option_value, 'i:[0-9]{10};a:', 'i:1000000000;a:') WHERE option_name = 'cron'`
  await host.say(`mariadb blog -e "${due}"; systemctl start ${job}`)
  await host.until(`[ "$(systemctl show -p ActiveState --value ${job})" = inactive ]`)
  expect(await host.say(`systemctl show -p Result -p ExecMainStatus --value ${job}`)).toBe('success\n0\n')
  const left = "SELECT option_value LIKE '%i:1000000000;a:%' FROM wp_options WHERE option_name = 'cron'"
  expect(await host.say(`mariadb -BN blog -e "${left}"`)).toBe('0\n')
})

it('Laravel shows its page, keeps a session, refuses a form without its token, and a worker does its job.', async () => {
  const desk = 'https://www.desk.example'
  const first = await get(`${desk}/`)
  expect(first).toMatchObject({ status: 200, body: expect.stringContaining('Visit 1 from') })
  const headers = { cookie: cookies(first) }
  expect((await get(`${desk}/`, { headers })).body).toContain('Visit 2 from')
  expect((await send(`${desk}/tickets`, { title: 'Help' }, headers)).status).toBe(419)
  const token = /name="_token" value="([^"]+)"/.exec(first.body)?.[1] ?? ''
  const sent = await send(`${desk}/tickets`, { title: 'Help', _token: token }, headers)
  expect([sent.status, sent.headers['location']]).toEqual([302, desk])
  const release = await liveRelease(host, 'desk')
  await expect
    .poll(async () => (await get(`${desk}/`)).body, { timeout: 30_000 })
    .toContain(`Help: by ${release}`)
  const caches = `/srv/www/desk/shared/storage/framework/releases/${release}`
  expect(
    await host.say(`cd ${caches} && ls -d *.php views/*.php | sed 's/[0-9a-f]\\{40\\}/HASH/' | sort -u`),
  ).toBe('events.php\npackages.php\nroutes.php\nservices.php\nviews/HASH.php\n')
})

it('Laravel’s scheduler runs each minute, and visitors get what it has put into storage.', async () => {
  const release = await liveRelease(host, 'desk')
  await expect
    .poll(async () => (await get('https://www.desk.example/storage/ran.txt')).body, { timeout: 90_000 })
    .toBe(release)
})

it('Django answers, and its admin has its styles and lets a user in.', async () => {
  const shop = 'https://www.shop.example'
  expect(await get(`${shop}/health`)).toMatchObject({ status: 200, body: expect.stringMatching(/^ok 2/) })
  const login = await get(`${shop}/admin/login/`)
  expect(login.status).toBe(200)
  const style = /href="(\/static\/admin\/css\/base\.[0-9a-f]+\.css)"/.exec(login.body)?.[1]
  expect(await get(`${shop}${style}`)).toMatchObject({
    status: 200,
    headers: { 'cache-control': 'public, max-age=31536000, immutable' },
  })
  writeFileSync(
    join(folder, 'apps.yml'),
    JSON.stringify({ vars, hosts: { [host.name]: { connection: 'sandbox', debian: 12 } } }),
  )
  // Without the prompt of createsuperuser.
  const user =
    "from django.contrib.auth.models import User; User.objects.create_superuser('ann', password='of-ann')"
  const app = ['scripts/app.mjs', '-i', join(folder, 'apps.yml'), '--site', 'shop', 'exec', '--']
  execFileSync(process.execPath, [...app, '/usr/bin/python3', 'manage.py', 'shell', '-c', user], {
    cwd: root,
  })
  const token = /name="csrfmiddlewaretoken" value="([^"]+)"/.exec(login.body)?.[1] ?? ''
  const form = { username: 'ann', password: 'of-ann', csrfmiddlewaretoken: token, next: '/admin/' }
  const done = await send(`${shop}/admin/login/`, form, {
    ...{ cookie: cookies(login), referer: `${shop}/admin/login/` },
  })
  expect([done.status, done.headers['location']]).toEqual([302, '/admin/'])
})

it.each(['wiki', 'api'] as const)(
  'The app %s answers with its release, and knows that it is asked by HTTPS.',
  async site => {
    const { status, body } = await get(`https://www.${site}.example/`)
    expect([status, JSON.parse(body)]).toEqual([
      200,
      { release: await liveRelease(host, site), secure: true },
    ])
  },
)

it('Each site has its own name, certificate, user and version of Node.', async () => {
  expect((await get('https://www.docs.example/')).body).toBe('the docs')
  expect((await get('https://www.live.example/')).body).toMatch(new RegExp(`^v${version} 2`))
  expect(await host.say('node --version')).toMatch(/^v18/)
  const users = await host.say(
    "ps -eo user:20,args | awk '/server.js|gunicorn|puma|php-fpm: pool/ { print $1 }' | sort -u",
  )
  expect(
    users
      .trim()
      .split('\n')
      .filter(name => name !== 'root'),
  ).toEqual(['api', 'blog', 'desk', 'live', 'shop', 'wiki'])
  for (const site of sites) {
    const served = `openssl s_client -connect 127.0.0.1:443 -servername www.${site}.example </dev/null 2>/dev/null`
    const named = await host.say(`${served} | openssl x509 -noout -ext subjectAltName`)
    expect(named.match(/DNS:\S+(?=,|$)/gm)?.toSorted()).toEqual([
      `DNS:${site}.example`,
      `DNS:www.${site}.example`,
    ])
  }
})

it.each(sitesWithProcesses)(
  'From inside the process of %s, nothing of another site can be read or reached.',
  async site => {
    const foreign = sites.filter(name => name !== site)
    const told = await inside(site, foreign)
    const { reads, connects, own, databases } = JSON.parse(told)
    expect({ reads, connects }).toEqual({ reads: [], connects: [] })
    // The same questions, of itself, are answered with yes: what asks them can tell.
    const readable = ['current/', 'shared/readable'].map(path => `/srv/www/${site}/${path}`)
    expect(own).toEqual(expect.arrayContaining([...readable, 'socket', 'environment', 'temporary folder']))
    if (site === 'api') expect(own).toContain('port')
    const names = databases.filter((name: string) => name !== 'information_schema')
    expect(names).toEqual('database' in (vars['sites'] as Record<Name, object>)[site] ? [site] : [])
  },
)

it('All are deployed twice and rolled back at the same time while visitors ask, and no request is lost.', async () => {
  const visitors = sites.map(site => visit(site))
  const atOnce = (script: 'deploy' | 'rollback') =>
    Promise.all(
      sites.map(async site => {
        const { exitCode, stdout, stderr } = await runSite({
          ...{ script, hosts: host, vars, args: ['--site', site], seconds: 300 },
        })
        expect(exitCode, `${site}: ${stdout.slice(-3000)}${stderr}`).toBe(0)
      }),
    )
  for (const round of ['second', 'third']) {
    for (const site of sites) writeFileSync(join(folder, 'apps', site, `${round}.txt`), round)
    await atOnce('deploy')
  }
  await atOnce('rollback')
  for (const [index, visitor] of visitors.entries()) {
    const { failures, requests, releases } = await visitor.stop()
    console.log(`${sites[index]}: ${requests} requests, ${Object.keys(failures).length} lost`)
    expect(failures, sites[index]).toEqual({})
    expect(requests).toBeGreaterThan(50)
    if (naming.has(sites[index] ?? '')) expect(Object.keys(releases).length, sites[index]).toBe(3)
  }
})

it.each(['memory', 'processes'] as const)(
  'A site that takes all the %s it can get leaves the others answering.',
  async what => {
    const rest = sites.filter(site => site !== 'live')
    const quiet = await measured(rest, 5)
    const began = (await host.say('date +%s')).trim()
    const bomb = get(`https://www.live.example/${what}`)
    const measuring = measured(rest, 15)
    const most: number[] = []
    for (let n = 0; n < 10; n++) most.push(await taken(what))
    const hungry = await measuring
    await bomb.catch(() => {})
    console.log(`${what}: p99 of the others`, quiet, 'then', hungry, 'at most', Math.max(...most))
    // What takes too much memory is killed at once and started again: it is not seen at its limit.
    if (what === 'processes') expect(Math.max(...most)).toBeGreaterThan(limits.processes / 2)
    else
      expect(await host.say(`journalctl --sync; journalctl -u 'live@*' --since @${began} -o cat`)).toContain(
        'status=9/KILL',
      )
    for (const [site, took] of Object.entries(hungry))
      expect(took, site).toBeLessThan(1000 + 4 * (quiet[site] ?? 0))
    // It is itself again once what it started is gone.
    await host.say('systemctl restart live.service; systemctl restart "live@*"')
    await expect
      .poll(async () => (await get('https://www.live.example/')).status, { timeout: 30_000 })
      .toBe(200)
  },
)

// On cgroup v1, a container sees its own part of each hierarchy, in which systemd does not find its place, and sets no limits. A
// machine sees the whole.
const wholeCgroups = `[ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ] || { for each in cpu cpuacct memory pids; do
  umount /sys/fs/cgroup/$each; mount -t cgroup -o $each cgroup /sys/fs/cgroup/$each || exit; done; systemctl daemon-reexec; }`
const limits = { memory: 256 * 1024 ** 2, processes: 200 }

/** What the instance of the app has, in bytes or processes; a second passes with it. */
async function taken(what: keyof typeof limits): Promise<number> {
  const property = what === 'memory' ? 'MemoryCurrent' : 'TasksCurrent'
  const said = await host.say(`systemctl show -p ${property} --value "live@*"; sleep 1`)
  return Math.max(...said.split('\n').map(Number).filter(Number.isFinite))
}

/** Those whose path answers with the release. */
const naming = new Set<string>(['desk', 'wiki', 'api', 'live'])

function visit(site: Name) {
  const at = { address: '127.0.0.1', port: host.host.ports.https, connections: 2, keepAlive: true, pause: 50 }
  return startLoad({ ...at, domain: `www.${site}.example`, path: paths[site] })
}

/** The milliseconds in which 99 of 100 requests were answered, by site; fails where one was not. */
async function measured(of: readonly Name[], seconds: number) {
  const visitors = of.map(site => visit(site))
  await new Promise(resolve => setTimeout(resolve, seconds * 1000))
  const entries = await Promise.all(
    visitors.map(async (visitor, index) => {
      const { failures, answers } = await visitor.stop()
      expect(failures, of[index]).toEqual({})
      const took = answers.map(each => each.took).toSorted((a, b) => a - b)
      return [of[index] ?? '', Math.round(took[Math.floor(took.length * 0.99)] ?? Number.NaN)] as const
    }),
  )
  return Object.fromEntries(entries)
}

/** What a process of the site, as its unit has it, can read and reach of itself and of other sites, as JSON. */
async function inside(site: Name, foreign: readonly Name[]): Promise<string> {
  // A file that all could read, in the /tmp that each server has for itself and in each shared folder.
  const pids: Record<string, string> = {}
  for (const name of sitesWithProcesses)
    pids[name] = (
      await host.say(`unit=${name}@$(basename "$(readlink /srv/www/${name}/current)").service
for place in /tmp/systemd-private-*-$unit-*/tmp/of-${name} /srv/www/${name}/shared/readable; do
  echo x >$place; chmod 644 $place; ls $place >&2; done
systemctl show -p MainPID --value $unit`)
    ).trim()
  const port = (await host.say('sed s/PORT=// /srv/www/api/current/.capstan/port')).trim()
  const folders = ['', 'current/', 'releases/', 'shared/', 'shared/readable', 'cache/', 'current/run/']
  const of = (name: Name) => ({
    files: [
      ...folders.map(path => `/srv/www/${name}/${path}`),
      ...[`/etc/capstan/${name}/app.env`, `/etc/ssl/capstan/${name}.example/privkey.pem`, `/tmp/of-${name}`],
      ...[`/proc/${pids[name]}/environ`, `/proc/${pids[name]}/root/`],
    ],
    sockets: [`/srv/www/${name}/current/run/app.sock`, `/run/nginx-gate/${name}.sock`],
  })
  const given = { own: of(site), foreign: foreign.map(of), port: Number(port), site }
  await host.say(
    `cat >/run/inside.json <<'JSON'\n${JSON.stringify(given)}\nJSON\ncat >/run/inside.py <<'PY'\n${probe}\nPY\n`,
  )
  return host.say(insideScript(site, 'pipe', ['python3', '/run/inside.py']))
}

const probe = `import json, os, socket, subprocess
given = json.load(open("/run/inside.json"))
def reads(path):
    try:
        os.listdir(path) if path.endswith("/") else open(path, "rb").read(1)
        return True
    except OSError: return False
def connects(family, address):
    try:
        with socket.socket(family) as s:
            s.settimeout(2); s.connect(address)
        return True
    except OSError: return False
own = [path for path in given["own"]["files"] if reads(path)]
if any(connects(socket.AF_UNIX, path) for path in given["own"]["sockets"]): own.append("socket")
if reads("/proc/self/environ"): own.append("environment")
# Of those in /tmp and /var/tmp, it sees its own alone.
if [os.listdir("/tmp"), os.listdir("/var/tmp")] == [[], []]: own.append("temporary folder")
port = connects(socket.AF_INET, ("127.0.0.1", given["port"]))
if port and given["site"] == "api": own.append("port")
read = [path for each in given["foreign"] for path in each["files"] if reads(path)]
reached = [path for each in given["foreign"] for path in each["sockets"] if connects(socket.AF_UNIX, path)]
if port and given["site"] != "api": reached.append("port of api")
names = []
if "DB_NAME" in os.environ:
    e = os.environ
    out = subprocess.run(["mariadb", "--user=" + e["DB_USER"], "--socket=" + e["DB_SOCKET"], "-N", "-e", "SHOW DATABASES"],
        env={**e, "MYSQL_PWD": e["DB_PASSWORD"]}, capture_output=True, text=True, check=True).stdout
    names = out.split()
print(json.dumps({"reads": read, "connects": reached, "own": own, "databases": names}))`
