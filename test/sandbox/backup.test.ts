import { afterAll, beforeAll, expect, it } from 'vitest'
import { backupScripts } from './backup-host.ts'
import { kept } from './kept.ts'
import { type Machine, machine } from './machine.ts'

// What test/long/backup.test.ts shows at length: a database as it was between two writes, uploads, and what status.mjs says.
const vars = {
  site: { database: { password: 'of-hosts-that-are-kept' } },
  mysql: { bufferPool: '128m', binaryLogs: 2 },
  backup: { repository: '/srv/backups', password: 'the key of the backups' },
}
const { run, remove } = backupScripts({ backup12: 12 }, vars)
let host: Machine

beforeAll(async () => {
  host = await machine('backup12', 12, await kept('site', 12))
  const applied = await run('site')
  expect(applied.code, applied.out + applied.err).toBe(0)
})
afterAll(() => {
  remove()
  host?.close()
})

it('backs up, and restores a dropped database to a moment between two writes, and uploads', async () => {
  await host.say(`mariadb foobar -e "CREATE TABLE notes (n INT PRIMARY KEY); INSERT INTO notes VALUES (1)"
    mkdir -p /srv/www/foobar/shared/uploads && echo one >/srv/www/foobar/shared/uploads/one`)
  const { code, err } = await run('backup', 'now')
  expect(code, err).toBe(0)

  await host.say('mariadb foobar -e "INSERT INTO notes VALUES (2)"')
  const between = await host.say('sleep 1.1; date -u "+%F %T"; sleep 1.1')
  await host.say(`mariadb foobar -e "INSERT INTO notes VALUES (3)"; mariadb -e "DROP DATABASE foobar"
    rm -r /srv/www/foobar/shared/uploads; echo new >/srv/www/foobar/shared/new`)
  const restored = await run('restore', 'site', 'foobar', '--at', between.trim(), '--yes')
  expect(restored.code, restored.err).toBe(0)
  expect(await host.say('mariadb -NB foobar -e "SELECT n FROM notes"')).toBe('1\n2\n')
  expect(await host.say('cd /srv/www/foobar/shared && cat uploads/one new')).toBe('one\nnew\n')
  expect(await host.say('stat -c %U /srv/www/foobar/shared/uploads/one')).toBe(
    await host.say('stat -c %U /srv/www/foobar/shared'),
  )
  expect(await host.say('ls /var/backups | grep capstan || :; ls -d /run/capstan-backup* 2>&1 || :')).toMatch(
    /^ls: cannot access/,
  )
})

it('keeps the password off the host', async () => {
  const found = await host.run("grep -rlF 'the key of the backups' /etc /usr/local /var/lib /root /run /tmp")
  expect(found.stdout).toBe('')
})

it('verifies by a restore beside the live databases; status.mjs shows both', async () => {
  const { code, err } = await run('backup', 'verify')
  expect(code, err).toBe(0)
  expect(await host.say('mariadb -NB -e "SHOW DATABASES LIKE \'capstan%\'"')).toBe('')
  const status = await run('status')
  expect(status.out).toMatch(/backup +last backup 0 min ago\n +backup +last restore test 0 min ago/)
})
