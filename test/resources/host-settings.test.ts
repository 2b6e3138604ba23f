import { describe, expect, it } from 'vitest'
import type { WantedEdit } from '#engine/resources/edit.ts'
import { declared, type Nouns } from './nouns.ts'

/** What the first edit that is declared makes of a text. */
function edited(text: string, tasks: (nouns: Nouns) => void): string {
  const edit = declared(tasks).find(one => 'edit' in (one.wanted as object))
  if (!edit) throw new Error('no edit was declared')
  return (edit.wanted as WantedEdit).edit(text).text
}

describe('an edit of a file of the system', () => {
  it.each<[string, string, (nouns: Nouns) => void, string]>([
    [
      'hosts: adds a line',
      '127.0.0.1 localhost\n',
      n => n.hosts('db', { address: '10.0.0.5', aliases: ['d.x'] }),
      '127.0.0.1 localhost\n10.0.0.5\tdb d.x\n',
    ],
    [
      'hosts: takes the name from others of its family',
      '10.0.0.1 a DB # c\n::1 db\n',
      n => n.hosts('db', { address: '10.0.0.5' }),
      '10.0.0.1\ta # c\n::1 db\n10.0.0.5\tdb\n',
    ],
    [
      'hosts: removes a line whose names all went',
      '10.0.0.1 db\n',
      n => n.hosts('db', { address: '10.0.0.5' }),
      '10.0.0.5\tdb\n',
    ],
    [
      'hosts: knows a line by its words',
      '10.0.0.5   db\td.x # mine\n',
      n => n.hosts('db', { address: '10.0.0.5', aliases: ['d.x'] }),
      '10.0.0.5   db\td.x # mine\n',
    ],
    ['hosts: leaves comments', '# 10.0.0.1 db\n#db\n', n => n.hosts.absent('db'), '# 10.0.0.1 db\n#db\n'],
    [
      'hosts: removes a name of both families',
      '10.0.0.1 db a\n::1 a db\n',
      n => n.hosts.absent('db'),
      '10.0.0.1\ta\n::1\ta\n',
    ],
    [
      'mount: adds a line',
      '# c\n',
      n => n.mount('/a b', { device: 'LABEL=x y', type: 'ext4', options: 'noatime', pass: 2 }),
      '# c\nLABEL=x\\040y /a\\040b ext4 noatime 0 2\n',
    ],
    [
      'mount: replaces the line of the path, whatever its spaces',
      '/dev/a\t/x  ext4 ro 0 0\n/dev/b /y ext4 ro 0 0\n',
      n => n.mount('/x', { device: '/dev/c', type: 'xfs' }),
      '/dev/c /x xfs defaults 0 0\n/dev/b /y ext4 ro 0 0\n',
    ],
    [
      'mount: knows a line by its words',
      '/dev/c\t/x\txfs  defaults 0 0\n',
      n => n.mount('/x', { device: '/dev/c', type: 'xfs' }),
      '/dev/c\t/x\txfs  defaults 0 0\n',
    ],
    [
      'mount: removes a line, not its comment',
      '#/dev/c /x\n/dev/c /x xfs ro 0 0\n',
      n => n.mount.absent('/x'),
      '#/dev/c /x\n',
    ],
    ['hostname: is all of its file', 'old\n# x\n', n => n.hostname('web1.example.com'), 'web1.example.com\n'],
    [
      'locale: takes away the comment',
      '# de_AT.UTF-8 UTF-8\n# de_DE.UTF-8 UTF-8  \n',
      n => n.locale('de_DE.UTF-8'),
      '# de_AT.UTF-8 UTF-8\nde_DE.UTF-8 UTF-8\n',
    ],
    [
      'locale: of an older encoding',
      '# de_DE@euro ISO-8859-15\n',
      n => n.locale('de_DE'),
      '# de_DE@euro ISO-8859-15\nde_DE ISO-8859-1\n',
    ],
    [
      'locale: is no more generated',
      'de_DE.UTF-8 UTF-8 \nen_IE.UTF-8 UTF-8\n',
      n => n.locale.absent('de_DE.UTF-8'),
      'en_IE.UTF-8 UTF-8\n',
    ],
  ])('%s', (_title, before, tasks, after) => {
    expect(edited(before, tasks)).toBe(after)
    expect(edited(after, tasks)).toBe(after)
  })

  it.each<[string, (nouns: Nouns) => void, string]>([
    ['a name with a dash at its start', n => n.hostname('-x'), "expected a host's name"],
    ['a name of 65 characters', n => n.hostname(`${'a'.repeat(60)}.abcd`), 'of 64 characters at most'],
    ['a name of two lines', n => n.hosts('a\nb', { address: '::1' }), "expected a host's name"],
    ['an address that is none', n => n.hosts('a', { address: '10.0.0' }), 'expected an IP address'],
    ['a time zone that leads out', n => n.timezone('../../etc/passwd'), 'expected a time zone such as'],
    [
      'two time zones',
      n => {
        n.timezone('UTC')
        n.timezone('Europe/Berlin')
      },
      'is declared twice',
    ],
    ['an odd locale', n => n.locale('de_DE.UTF-8 UTF-8'), 'expected a locale such as'],
    ['the absence of C.UTF-8', n => n.locale.absent('C.UTF-8'), 'is a part of every Debian'],
    [
      'a second line of fstab',
      n => n.mount('/x', { device: 'a\nb', type: 'ext4' }),
      'expected one line of text as a device',
    ],
    [
      'options with a space',
      n => n.mount('/x', { device: 'a', type: 'ext4', options: 'ro 0 0' }),
      'expected options of a mount without spaces',
    ],
    [
      'an odd type',
      n => n.mount('/x', { device: 'a', type: '-t', options: 'ro' }),
      'expected a type of file system',
    ],
  ])('refuses %s', (_title, tasks, message) => {
    expect(() => declared(tasks)).toThrow(message)
  })
})

describe('mount', () => {
  const found = (type: string, options = 'rw,relatime') => ({ type, options: options.split(',') })
  const call = { device: '/dev/vdb', type: 'ext4', options: 'ro,data=ordered' }
  it.each<[Parameters<Nouns['mount']>[1], ReturnType<typeof found>, string]>([
    [call, found(''), "mount -t ext4 -o 'ro,data=ordered' -- /dev/vdb /x\n"],
    [call, found('xfs'), "umount -- /x\nmount -t ext4 -o 'ro,data=ordered' -- /dev/vdb /x\n"],
    [call, found('ext4'), 'mount -o remount,ro -- /x\n'],
    [call, found('ext4', 'ro,relatime'), ''],
    [
      { device: '/srv/a', type: 'none', options: 'bind,ro' },
      found('ext4'),
      'mount -o remount,bind,ro -- /x\n',
    ],
    [{ ...call, options: 'rw' }, found('ext4', 'ro,relatime'), 'mount -o remount,rw -- /x\n'],
  ])('%j where %j is found', (options, state, shell) => {
    const [one] = declared(n => n.mount('/x', options))
    const differences = one?.kind.diff(one.wanted, { other: '', ...state }) ?? []
    expect(differences.length > 0).toBe(shell !== '')
    if (shell) expect(one?.kind.apply(one.wanted, { other: '', ...state })).toContain(shell)
  })
})

describe('a mount', () => {
  const [one] = declared(n => n.mount('/srv/data', { device: '/dev/vdb1', type: 'ext4' }))
  const found = { type: 'ext4', options: ['rw'], other: '' }

  it('of another device differs, and is unmounted first', () => {
    const other = { ...found, other: '/dev/vdc1' }
    expect(one?.kind.diff(one.wanted, found)).toEqual([])
    expect(one?.kind.diff(one.wanted, other)).toEqual([
      { what: 'device', found: '/dev/vdc1', wanted: '/dev/vdb1' },
    ])
    expect(one?.kind.apply(one.wanted, other)).toMatch(/umount -- \/srv\/data\nmount -t ext4 /)
  })
})
