import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { tar } from '#engine/sandbox/tar.ts'

const archive = tar([
  { path: 'root/.ssh/', mode: 0o700 },
  { path: 'root/.ssh/authorized_keys', mode: 0o600, content: 'ssh-ed25519 é\n' },
  { path: 'etc/empty', mode: 0o444, content: '' },
  { path: 'etc/block', mode: 0o644, content: Buffer.alloc(512, 'x') },
])
const system = (...words: readonly string[]) =>
  execFileSync('tar', words, { input: archive, encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } })

describe('a tar archive', () => {
  it('is listed by tar with modes and sizes, all of it root’s', () => {
    const listed = system('-tv', '--numeric-owner', '-f', '-').trim().split('\n')
    const rows = listed.map(line => line.split(/\s+/))
    expect(rows.map(([mode, owner, size, ...rest]) => [mode, owner, size, rest.at(-1)])).toEqual([
      ['drwx------', '0/0', '0', 'root/.ssh/'],
      ['-rw-------', '0/0', '15', 'root/.ssh/authorized_keys'],
      ['-r--r--r--', '0/0', '0', 'etc/empty'],
      ['-rw-r--r--', '0/0', '512', 'etc/block'],
    ])
  })

  it('gives back what was put in', () => {
    expect(system('-xOf', '-', 'root/.ssh/authorized_keys')).toBe('ssh-ed25519 é\n')
    expect(system('-xOf', '-', 'etc/block')).toBe('x'.repeat(512))
  })

  it('has no path that would not fit its header', () => {
    expect(() => tar([{ path: 'x'.repeat(101), mode: 0o644 }])).toThrow('too long')
  })
})
