import { describe, expect, it } from 'vitest'
import { declare, typicalSite } from '#engine/converge/testing.ts'
import { Secret } from '#engine/secret.ts'
import mysql from '#roles/mysql/role.ts'
import {
  bufferPool,
  hasStatistics,
  maxConnections,
  redoLog,
  temporaryTable,
  temporaryTables,
} from '#roles/mysql/sizes.ts'
import vars from '#roles/mysql/vars.ts'

const password = 'correct horse'

const declared = (given: object = {}, memory = 1966) =>
  declare(mysql, { vars: { password, ...given }, facts: { memory } })

const file = (given: object = {}, memory?: number) =>
  declared(given, memory).text('/etc/mysql/mariadb.conf.d/90-capstan.cnf')

describe('the mysql role', () => {
  it('declares the server, its files, and who may use it.', () => {
    const { resources, handlers } = declared()
    expect(
      resources.map(({ label, set, notify }) =>
        [label, ...notify.map(({ name }) => `→ ${name}`), ...(set ? [`(${set.name})`] : [])].join(' '),
      ),
    ).toEqual([
      'mysql server mariadb',
      'service mariadb.socket',
      'directory /etc/systemd/system/mariadb.service.d',
      'unit mariadb.service.d/capstan.conf → restart mariadb',
      'apt mariadb-server logrotate',
      'directory /var/lib/mysql-files',
      'directory /var/log/mysql',
      'template /etc/mysql/mariadb.conf.d/90-capstan.cnf → restart mariadb (MariaDB configuration)',
      'service mariadb',
      'listens mariadb 3306/tcp',
      'mysql user root@localhost',
      'mysql user root at any host but localhost',
      'mysql user anonymous at any host',
      'mysql database test',
      'mysql database foobar',
      'mysql user foobar@localhost',
      'mysql user foobar@127.0.0.1',
      'mysql user foobar at any host but localhost, 127.0.0.1',
      'mysql user that no role declares',
    ])
    expect(handlers.map(({ name }) => name)).toEqual(['restart mariadb'])
  })

  it.each([
    ['a host of 2 GiB', 'plain', {}],
    [
      'all that can be said',
      'further',
      { collation: 'utf8mb4_bin', bufferPool: '3g', maxConnections: 40, slowQuery: 0.25 },
    ],
  ])('writes a readable file for %s.', async (_, name, given) => {
    await expect(file(given)).toMatchFileSnapshot(`mysql/${name}.cnf`)
  })

  it('declares MySQL with its package, unit and files.', async () => {
    const { labels, handlers, text } = declared({ server: 'mysql' })
    expect(labels.filter(label => /mysql\b(?! (user|database))|mariadb/.test(label))).toEqual([
      'mysql server mysql',
      'directory /etc/systemd/system/mysql.service.d',
      'unit mysql.service.d/capstan.conf',
      'apt mysql-server logrotate',
      'directory /var/lib/mysql-files',
      'directory /var/log/mysql',
      'template /etc/mysql/mysql.conf.d/zz-capstan.cnf',
      'service mysql',
      'listens mysql 3306/tcp',
    ])
    expect(handlers.map(({ name }) => name)).toEqual(['restart mysql'])
    await expect(text('/etc/mysql/mysql.conf.d/zz-capstan.cnf')).toMatchFileSnapshot('mysql/mysql.cnf')
    const logged = declared({ server: 'mysql', binaryLogs: 7 }).text('/etc/mysql/mysql.conf.d/zz-capstan.cnf')
    expect(logged).toContain('\nlog_bin = binlog\nbinlog_expire_logs_seconds = 604800\n')
    expect(logged).not.toContain('disable_log_bin')
  })

  it.each([
    ['mysql', 'debian 12', '', 'mysql.server is mysql, and debian 12 has no MySQL'],
    [
      'mysql',
      'debian sid',
      'mariadb package\nmariadb data\n',
      'mariadb-server is installed and /var/lib/mysql has',
    ],
    ['mysql', 'debian sid', 'mariadb data\n', 'and /var/lib/mysql has the data of MariaDB'],
    ['mariadb', 'debian sid', 'mysql package\nmysql data\n', 'mysql.server is mariadb, and mysql-server is'],
  ] as const)('refuses %s on %s with “%s” before anything is changed.', (server, system, found, message) => {
    const [first] = declare(mysql, { vars: { password, server }, facts: { system } }).resources
    expect(() => first?.kind.parse(Buffer.from(found), [first.wanted])).toThrow(message)
  })

  it.each([
    ['mysql', 'debian sid', 'mysql package\nmysql data\n'],
    ['mariadb', 'debian 12', ''],
  ] as const)('takes %s on %s with “%s”.', (server, system, found) => {
    const [first] = declare(mysql, { vars: { password, server }, facts: { system } }).resources
    expect(first?.kind.parse(Buffer.from(found), [first.wanted])).toHaveLength(1)
  })

  it('lets declared hosts in over TLS, and no others.', async () => {
    const { resources, text } = declared({ listen: ['10.0.0.5'], from: ['localhost', '10.0.0.7'] })
    const wanted = (label: string) => resources.find(one => one.label === label)?.wanted
    expect(wanted('mysql user foobar@10.0.0.7')).toMatchObject({ tls: true })
    expect(wanted('mysql user foobar@localhost')).toMatchObject({ tls: false })
    expect(wanted('mysql certificate /etc/mysql/tls')).toEqual({
      names: 'DNS:web1,DNS:typical,IP:10.0.0.5',
    })
    expect(wanted('listens mariadb 3306/tcp')).toMatchObject({
      from: ['10.0.0.7'],
      sockets: [{ address: '127.0.0.1' }, { address: '10.0.0.5' }],
    })
    await expect(text('/etc/mysql/mariadb.conf.d/90-capstan.cnf')).toMatchFileSnapshot('mysql/remote.cnf')
  })

  it.each([
    [{ from: ['10.0.0.7'] }, 'mysql.from names 10.0.0.7, and mysql.listen is empty'],
    [{ listen: ['10.0.0.5'] }, 'mysql.listen is 10.0.0.5, and no site has another host in mysql.from'],
  ])('refuses one half of remote access: %j.', (given, message) => {
    expect(() => declared(given)).toThrow(message)
  })

  it.each([
    [
      'mariadb',
      'ubuntu 22.04',
      'mysql.listen is 10.0.0.5, and MariaDB of ubuntu 22.04 listens on one address only',
    ],
    ['mariadb', 'ubuntu 24.04', undefined],
    ['mysql', 'ubuntu 22.04', undefined],
  ] as const)(
    'lets other hosts connect to %s on %s if it takes a list of addresses.',
    (server, system, message) => {
      const on = () =>
        declare(mysql, {
          vars: { password, server, listen: ['10.0.0.5'], from: ['10.0.0.7'] },
          facts: { system },
        })
      if (message === undefined) expect(on().labels).toContain('mysql certificate /etc/mysql/tls')
      else expect(on).toThrow(message)
    },
  )

  it.each(['mariadb', 'mysql'] as const)(
    'starts %s after the addresses of mysql.listen are there.',
    server => {
      const path = `/etc/systemd/system/${server}.service.d/capstan.conf`
      const remote = declared({ server, listen: ['10.0.0.5'], from: ['10.0.0.7'] }).text(path)
      expect(remote).toContain('[Unit]\n')
      expect(remote).toMatch(/^Wants=network-online.target\nAfter=network-online.target\n\n\[Service\]$/m)
      expect(declared({ server }).text(path)).not.toContain('network-online')
    },
  )

  it('treats each way to write an address, and each address of the host itself, as one.', () => {
    const { labels, resources } = declared({ from: ['::1', '127.0.0.1', '0:0::1', 'localhost'] })
    expect(labels.filter(label => label.startsWith('mysql user foobar@'))).toEqual([
      ...['mysql user foobar@::1', 'mysql user foobar@127.0.0.1', 'mysql user foobar@localhost'],
    ])
    expect(resources.find(({ label }) => label === 'mysql user foobar@::1')?.wanted).toMatchObject({
      tls: false,
    })
    const remote = declared({ listen: ['FD00::5', 'fd00:0::5'], from: ['FD00:0:0::7'] })
    expect(remote.labels).toContain('mysql user foobar@fd00::7')
    expect(remote.text('/etc/mysql/mariadb.conf.d/90-capstan.cnf')).toContain(
      '\nbind_address = 127.0.0.1,fd00::5\n',
    )
  })

  it('names its vars where it reports accounts that no role declares.', () => {
    expect(declared().resources.at(-1)?.wanted).toMatchObject({
      advice: expect.stringMatching(/mysql\.removeUndeclared .* mysql\.keepAccounts/),
    })
  })

  it('keeps a database that the app itself calls test.', () => {
    const labels = declared({ database: 'test' }).resources.map(({ label }) => label)
    expect(labels.filter(label => label === 'mysql database test')).toHaveLength(1)
  })

  it('holds the password nowhere, neither as it is nor as a hash that prints.', () => {
    const { resources, handlers } = declared()
    const all = JSON.stringify([resources, handlers])
    expect(all).not.toContain(password)
    expect(all).not.toMatch(/\*[0-9A-F]{40}/)
  })
})

describe('the sizes by the memory of the host', () => {
  it.each([
    // MiB as the kernel counts them, for machines of ½ to 64 GiB.
    [256, '128m', 50],
    [478, '128m', 50],
    [966, '256m', 100],
    [1966, '512m', 200],
    [3915, '1024m', 400],
    [7936, '2048m', 500],
    [15_990, '4096m', 500],
    [32_100, '8192m', 500],
    [64_300, '16384m', 500],
    [2_000_000, '65536m', 500],
  ])('%i MiB: a pool of %s, %i connections.', (memory, pool, connections) => {
    expect(bufferPool(memory)).toBe(pool)
    expect(maxConnections(memory)).toBe(connections)
  })

  it.each([
    // 1 and 32 GiB.
    [966, ['96m', '16m', '64m', false]],
    [32_100, ['2048m', '64m', '1024m', true]],
  ])('%i MiB: a redo log, temporary tables and statistics of %j.', (memory, sizes) => {
    expect([redoLog(memory), temporaryTable(memory), temporaryTables(memory), hasStatistics(memory)]).toEqual(
      sizes,
    )
  })

  it('take at most two thirds of the memory together, with every connection at work.', () => {
    const MiB = (text: string) => Number(text.replace('m', ''))
    for (const memory of [966, 1966, 3915, 7936, 32_100]) {
      const all = MiB(bufferPool(memory)) + maxConnections(memory) * 3 + MiB(temporaryTables(memory))
      expect(all, `${memory} MiB`).toBeLessThan((memory * 2) / 3)
    }
  })

  it('stay where they are when a kernel takes a little more or less.', () => {
    for (const memory of [478, 966, 1966, 3915, 7936, 15_990])
      for (const other of [memory - 8, memory + 8])
        expect([bufferPool(other), maxConnections(other)]).toEqual([
          bufferPool(memory),
          maxConnections(memory),
        ])
  })
})

describe('the vars of mysql', () => {
  it.each([
    ['password', { password: 'abc' }],
    ['database', { database: 'a`b' }],
    ['user', { user: "a'b" }],
    ['from.0', { from: ['%'] }],
    ['from.0', { from: ['10.0.0.256'] }],
    ['from.0', { from: ['10.0.0.0/8'] }],
    ['from.0', { from: ['1:2:3:4:5:6:7:8:9'] }],
    ['from.0', { from: ['::ffff:10.0.0.7'] }],
    ['from.0', { from: ['fe80::7%eth0'] }],
    ['listen.0', { listen: ['eth0'] }],
    ['listen.0', { listen: ['0.0.0.0'] }],
    ['listen.0', { listen: ['::'] }],
    ['listen.0', { listen: ['0:0::0'] }],
    ['listen.0', { listen: ['127.0.0.1'] }],
    ['listen.0', { listen: ['127.0.1.1'] }],
    ['listen.0', { listen: ['::1'] }],
    ['listen.0', { listen: ['::ffff:127.0.0.1'] }],
    ['listen.0', { listen: ['fe80::5'] }],
    ['from', { from: [] }],
    ['privileges.0', { privileges: ['ALL PRIVILEGES'] }],
    ['privileges.0', { privileges: ['SUPER'] }],
    ['privileges', { privileges: [] }],
    ['collation', { collation: 'latin1_swedish_ci' }],
    ['collation', { collation: 'utf8mb4_bin\nlocal_infile=1' }],
    ['bufferPool', { bufferPool: '1 GiB' }],
    ['maxConnections', { maxConnections: 5 }],
    ['slowQuery', { slowQuery: -1 }],
    ['server', { server: 'postgres' }],
    ['keepAccounts.0', { keepAccounts: ['backup'] }],
    ['bind', { bind: '0.0.0.0' }],
  ])('refuse %s in %j.', (path, given) => {
    const parsed = vars.parse({ password, ...given }, typicalSite)
    expect(parsed.ok ? [] : parsed.problems.map(problem => problem.path.join('.'))).toEqual([path])
  })
})

it('Each site with a password has its database and its user, and no other has.', () => {
  const { labels } = declare(mysql, {
    site: { database: { name: 'shop', user: 'shop', password: new Secret('hunter22') } },
    further: [
      { site: { app: 'docs', database: { name: 'docs', user: 'docs', password: undefined } } },
      {
        site: { app: 'blog' },
        vars: { password: 'hunter23', database: 'blog_1', user: 'blog', from: ['localhost'] },
      },
    ],
  })
  expect(labels.filter(label => /^mysql (database|user) (shop|docs|blog)/.test(label))).toEqual([
    'mysql database shop',
    'mysql user shop@localhost',
    'mysql user shop@127.0.0.1',
    'mysql user shop at any host but localhost, 127.0.0.1',
    'mysql database blog_1',
    'mysql user blog@localhost',
    'mysql user blog at any host but localhost',
  ])
})
