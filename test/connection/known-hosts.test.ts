import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { fingerprint, hostKeyAlgorithms, type KnownKey, parseFound } from '#engine/connection/known-hosts.ts'

const ed25519 = 'AAAAC3NzaC1lZDI1NTE5AAAAIBPtpQE1xctALkmw9fSJ4QyIoQCjE+7uf+RkKELZwNsU'

describe('what ssh-keygen -F finds', () => {
  it('is read with its line, its marker and its type', () => {
    const output = [
      '# Host web1 found: line 3 ',
      `web1,10.0.0.1 ssh-ed25519 ${ed25519} a comment`,
      '# Host web1 found: line 7 REVOKED',
      `@revoked * ssh-ed25519 ${ed25519}`,
      '# Host web1 found: line 9 CA',
      `@cert-authority *.example ssh-ed25519 ${ed25519}`,
      '',
    ]
    expect(
      parseFound(output.join('\n'), 'f').map(({ key, ...rest }) => ({ ...rest, length: key.length })),
    ).toEqual([
      { file: 'f', line: 3, marker: undefined, type: 'ssh-ed25519', length: 51 },
      { file: 'f', line: 7, marker: 'revoked', type: 'ssh-ed25519', length: 51 },
      { file: 'f', line: 9, marker: 'cert-authority', type: 'ssh-ed25519', length: 51 },
    ])
  })
})

describe('the host-key algorithms that are asked for', () => {
  const known = (type: string, marker?: KnownKey['marker']): KnownKey => {
    return { file: 'f', line: 1, marker, type, key: Buffer.alloc(0) }
  }
  it.each<[string, readonly KnownKey[], string]>([
    ['begin with ed25519 where nothing is known', [], 'ssh-ed25519'],
    ['begin with RSA, by SHA-2, where an RSA key is known', [known('ssh-rsa')], 'rsa-sha2-512'],
    ['begin with the curve that is known', [known('ecdsa-sha2-nistp384')], 'ecdsa-sha2-nistp384'],
    ['heed no revoked key', [known('ssh-rsa', 'revoked')], 'ssh-ed25519'],
  ])('%s', (_title, keys, first) => {
    expect(hostKeyAlgorithms(keys)[0]).toBe(first)
    expect(hostKeyAlgorithms(keys)).not.toContain('ssh-rsa')
    expect(hostKeyAlgorithms(keys)).toHaveLength(6)
  })
})

it('prints a fingerprint as ssh-keygen does', () => {
  const told = execFileSync('ssh-keygen', ['-lf', '-'], { input: `ssh-ed25519 ${ed25519}\n` }).toString()
  expect(told.split(' ')[1]).toBe(fingerprint(Buffer.from(ed25519, 'base64')))
})
