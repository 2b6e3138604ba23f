import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Facts } from '#engine/converge/facts.ts'
import { declare, typicalSite } from '#engine/converge/testing.ts'
import { quotedForFile } from '#engine/resources/release/environment-file.ts'
import { Secret } from '#engine/secret.ts'
import type { Site } from '#engine/vars.ts'
import { kinds } from '#roles/app/kinds.ts'
import { pool } from '#roles/app/php.ts'
import { processes } from '#roles/app/python.ts'
import { appSettings } from '#roles/app/release.ts'
import app from '#roles/app/role.ts'
import vars from '#roles/app/vars.ts'
import { commandLine } from '#roles/app/workers.ts'

const facts: Partial<Facts> = { memory: 2048 }

const declared = (vars: unknown = {}, site: Partial<Site> = {}) => declare(app, { vars, site, facts })

interface WantedFile {
  readonly content?: Buffer
  readonly secret?: boolean
}

function wanted(label: string, given: unknown = {}, other: Partial<Site> = {}): WantedFile {
  const resource = declared(given, other).resources.find(each => each.label === label)
  return (resource?.wanted ?? {}) as WantedFile
}

const env = 'template /etc/capstan/foobar/app.env'
const password = new Secret('hunter22')

const versioned = {
  node: { listens: 'port', version: '22.11.0', sha256: '0123456789abcdef'.repeat(4), modules: ['mysql'] },
}

describe('the app role', () => {
  it('declares the runtime, the user, the folders, the environment and the units', () => {
    const { resources } = declared()
    expect(
      resources.map(({ label, set, notify }) =>
        [label, ...notify.map(({ name }) => `→ ${name}`), ...(set ? [`(${set.name})`] : [])].join(' '),
      ),
    ).toEqual([
      'link /etc/systemd/system/php8.2-fpm.service',
      'apt php8.2-fpm php8.2-cli php8.2-curl php8.2-mbstring php8.2-mysql php8.2-xml',
      'service php8.2-fpm.service',
      'directory /opt/php-8.2',
      'directory /opt/php-8.2/bin',
      'link /opt/php-8.2/bin/php',
      'directory /srv/www',
      'directory /etc/capstan',
      'user foobar',
      'directory /srv/www/foobar',
      'directory /srv/www/foobar/releases',
      'directory /srv/www/foobar/shared',
      'directory /srv/www/foobar/shared/storage',
      'directory /srv/www/foobar/shared/sessions',
      'directory /etc/capstan/foobar',
      'template /etc/capstan/foobar/app.env (foobar’s configuration)',
      'file /etc/capstan/foobar/runtime (foobar’s configuration)',
      'file /etc/capstan/foobar/packages (foobar’s configuration)',
      'file /etc/capstan/foobar/upstream (foobar’s configuration)',
      'template /etc/capstan/foobar/php-fpm.conf (foobar’s configuration)',
      'directory /etc/capstan/foobar/php (foobar’s configuration)',
      'template /etc/capstan/foobar/php/90-app.ini (foobar’s configuration)',
      'file /etc/capstan/foobar/gunicorn.conf.py (foobar’s configuration)',
      'file /etc/capstan/foobar/uwsgi.ini (foobar’s configuration)',
      'file /etc/capstan/foobar/websockets.cjs (foobar’s configuration)',
      'file /etc/capstan/foobar/wait-for-socket.pl (foobar’s configuration)',
      'file /etc/capstan/foobar/choose-port.pl (foobar’s configuration)',
      'file /etc/capstan/foobar/wait-for-port.pl (foobar’s configuration)',
      'unit foobar@.service',
      'unit foobar.service',
      'service foobar',
      'workers foobar',
      'release foobar',
    ])
  })

  it.each([
    ['app@.service', 'unit foobar@.service'],
    ['app.service', 'unit foobar.service'],
    ['php-fpm.conf', 'template /etc/capstan/foobar/php-fpm.conf'],
    ['90-app.ini', 'template /etc/capstan/foobar/php/90-app.ini'],
  ])('renders %s', async (golden, label) => {
    await expect(wanted(label).content?.toString()).toMatchFileSnapshot(`app/${golden}`)
  })

  it.each([
    ['gunicorn@.service', 'python', {}, 'unit foobar@.service'],
    ['gunicorn.conf.py', 'python', {}, 'template /etc/capstan/foobar/gunicorn.conf.py'],
    ['uwsgi@.service', 'python', { python: { server: 'uwsgi' } }, 'unit foobar@.service'],
    ['uwsgi.ini', 'python', { python: { server: 'uwsgi' } }, 'template /etc/capstan/foobar/uwsgi.ini'],
    ['node@.service', 'node', {}, 'unit foobar@.service'],
    ['websockets.cjs', 'node', {}, 'template /etc/capstan/foobar/websockets.cjs'],
    ['wait-for-socket.pl', 'node', {}, 'template /etc/capstan/foobar/wait-for-socket.pl'],
    ['static@.service', 'static', {}, 'unit foobar@.service'],
    ['node-port@.service', 'node', versioned, 'unit foobar@.service'],
    ['port@.service', 'node', versioned, 'unit capstan-port-foobar@.service'],
    ['port@.socket', 'node', versioned, 'unit capstan-port-foobar@.socket'],
    ['choose-port.pl', 'node', versioned, 'template /etc/capstan/foobar/choose-port.pl'],
    ['wait-for-port.pl', 'node', versioned, 'template /etc/capstan/foobar/wait-for-port.pl'],
  ] as const)('renders %s', async (golden, runtime, given, label) => {
    await expect(wanted(label, given, { runtime }).content?.toString()).toMatchFileSnapshot(`app/${golden}`)
  })

  it('has sites on different versions of Node, each from its official archive, and one archive for the same', () => {
    const of = (version: string, sha256: string) => ({ node: { version, sha256: sha256.repeat(64) } })
    const { resources, text } = declare(app, {
      facts,
      site: { runtime: 'node' },
      vars: of('22.11.0', 'a'),
      further: [
        { site: { app: 'blog', runtime: 'node' }, vars: of('24.1.0', 'b') },
        { site: { app: 'shop', runtime: 'node' }, vars: of('22.11.0', 'a') },
      ],
    })
    const archives = resources.filter(({ label }) => label.startsWith('archive '))
    expect(archives.map(({ label }) => label)).toEqual([
      'archive /opt/node-22.11.0',
      'archive /opt/node-24.1.0',
    ])
    expect(JSON.stringify(archives[1]?.wanted)).toContain(
      'https://nodejs.org/dist/v24.1.0/node-v24.1.0-linux-x64.tar.gz',
    )
    expect(resources.some(({ label }) => label.startsWith('apt '))).toBe(false)
    expect(text('/etc/systemd/system/blog@.service')).toContain('ExecStart=/opt/node-24.1.0/bin/node ')
    expect(text('/etc/capstan/blog/app.env')).toContain('PATH="/opt/node-24.1.0/bin:')
  })

  it.each([
    [
      { version: '22.11.0' },
      'sha256',
      'expected the sha256 of the archive, since version is set; got nothing',
    ],
    [
      { sha256: 'a'.repeat(64) },
      'version',
      'expected the version of the archive, since sha256 is set; got nothing',
    ],
  ])('refuses %j', (node, key, message) => {
    expect(vars.parse({ node }, typicalSite)).toEqual({
      ok: false,
      problems: [{ path: ['node', key], message }],
    })
  })

  const queue = { command: 'php bin/queue.php --tries=3' }
  const sweep = { command: ['bin/sweep', '50%', 'a "b" $c'], schedule: 'Mon..Fri *:0/5', stop: '1h' }

  it.each([
    ['worker@.service', 'unit foobar.queue@.service'],
    ['job@.service', 'unit foobar.sweep@.service'],
    ['job@.timer', 'unit foobar.sweep@.timer'],
    ['workers.service', 'unit foobar.service'],
  ])('renders %s', async (golden, label) => {
    const given = { workers: { queue, sweep } }
    await expect(wanted(label, given).content?.toString()).toMatchFileSnapshot(`app/${golden}`)
  })

  it('restarts workers when their definition changes, and confines them as it does the server', () => {
    const { resources } = declared({ workers: { queue, sweep } })
    const notified = (label: string) =>
      resources.find(each => each.label === label)?.notify.map(({ name }) => name)
    for (const unit of ['foobar.queue@.service', 'foobar.sweep@.service', 'foobar.sweep@.timer'])
      expect(notified(`unit ${unit}`)).toEqual(['restart the workers of foobar'])
    const sandboxOf = (label: string) =>
      wanted(label, { workers: { queue } }).content?.toString().split('# It reads its release')[1]
    expect(sandboxOf('unit foobar.queue@.service')).toBe(sandboxOf('unit foobar@.service'))
  })

  it('has another version of PHP beside that of Debian, and each site its own in its PATH', () => {
    const php = (version?: string) => ({ php: { extensions: ['curl'], ...(version && { version }) } })
    const { labels, text } = declare(app, {
      ...{ facts, vars: php() },
      further: [{ site: { app: 'blog' }, vars: php('8.3') }],
    })
    expect(labels).toEqual(
      expect.arrayContaining([
        'apt php8.2-fpm php8.2-cli php8.2-curl php8.3-fpm php8.3-cli php8.3-curl',
        'link /etc/systemd/system/php8.3-fpm.service',
        'link /opt/php-8.3/bin/php',
      ]),
    )
    expect(text('/etc/systemd/system/blog@.service')).toContain('ExecStart=/usr/sbin/php-fpm8.3 ')
    expect(text('/etc/capstan/blog/app.env')).toContain('PATH="/opt/php-8.3/bin:/usr/local/sbin:')
    expect(text('/etc/capstan/foobar/app.env')).toContain('PATH="/opt/php-8.2/bin:')
  })

  it.each([
    [['php', 'x'], '/usr/bin/env php "x"'],
    [['/usr/bin/php', 'x'], '/usr/bin/php "x"'],
    [['bin/x'], '/r/bin/x'],
    [['./x', ''], '/r/./x ""'],
    [
      ['/usr/bin/env', '%i', '$A', '${B}', '"', '\\', "'", ';', 'é'],
      '/usr/bin/env "%%i" "$$A" "$${B}" "\\"" "\\\\" "\'" ";" "é"',
    ],
  ])('writes the command %j as systemd reads it', (args, line) => {
    expect(commandLine(args, '/r')).toBe(line)
  })

  it.each([
    [{ command: 'echo "a b"' }, 'workers.w.command: expected a program and its arguments'],
    [{ command: 'a && b' }, 'workers.w.command: expected a program and its arguments'],
    [{ command: '+sh' }, 'workers.w.command: expected a program and its arguments'],
    [{ command: ['sh', '-c', 'a\nb'] }, 'workers.w.command: expected a program and its arguments'],
    [{ command: [] }, 'workers.w.command: expected a program and its arguments'],
    [
      {},
      'workers.w.command: expected a program and its arguments, as a list or as a line without quotes, $, | and the like, got nothing',
    ],
    [{ command: 'a', schedule: 'every day' }, 'workers.w.schedule: expected a calendar event of systemd'],
    [{ command: 'a', schedule: '*:0/5\nUser=root' }, 'workers.w.schedule: expected a calendar event'],
    [{ command: 'a', schedule: '%h' }, 'workers.w.schedule: expected a calendar event'],
    [{ command: 'a', stop: '0s' }, 'workers.w.stop: expected a duration such as 30s, 5m or 1h'],
    [{ command: 'a', when: 'daily' }, 'workers.w.when: unknown key'],
  ])('refuses the worker %j', (worker, problem) => {
    expect(() => declared({ workers: { w: worker } })).toThrow(problem)
  })

  it.each(['a.b', 'a b', 'A', '-a', 'a@b'])('refuses %j as the name of a worker', name => {
    expect(() => declared({ workers: { [name]: queue } })).toThrow('expected a name of at most 32')
  })

  it.each([
    ...[
      '*:0/5',
      'daily',
      'Mon',
      'Mon..Fri 04:30',
      'Sat,Sun 2026-*-01/7 1:02:03 Europe/Berlin',
      '*-*-01',
      'hourly UTC',
    ],
  ])('takes the schedule %j', schedule => {
    expect(
      wanted('unit foobar.w@.timer', { workers: { w: { command: 'a', schedule } } }).content?.toString(),
    ).toContain(`OnCalendar=${schedule}\n`)
  })

  it.each([
    ['python', {}, 'apt python3-gunicorn python3-pymysql'],
    ['python', { python: { server: 'uwsgi' } }, 'apt uwsgi-core uwsgi-plugin-python3 python3-pymysql'],
    ['node', { node: { modules: [] } }, 'apt nodejs'],
    ['node', {}, 'apt nodejs node-mysql'],
    ['static', {}, undefined],
  ] as const)('needs for %s %j: %s', (runtime, given, packages) => {
    const labels = declared(given, { runtime }).resources.map(({ label }) => label)
    expect(labels.find(label => label.startsWith('apt '))).toBe(packages)
    expect(labels.filter(label => label.startsWith('link '))).toEqual([])
  })

  it('confines every runtime alike', () => {
    const sandboxOf = (runtime: Site['runtime']) =>
      wanted('unit foobar@.service', {}, { runtime })
        .content?.toString()
        .split('# It reads its release')[1] ?? ''
    const alike = sandboxOf('php').trimEnd()
    expect(alike).toContain('ProtectSystem=strict')
    for (const runtime of ['python', 'node', 'static'] as const) expect(sandboxOf(runtime)).toContain(alike)
  })

  it('tells the app of its database, and keeps the file a secret', () => {
    const { content, secret } = wanted(env, { database: { password }, environment: { MODE: 'live', N: 3 } })
    expect(secret).toBe(true)
    expect(content?.toString().split('\n').slice(1)).toEqual([
      'DB_HOST="localhost"',
      'DB_SOCKET="/run/mysqld/mysqld.sock"',
      'DB_NAME="foobar"',
      'DB_USER="foobar"',
      'DB_PASSWORD="hunter22"',
      'MODE="live"',
      'N="3"',
      'PATH="/opt/php-8.2/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"',
      '',
    ])
  })

  it('tells it of none without a password, and lets the inventory’s own value win', () => {
    expect(wanted(env).content?.toString()).not.toContain('DB_')
    const given = { database: { password }, environment: { DB_HOST: 'db.internal' } }
    expect(wanted(env, given).content?.toString()).toContain('DB_HOST="db.internal"\nDB_SOCKET')
  })

  it('quotes values so that a shell reads them as they are', () => {
    const value = fc.string({ unit: 'binary' }).filter(text => !/[\p{Cc}\p{Cs}]/u.test(text))
    fc.assert(
      fc.property(fc.array(value, { maxLength: 20 }), values => {
        const script = values.map(each => `A=${quotedForFile(each)}; printf '%s\\n' "$A"\n`).join('')
        const read = execFileSync('/bin/sh', { input: script, env: { LC_ALL: 'C.UTF-8' } }).toString()
        expect(read).toBe(values.map(each => `${each}\n`).join(''))
      }),
      { numRuns: 50 },
    )
    expect(String(quotedForFile(password))).toBe('***')
  })

  it.each([
    [{ environment: { 'A B': 'x' } }, 'environment.A B: expected a variable’s name'],
    [{ environment: { A: 'x\ny' } }, 'environment.A: expected one line of text, a number'],
    [{ environment: { A: ['x'] } }, 'environment.A: expected one line of text, a number'],
    [{ php: { timeout: '500ms' } }, 'php.timeout: expected a duration such as 30s, 5m or 1h'],
    [{ runtime: 'php' }, 'runtime: unknown key'],
    [{ python: { application: 'wsgi' } }, 'python.application: expected a module and a name in it'],
    [{ python: { server: 'flask' } }, 'python.server: expected gunicorn or uwsgi, got "flask"'],
    [{ node: { entry: '../server.js' } }, 'node.entry: expected a file within the release'],
    [{ node: { modules: ['a b'] } }, 'node.modules.0: expected a module’s name'],
    [{ shared: ['../etc'] }, 'shared.0: expected a folder’s name'],
    [{ shared: ['.capstan'] }, 'shared.0: expected a folder’s name'],
    [{ release: { files: ['run/app.sock'] } }, 'release.files.0: expected another name than "run/app.sock"'],
    [{ release: { files: ['public'] } }, 'release.files.0: expected another name than "public"'],
    [{ php: { extensions: ['a b'] } }, 'php.extensions.0: expected the name of a php extension'],
  ])('refuses %j', (given, problem) => {
    expect(() => declared(given)).toThrow(problem)
  })

  it.each([
    ...[
      'NODE_OPTIONS',
      'NODE_ENV',
      'DB_HOST',
      'TZ',
      'LANG',
      'MALLOC_ARENA_MAX',
      'GUNICORN_CMD_ARGS',
      'ENV',
      'LDAP_HOST',
    ],
    ...['HTTP_PROXY', 'APP_KEY', 'RELEASE_NAME', 'REPORT', 'TMPDIR'],
  ])('takes the variable %s', name => {
    expect(wanted(env, { environment: { [name]: 'x' } }).content?.toString()).toContain(`${name}="x"\n`)
  })

  it.each([
    ...['APP', 'RELEASE', 'REF', 'HOW', 'PORT', 'PATH', 'HOME', 'USER', 'PYTHONPATH', 'PHP_INI_SCAN_DIR'],
    ...['LD_PRELOAD', 'LD_LIBRARY_PATH', 'LD_AUDIT', 'GLIBC_TUNABLES', 'BASH_ENV', 'NOTIFY_SOCKET'],
  ])('refuses the variable %s with the reason', name => {
    expect(() => declared({ environment: { [name]: 'x' } })).toThrow(
      new RegExp(`^environment.${name}: expected another name than "${name}", which \\w+ `),
    )
  })

  it.each(['run', 'public', 'deploy', 'sessions', 'maintenance'])(
    'refuses the shared folder %s with the reason',
    name => {
      expect(() => declared({ shared: ['storage', name] })).toThrow(
        `shared.1: expected another name than "${name}", which is `,
      )
    },
  )

  it('takes a file of public/ that is shared', () => {
    expect(() => declared({ release: { files: ['public/robots.txt', 'config/keys.json'] } })).not.toThrow()
  })

  it.each(['root', 'www-data', 'nginx', 'mysql', 'php8', 'systemd-resolve', 'ssh'])(
    'refuses an app that would take over the name %s',
    name => {
      expect(() => declared({}, { app: name })).toThrow(
        `site.app: expected a name that the system has no use for`,
      )
    },
  )
})

describe('the database that migrations count for', () => {
  const shop = { name: 'shop', user: 'shop', password: undefined }
  it.each<[string, unknown, Partial<Site>, string]>([
    ['the site’s', {}, { database: shop }, 'shop on /run/mysqld/mysqld.sock'],
    ['that of app.database.name', { name: 'orders' }, {}, 'orders on /run/mysqld/mysqld.sock'],
    ['that of app.database.socket', { socket: '/run/proxy.sock' }, {}, 'foobar on /run/proxy.sock'],
  ])('is %s', (_whose, database, other, named) => {
    const site = { ...typicalSite, ...other }
    const parsed = vars.parse({ database }, site)
    expect(parsed.ok && appSettings(parsed.value, site).database).toBe(named)
  })
})

describe('the size of the pool', () => {
  it.each([
    [
      { memory: 512, cpus: 1 },
      { most: 2, start: 2, leastIdle: 1, mostIdle: 2 },
    ],
    [
      { memory: 2048, cpus: 2 },
      { most: 12, start: 4, leastIdle: 2, mostIdle: 8 },
    ],
    [
      { memory: 65_536, cpus: 16 },
      { most: 256, start: 32, leastIdle: 16, mostIdle: 64 },
    ],
  ])('of %j is %j', (host, size) => {
    expect(pool(undefined, host)).toEqual(size)
  })

  it('is one that php-fpm takes, whatever the host and the var', () => {
    const host = fc.record({ memory: fc.nat(1_000_000), cpus: fc.integer({ min: 1, max: 512 }) })
    fc.assert(
      fc.property(fc.option(fc.integer({ min: 1, max: 1000 }), { nil: undefined }), host, (most, of) => {
        const size = pool(most, of)
        expect(size.leastIdle).toBeGreaterThanOrEqual(1)
        expect(size.start).toBeGreaterThanOrEqual(size.leastIdle)
        expect(size.mostIdle).toBeGreaterThanOrEqual(size.start)
        expect(size.most).toBeGreaterThanOrEqual(size.mostIdle)
      }),
    )
  })
})

describe('the number of processes', () => {
  it.each([
    [undefined, { memory: 512, cpus: 1 }, 2],
    [undefined, { memory: 2048, cpus: 2 }, 5],
    [undefined, { memory: 1024, cpus: 8 }, 2],
    [undefined, { memory: 65_536, cpus: 16 }, 33],
    [7, { memory: 512, cpus: 1 }, 7],
  ])('told %j on %j is %i', (told, host, number) => {
    expect(processes(told, host)).toBe(number)
  })
})

const examples = join(import.meta.dirname, '../../roles/app/examples')
const withAssets = Object.keys(kinds).filter(name => existsSync(join(examples, name, 'public/assets')))

describe.each(withAssets)('the example app of %s', runtime => {
  it('has assets whose names carry the hash of what they hold', () => {
    const assets = join(examples, runtime, 'public/assets')
    const names = readdirSync(assets)
    expect(names).toHaveLength(2)
    for (const name of names) {
      const hash = createHash('sha256')
        .update(readFileSync(join(assets, name)))
        .digest('hex')
      expect(name.split('.')[1]).toBe(hash.slice(0, 8))
    }
  })
})
