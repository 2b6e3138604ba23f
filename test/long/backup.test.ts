import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sandboxDown } from '#engine/sandbox/sandbox.ts'
import { startLoad } from '../deploy/load.ts'
import { type BackupPair, backupPair } from '../sandbox/backup-host.ts'
import { type Machine, machine, root } from '../sandbox/machine.ts'
import { ask } from '../sandbox/web-request.ts'

// web5 is backed up to store5 by sftp; web6 takes its place. These tests run in order.
let pair: BackupPair
let web: Machine
const run = (script: string, ...args: readonly string[]) => pair.run(script, ...args)
const done = (script: string, ...args: readonly string[]) => pair.done(script, ...args)
const refused = (message: RegExp, script: string, ...args: readonly string[]) =>
  pair.refused(message, script, ...args)
const on5 = (...args: readonly string[]) => ['-l', 'web5', ...args]
const rows = (table: string, host = web) =>
  host.say(`mariadb -NB foobar -e "SELECT n FROM ${table} ORDER BY n"`)
const dropKept = () =>
  web.say("mariadb -NBe \"SHOW DATABASES LIKE 'foobar\\_%'\" | xargs -I{} mariadb -e 'DROP DATABASE {}'")
/** A moment between two writes. */
const moment = async () => (await web.say('sleep 1.1; date -u "+%F %T"; sleep 1.1')).trim()

beforeAll(async () => {
  pair = await backupPair('web5', 'store5', ['web6'])
  web = pair.web
})
afterAll(() => {
  pair?.remove()
  web?.close()
  pair?.store.close()
})

describe('a database of 1 GiB, while the site serves', () => {
  const target = (path: string) => ({
    ...{ address: '127.0.0.1', port: web.host.ports.https, domain: 'www.foobar.com', path },
    ...{ connections: 2, keepAlive: true, pause: 50 },
  })

  it('is backed up, dropped, and restored to the moment between two writes', async () => {
    await done('deploy', ...on5())
    await web.say('mkdir -p /srv/www/foobar/shared/uploads; echo one >/srv/www/foobar/shared/uploads/one')
    // Bytes that do not compress.
    await web.say(
      `mariadb foobar -e "CREATE TABLE big (n INT PRIMARY KEY, body LONGBLOB); CREATE TABLE notes (n INT PRIMARY KEY)"
       i=0; while [ $i -lt 256 ]; do
         printf "INSERT INTO big VALUES (%s, FROM_BASE64('%s'));\n" $i "$(head -c 4194304 /dev/urandom | base64 -w 0)"
         i=$((i + 1))
       done | mariadb --max-allowed-packet=64M foobar`,
      1200,
    )
    const pages = startLoad(target('/'))
    const start = Date.now()
    await done('backup', ...on5('now'))
    const backedUp = Date.now()
    const { requests, failures } = await pages.stop()
    expect(failures).toEqual({})

    await web.say('mariadb foobar -e "INSERT INTO notes VALUES (1)"')
    const between = await moment()
    await web.say('mariadb foobar -e "INSERT INTO notes VALUES (2)"; mariadb -e "DROP DATABASE foobar"')
    const files = startLoad(target('/robots.txt'))
    const dropped = Date.now()
    await done('restore', ...on5('database', 'foobar', '--at', between, '-y'))
    const restored = Date.now()
    const during = await files.stop()
    expect(during.failures).toEqual({})
    expect(await rows('notes')).toBe('1\n')
    expect(await web.say('mariadb -NB foobar -e "SELECT COUNT(*), SUM(LENGTH(body)) FROM big"')).toBe(
      '256\t1073741824\n',
    )
    const seconds = (from: number, to: number) => Math.round((to - from) / 1000)
    console.log(
      `1 GiB: backup ${seconds(start, backedUp)} s and ${requests} pages, restore ${seconds(dropped, restored)} s and ${during.requests} files, none lost`,
    )
  }, 1_800_000)

  it('is replaced while pages read it, and the replaced one is kept', async () => {
    await web.say('mariadb foobar -e "DROP TABLE big; INSERT INTO notes VALUES (3)"')
    await done('backup', ...on5('now'))
    const before = await moment()
    await web.say('mariadb foobar -e "DELETE FROM notes"')
    const pages = startLoad(target('/'))
    const { out } = await done('restore', ...on5('site', 'foobar', '--at', before, '-y'))
    expect((await pages.stop()).failures).toEqual({})
    expect(await rows('notes')).toBe('1\n3\n')
    const keptAs = /kept as (foobar_before_\w+)/.exec(out)?.[1] ?? ''
    expect(
      await web.say(
        `mariadb -NB ${keptAs} -e "SELECT COUNT(*) FROM notes"; mariadb -e "DROP DATABASE ${keptAs}"`,
      ),
    ).toBe('0\n')
  }, 600_000)
})

describe('a restore', () => {
  it('across another restore is refused, by the logs of the host and by those of a later backup', async () => {
    await done('backup', ...on5('now'))
    const backedUp = await moment()
    await done('restore', ...on5('database', 'foobar', '-y', '--at', backedUp))
    // The backup after the restore is taken away: what is left is the one before it.
    const all = (await done('backup', ...on5('list'))).out.trim().split('\n')
    await pair.store.say(`rm /srv/backup/web5/snapshots/${all.at(-1)?.split(/ +/)[1]}*`)
    const across = await moment()
    const args = on5('database', 'foobar', '--at', across, '-y')
    await refused(/was itself restored at/, 'restore', ...args)
    await done('backup', ...on5('now'))
    await refused(/was itself restored at/, 'restore', ...args)
    expect(await rows('notes')).toBe('1\n3\n')
    await dropKept()
  })

  it('under another name leaves the live database alone, with triggers, views, routines and keys', async () => {
    await web.say(`mariadb foobar <<'X'
CREATE TABLE parent (n INT PRIMARY KEY);
CREATE TABLE child (n INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES parent (n));
CREATE TABLE \`odd \`\` 'name\` (n INT);
INSERT INTO parent VALUES (1); INSERT INTO child VALUES (1, 1);
CREATE VIEW sums AS SELECT SUM(n) AS n FROM notes;
CREATE PROCEDURE twice(n INT) SELECT n * 2;
CREATE TRIGGER positive BEFORE INSERT ON notes FOR EACH ROW SET NEW.n = ABS(NEW.n);
CREATE EVENT hourly ON SCHEDULE EVERY 1 HOUR DO DELETE FROM child WHERE n < 0;
X`)
    await done('backup', ...on5('now'))
    await done('restore', ...on5('database', 'foobar', '--as', 'foobar_copy', '-y'))
    await done('restore', ...on5('database', 'foobar', '-y'))
    for (const name of ['foobar', 'foobar_copy']) {
      const output = await web.say(`mariadb -NB ${name} -e "
        SELECT n FROM sums; CALL twice(4); INSERT INTO notes VALUES (-7); SELECT MAX(n) FROM notes; DELETE FROM notes WHERE n = 7;
        SHOW EVENTS; SHOW TABLES" | cut -f 1-3`)
      expect(output.split('\n')).toEqual(
        expect.arrayContaining([
          '4',
          '8',
          '7',
          "odd ` 'name",
          'child',
          'parent',
          `${name}\thourly\troot@localhost`,
        ]),
      )
      const orphan = await web.run(`mariadb ${name} -e "INSERT INTO child VALUES (2, 2)"`)
      expect(orphan.stderr).toMatch(/foreign key constraint fails/)
    }
    await dropKept()
  }, 600_000)

  it('across the drop of the live database changes nothing, and says to choose a time before', async () => {
    await web.say(
      'mariadb -e "CREATE DATABASE other; DROP DATABASE other"; mariadb foobar -e "INSERT INTO notes VALUES (4)"',
    )
    await web.say(
      'mariadb -e "USE foobar; DROP DATABASE foobar; CREATE DATABASE foobar"; mariadb foobar -e "CREATE TABLE fresh (n INT)"',
    )
    const after = await moment()
    await refused(/nothing was changed/, 'restore', ...on5('database', 'foobar', '--at', after, '-y'))
    expect(await web.say('mariadb -NB foobar -e "SHOW TABLES"')).toBe('fresh\n')
    expect(
      await web.say(
        "mariadb -NBe \"SHOW DATABASES LIKE 'capstan%'; SELECT user FROM mysql.user WHERE user LIKE 'capstan%'\"",
      ),
    ).toBe('')
    await done('restore', ...on5('database', 'foobar', '-y'))
    expect(await rows('notes')).toBe('1\n3\n')
  }, 600_000)

  it.each([
    ['a site that the host does not have', ['site', 'shop', '-y'], 2, /no site of the host is named shop/],
    ['a time that is none', ['all', '--at', 'monday', '-y'], 2, /--at: expected a time such as/],
    [
      'a time before the first backup',
      ['all', '--at', '2020-01-01 00:00', '-y'],
      1,
      /its first backup is of/,
    ],
    ['no terminal and no --yes', ['all'], 2, /expected --yes/],
    ['the backups of a host that has none', ['all', '--from', 'web9', '-y'], 1, /there is no repository/],
  ])('%s is refused', async (_, args, code, message) => {
    const ended = await run('restore', ...on5(...args))
    expect([ended.code, ended.err]).toEqual([code, expect.stringMatching(message)])
  })
})

describe('a server that is lost', () => {
  it('comes back from inventory and backup, with data and uploads, by the sequence of docs/backup.md', async () => {
    await web.say(
      'mariadb foobar -e "INSERT INTO notes VALUES (11)"; cd /srv/www/foobar/shared/uploads && echo two >two && chown foobar:foobar two',
    )
    await done('backup', ...on5('now'))
    web.close()
    await sandboxDown({ root, say: () => {}, names: ['web5'] })

    await done('site', ...on5())
    await done('restore', ...on5('all', '-y'))
    await done('deploy', ...on5())
    web = await machine('web5', 12)
    expect(await rows('notes')).toBe('1\n3\n11\n')
    expect(await web.say('cat /srv/www/foobar/shared/uploads/one /srv/www/foobar/shared/uploads/two')).toBe(
      'one\ntwo\n',
    )
    const page = await ask({ port: web.host.ports.https, url: 'https://www.foobar.com/' })
    expect(page.status).toBe(200)
    expect((await run('status', ...on5())).code).toBe(0)
    const second = await run('site', ...on5())
    expect(second.out + second.err).toMatch(/changed=0 .* trips=2/)
  }, 1_200_000)

  it('can be replaced by a host of another name', async () => {
    // Its accounts have other numbers than those of web5.
    const other = await machine('web6', 12)
    await other.say('useradd --system first && useradd --system second')
    await done('site', '-l', 'web6', '-t', 'base,nginx,app,mysql,backup')
    await done('restore', '-l', 'web6', 'all', '--from', 'web5', '-y')
    expect(await other.say('id -u foobar')).not.toBe(await web.say('id -u foobar'))
    expect(await rows('notes', other)).toBe('1\n3\n11\n')
    expect(
      await other.say('stat -c %U:%G /srv/www/foobar/shared/uploads/two; ls /srv/www/foobar/shared/uploads'),
    ).toBe('foobar:foobar\none\ntwo\n')
    other.close()
  }, 1_200_000)

  it('does not take the logs of another server for its own', async () => {
    const now = await moment()
    await refused(
      /no backup has the logs up to that time/,
      'restore',
      '-l',
      'web6',
      'database',
      'foobar',
      '--from',
      'web5',
      '--at',
      now,
      '-y',
    )
  })
})

describe('a host that backs up by itself', () => {
  it('does so by a timer, with the credentials where root alone reads them', async () => {
    pair.write({ at: '02:30' })
    await done('site', ...on5('-t', 'backup'))
    await web.say('rm -f /var/lib/capstan/backup/now.done; systemctl start capstan-backup.service', 300)
    expect(
      await web.say(
        'stat -c "%a %U" /etc/capstan-backup/credentials; systemctl is-enabled capstan-backup.timer',
      ),
    ).toBe('600 root\nenabled\n')
    expect((await run('status', ...on5())).out).toMatch(/backup +last backup 0 min ago/)
    pair.write()
    await done('site', ...on5('-t', 'backup'))
    expect(
      (await web.run('ls /etc/capstan-backup/credentials /etc/systemd/system/capstan-backup.timer')).stdout,
    ).toBe('')
  }, 600_000)
})
