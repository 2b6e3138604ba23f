import { execFileSync, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { rootArchive } from '#engine/sandbox/archive.ts'

/** What GNU tar reads of an archive, a line an entry: `-rw-r--r-- 0/0 5 etc/hosts`. */
function listed(archive: Buffer): readonly string[] {
  const lines = execFileSync('tar', ['-tvf', '-', '--numeric-owner', '--full-time'], { input: archive })
  return lines
    .toString()
    .trim()
    .split('\n')
    .map(line => line.replace(/ +(\d+) \S+ \S+ /, ' $1 '))
}

test('an archive has files and directories of root, with their modes', () => {
  const archive = rootArchive([
    { path: 'root/.ssh', mode: 0o700 },
    { path: 'root/.ssh/authorized_keys', mode: 0o600, content: 'key\n' },
    { path: 'etc/machine-id', mode: 0o444, content: '' },
    { path: 'etc/hosts', mode: 0o644, content: 'é'.repeat(256) },
  ])
  expect(listed(archive)).toEqual([
    'drwx------ 0/0 0 root/.ssh/',
    '-rw------- 0/0 4 root/.ssh/authorized_keys',
    '-r--r--r-- 0/0 0 etc/machine-id',
    '-rw-r--r-- 0/0 512 etc/hosts',
  ])
})

// Only root can become another user.
test.each([
  ['077', 'the same user', ''],
  ['002', 'the same user', ''],
  ['022', 'user 1234', process.getuid?.() === 0 ? 'process.setgid(1234); process.setuid(1234)' : ''],
])('who makes it leaves no trace in it: umask %s, %s', (mask, _user, become) => {
  const typescript = JSON.stringify(join(import.meta.dirname, '../../scripts/typescript.mjs'))
  const script = `
    const { require } = await import(${typescript})
    const { rootArchive } = require('./engine/sandbox/archive.ts')
    process.umask(0o${mask})
    ${become}
    process.stdout.write(rootArchive([{ path: 'a', mode: 0o755 }, { path: 'a/b', mode: 0o644, content: 'b' }]))`
  const made = spawnSync(process.execPath, ['--input-type=module'], { input: script })
  expect(made.stderr.toString()).toBe('')
  expect(listed(made.stdout)).toEqual(['drwxr-xr-x 0/0 0 a/', '-rw-r--r-- 0/0 1 a/b'])
})

test('any content comes out of it as it went in', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2000 }), bytes => {
      const content = Buffer.from(bytes)
      const archive = rootArchive([
        { path: 'one', mode: 0o600, content },
        { path: 'two', mode: 0o600, content: 'end' },
      ])
      const read = (name: string) => execFileSync('tar', ['-xOf', '-', name], { input: archive })
      expect(read('one')).toEqual(content)
      expect(read('two').toString()).toBe('end')
    }),
    { numRuns: 20 },
  )
})

test.each(['a'.repeat(100), 'é', ''])('a path that its header cannot hold is refused: %j', path => {
  expect(() => rootArchive([{ path, mode: 0o600, content: '' }])).toThrow('wanted an ASCII path')
})
