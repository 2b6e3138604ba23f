import { describe, expect, it } from 'vitest'
import { Secret } from '#engine/secret.ts'
import { declared, type Nouns } from './nouns.ts'

const sha256 = 'a'.repeat(64)
const url = 'https://x.example/tool.tar.gz'
const commit = 'b'.repeat(40)
const repository = 'https://x.example/tool.git'

describe('what comes from elsewhere', () => {
  it.each<[string, (nouns: Nouns) => void, string]>([
    ['a short hash', n => n.download('/x', { url, sha256: 'abc' }), 'expected a sha256 of 64 hex digits'],
    [
      'an address that is an option',
      n => n.download('/x', { url: '-oX=y', sha256 }),
      'expected an address such as https://…',
    ],
    [
      'an address of two lines',
      n => n.download('/x', { url: `${url}\nx`, sha256 }),
      'expected an address such as https://…',
    ],
    [
      'a file of the host',
      n => n.download('/x', { url: 'file:///etc/shadow', sha256 }),
      'expected an address such as https://…',
    ],
    [
      'a secret in an address',
      n => n.download('/x', { url: `https://x.example/${new Secret('abcd')}`, sha256 }),
      'would be seen in the process list',
    ],
    ['a relative path', n => n.download('x', { url, sha256 }), 'expected an absolute path'],
    [
      'a zip',
      n => n.archive('/x', { url: 'https://x.example/a.zip', sha256 }),
      'expected the address of a tar archive',
    ],
    ['half a folder', n => n.archive('/x', { url, sha256, strip: 0.5 }), 'expected a number of folders'],
    ['an odd owner', n => n.archive('/x', { url, sha256, owner: 'a b' }), 'expected a name of small letters'],
    ['a branch', n => n.git('/x', { repository, commit: 'main' }), 'expected the whole id of a commit'],
    [
      'a helper of git',
      n => n.git('/x', { repository: 'ext::sh -c id', commit }),
      'expected the address of a repository',
    ],
    [
      'a path as a repository',
      n => n.git('/x', { repository: '/srv/tool.git', commit }),
      'expected the address of a repository such as https://… or file:///…, got "/srv/tool.git"',
    ],
    [
      'a repository that is an option',
      n => n.git('/x', { repository: '--upload-pack=id', commit }),
      'expected the address of a repository',
    ],
    ['a folder outside of the role', n => n.tree('/x', '..'), 'is outside of the role'],
    ['a folder that is not there', n => n.tree('/x', 'files/none'), 'no such file'],
  ])('refuses %s', (_title, tasks, message) => {
    expect(() => declared(tasks)).toThrow(message)
  })

  it('a folder of the role is its files, with their modes, in the order in which they can be made', () => {
    const all = declared(n => n.tree('/etc/x', 'files/tree', { prune: true }))
    expect(all.map(({ label, wanted }) => [label, (wanted as { mode?: string }).mode])).toEqual([
      ['directory /etc/x', '0755'],
      ['file /etc/x/one.conf', '0644'],
      ['directory /etc/x/sub', '0755'],
      ['directory /etc/x/sub/deeper', '0755'],
      ['file /etc/x/sub/deeper/bytes', '0644'],
      ["file /etc/x/sub/it's odd", '0644'],
      ['file /etc/x/sub/run', '0755'],
      ['tree /etc/x', undefined],
    ])
  })

  it('a hand edit of what was unpacked is found, another source too, and what was added is not', () => {
    const [one] = declared(n => n.archive('/opt/x', { url, sha256, strip: 1 }))
    const found = { type: 'directory', id: 'sha256 aaaaaaaaaaaa, strip 1', changed: '' }
    expect(one?.kind.diff(one.wanted, found)).toEqual([])
    expect(one?.kind.diff(one.wanted, { ...found, changed: 'bin/x' })).toEqual([
      { what: 'bin/x', found: 'changed', wanted: 'as it came' },
    ])
    expect(one?.kind.diff(one.wanted, { ...found, id: 'sha256 aaaaaaaaaaaa, strip 0' })).toHaveLength(1)
    expect(one?.kind.diff(one.wanted, { ...found, type: 'absent' })).toEqual([
      { what: 'state', found: 'absent', wanted: 'directory' },
    ])
  })
})
