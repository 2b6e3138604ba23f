import { afterAll, beforeAll, expect, it } from 'vitest'
import { type BackupPair, backupPair } from '../sandbox/backup-host.ts'

// What goes wrong with backups of web7 on store7 is noticed, and shown with what to do. These tests run in order.
let pair: BackupPair
const on = (...args: readonly string[]) => ['-l', 'web7', ...args]

beforeAll(async () => {
  pair = await backupPair('web7', 'store7')
  await pair.done('deploy', ...on())
  await pair.web.say('mariadb foobar -e "CREATE TABLE notes (n INT PRIMARY KEY)"')
  await pair.done('backup', ...on('now'))
})
afterAll(() => {
  pair?.remove()
  pair?.web.close()
  pair?.store.close()
})

const status = async () => (await pair.run('status', ...on())).out
it('A backup with another password is refused, and status.mjs shows it with what to do', async () => {
  pair.write({ password: 'another one' })
  await pair.refused(/the password does not open it/, 'backup', ...on('now'))
  await pair.refused(/the password does not open it/, 'backup', ...on('verify'))
  const shown = await status()
  expect(shown).toMatch(/backup +the last backup failed .*the password does not open it/)
  expect(shown).toMatch(/backup +the last restore test failed/)
  expect(shown).toMatch(/cure +npx zx scripts\/backup\.mjs -i .* now runs it again/)
  pair.write()
  await pair.done('backup', ...on('now'))
  await pair.done('backup', ...on('verify'))
  expect(await status()).toMatch(/backup +last backup \d min ago\n +backup +last restore test \d min ago/)
}, 600_000)

it('Damaged data is found by verify', async () => {
  const flip = () =>
    pair.store.say(`f=$(find /srv/backup/web7/data -type f -printf '%s %p\n' | sort -n | tail -1 | cut -d' ' -f2)
      chmod u+w "$f"; perl -e 'open F, "+<", shift or die; binmode F; sysseek F, 1000, 0; sysread F, $b, 1; sysseek F, 1000, 0;
      syswrite F, chr(ord($b) ^ 1)' "$f"`)
  await flip()
  await pair.refused(/restic check of .* exited with 1/, 'backup', ...on('verify'))
  expect(await status()).toMatch(/the last restore test failed/)
  await flip()
  await pair.done('backup', ...on('verify'))
}, 600_000)

it('A backup to a full target fails with the reason, and earlier backups are whole', async () => {
  await pair.store.say(`mkdir /srv/small; size=$(du -sk /srv/backup | cut -f1)
    mount -t tmpfs -o size=$((size + 2048))k tmpfs /srv/small; cp -a /srv/backup/. /srv/small; chown keeper /srv/small
    mount --bind /srv/small /srv/backup`)
  await pair.web.say('head -c 33554432 /dev/urandom >/srv/www/foobar/shared/large')
  await pair.refused(/the storage host could not write/, 'backup', ...on('now'))
  expect(await status()).toMatch(/the last backup failed .*could not write/)
  await pair.store.say('umount /srv/backup /srv/small')
  await pair.web.say('rm /srv/www/foobar/shared/large')
  await pair.done('backup', ...on('now'))
}, 600_000)

it('A backup to a target that is gone fails with the reason, and no new repository takes its place', async () => {
  await pair.store.say('mv /srv/backup /srv/gone; mkdir /srv/backup; chown keeper /srv/backup')
  await pair.refused(/there is no repository, or the target does not answer/, 'backup', ...on('now'))
  expect(await status()).toMatch(/the last backup failed/)
  expect(await pair.store.say('ls /srv/backup')).toBe('')
  await pair.store.say('rmdir /srv/backup; mv /srv/gone /srv/backup')
  // The login of this test goes on; new ones are refused.
  await pair.store.say('echo "DenyUsers keeper" >/etc/ssh/sshd_config.d/deny.conf; systemctl reload ssh')
  await pair.refused(/exited with 1/, 'backup', ...on('now'))
  await pair.store.say('rm /etc/ssh/sshd_config.d/deny.conf; systemctl reload ssh')
  await pair.done('backup', ...on('now'))
}, 600_000)
