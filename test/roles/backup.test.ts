import { describe, expect, it } from 'vitest'
import { declare } from '#engine/converge/testing.ts'
import { Secret } from '#engine/secret.ts'
import { credentials } from '#roles/backup/credentials.ts'
import { sftpServer } from '#roles/backup/repository.ts'
import backup from '#roles/backup/role.ts'
import { parseSnapshots, parseTime, snapshotAfter, snapshotBefore } from '#roles/backup/snapshots.ts'
import vars from '#roles/backup/vars.ts'

const password = 'correct horse'
const sftp = {
  repository: 'sftp://keeper@store.test:2222//srv/backup/',
  ssh: { hostKeys: ['ssh-ed25519 AAAAC3Nz'] },
}
const declared = (given: object = {}) =>
  declare(backup, { vars: { repository: '/mnt/backup', password, ...given } })
const labels = (given: object) => declared(given).resources.map(({ label }) => label)

describe('the backup role', () => {
  it('declares without a repository that the host does not back up by itself', () => {
    expect(declare(backup, { vars: {} }).resources.map(({ label }) => label)).toEqual([
      'service capstan-backup.timer',
      'unit capstan-backup.timer',
      'unit capstan-backup.service',
      'file /etc/capstan-backup/credentials',
    ])
  })

  it('stores credentials only where the host backs up by itself', () => {
    const [without, by] = [labels({}), labels({ at: '02:30' })]
    expect(without).toContain('file /etc/capstan-backup/credentials')
    expect(JSON.stringify(declared().resources)).not.toContain(Buffer.from(password).toString('base64'))
    expect(by).toContain('unit capstan-backup.timer')
    expect(declared({ at: '02:30' }).text('/etc/capstan-backup/credentials')).toBe(
      `RESTIC_PASSWORD ${Buffer.from(password).toString('base64')}\n`,
    )
  })

  it.each([
    ['a folder', 'folder', {}],
    [
      'sftp',
      'sftp',
      { ...sftp, folders: ['/srv/mail'], exclude: ["it's *.tmp"], databases: ['wiki'], forget: false },
    ],
  ])('writes a readable configuration for %s', async (_, name, given) => {
    await expect(declared(given).text('/etc/capstan-backup/backup.conf')).toMatchFileSnapshot(
      `backup/${name}.conf`,
    )
  })

  it('pins the host keys of an sftp server, by its port', () => {
    expect(declared(sftp).text('/etc/capstan-backup/known_hosts')).toBe(
      '[store.test]:2222 ssh-ed25519 AAAAC3Nz\n',
    )
  })
})

describe('vars of the backup role', () => {
  it.each([
    [
      'a repository without a password',
      { repository: '/mnt/backup' },
      /^repository: expected backup\.password beside it/,
    ],
    ['a relative folder', { repository: 'backup', password }, /^repository: expected a restic repository/],
    [
      'sftp without host keys',
      { ...sftp, password, ssh: {} },
      /^repository: expected the host keys of the storage host in backup\.ssh\.hostKeys/,
    ],
    [
      'sftp without a user',
      { ...sftp, password, repository: 'sftp://store.test//srv' },
      /^repository: expected sftp:\/\/user@host/,
    ],
    ['a time that is none', { repository: '/mnt/backup', password, at: '25:00' }, /^at: expected a time/],
  ])('refuse %s', (_, given, message) => {
    const parsed = vars.parse(given)
    if (parsed.ok) throw new Error('it was accepted')
    expect(parsed.problems.map(one => `${one.path.join('.')}: ${one.message}`).join('\n')).toMatch(message)
  })

  it('give all credentials to the program, whatever characters they have', () => {
    const odd = 'a b$c\'d"é\n\\'
    const parsed = vars.parse({
      repository: '/mnt/b',
      password,
      environment: { AWS_SECRET_ACCESS_KEY: 'x y=z' },
      ssh: { key: odd },
    })
    if (!parsed.ok) throw new Error('refused')
    const lines = credentials(parsed.value).reveal().trimEnd().split('\n')
    const read = lines
      .map(line => line.split(' '))
      .map(([name, value = '']) => [name, Buffer.from(value, 'base64').toString()])
    expect(read).toEqual([
      ['RESTIC_PASSWORD', password],
      ['AWS_SECRET_ACCESS_KEY', 'x y=z'],
      ['SSH_KEY', odd],
    ])
    expect(credentials(parsed.value)).toBeInstanceOf(Secret)
  })
})

describe('backups', () => {
  const all = parseSnapshots([
    { id: 'b', time: '2026-11-27T02:30:00.123456789Z', paths: [] },
    { id: 'a', time: '2026-11-26T03:30:00+01:00', paths: ['/srv'] },
  ])

  it.each([
    [undefined, 'b', 'none'],
    ['2026-11-28 00:00', 'b', 'none'],
    // A dump may have changes of the second that the snapshot is named after, and its logs have all of them.
    ['2026-11-27 02:30:00', 'a', 'b'],
    ['2026-11-27 02:00', 'a', 'b'],
    ['2026-11-26 03:30:01+01:00', 'a', 'b'],
  ])('a restore to %s begins with %s and finds its logs in %s', (text, before, after) => {
    const at = text === undefined ? undefined : parseTime(text)
    expect(snapshotBefore('web1', all, at).id).toBe(before)
    if (at) expect(snapshotAfter(all, at)?.id ?? 'none').toBe(after)
  })

  it('a time before the first one is refused with that of the first', () => {
    const early = parseTime('2026-11-01 00:00')
    expect(() => snapshotBefore('web1', all, early)).toThrow(
      'web1: its first backup is of 2026-11-26 02:30:00 UTC',
    )
    expect(() => snapshotBefore('web1', [], undefined)).toThrow('web1: it has no backup')
  })

  it.each([
    ['2026-11-27 02:30', '2026-11-27T02:30:00.000Z'],
    ['2026-11-27T02:30:07Z', '2026-11-27T02:30:07.000Z'],
    ['2026-11-27 02:30:07 UTC', '2026-11-27T02:30:07.000Z'],
    ['2026-11-27 02:30:07+02:00', '2026-11-27T00:30:07.000Z'],
    ['2026-13-27 02:30', undefined],
    ['yesterday', undefined],
    ['2026-11-27', undefined],
  ])('the time %s is %s', (text, time) => {
    expect(parseTime(text)?.toISOString()).toBe(time)
  })
})

it.each([
  ['sftp://keeper@store.test//srv', { host: 'store.test', port: 22, user: 'keeper' }],
  ['sftp://keeper@[fd00::1]:2222//srv', { host: 'fd00::1', port: 2222, user: 'keeper' }],
  ['sftp:keeper@store.test:/srv', undefined],
  ['sftp://-oProxyCommand=x@store.test//srv', undefined],
])('%s', (repository, server) => {
  expect(sftpServer(repository)).toEqual(server)
})
