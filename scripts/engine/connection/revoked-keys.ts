import { open, readFile } from 'node:fs/promises'
import { UnreachableError } from '../errors.ts'
import { openssh } from './openssh.ts'

/**
 * Whether the file of RevokedHostKeys has this key: lines of public keys, or a key revocation list (KRL), which ssh-keygen
 * reads. Throws UnreachableError where the file can't be read: as OpenSSH has it, no host is good then.
 * Source: ssh_config(5), RevokedHostKeys.
 */
export async function isRevoked(file: string, key: Buffer): Promise<boolean> {
  return (await isRevocationList(file)) ? isInList(file, key) : isInLines(file, key)
}

// Source: PROTOCOL.krl of OpenSSH, "KRL format".
const magic = Buffer.from('SSHKRL\n\0')

async function isRevocationList(file: string): Promise<boolean> {
  try {
    const handle = await open(file)
    try {
      const { buffer } = await handle.read(Buffer.alloc(magic.length), 0, magic.length, 0)
      return buffer.equals(magic)
    } finally {
      await handle.close()
    }
  } catch (error) {
    throw unreadable(file, [error instanceof Error ? error.message : String(error)])
  }
}

async function isInLines(file: string, key: Buffer): Promise<boolean> {
  const wanted = key.toString('base64')
  const lines = (await readFile(file, 'utf8')).split('\n')
  return lines.some(line => !line.startsWith('#') && line.split(/\s+/).includes(wanted))
}

// ssh-keygen names the key on stdout whatever it finds; its exit code is 1 for one that is revoked, and for a faulty list too.
async function isInList(file: string, key: Buffer): Promise<boolean> {
  const type = key.subarray(4, 4 + key.readUInt32BE(0)).toString('latin1')
  const script = 'printf "%s\\n" "$KEY" | exec ssh-keygen -Q -f "$1" /dev/stdin'
  const { exitCode, stdout, stderr } = await openssh('sh', ['-c', script, 'sh', file], {
    KEY: `${type} ${key.toString('base64')}`,
  })
  if (exitCode === 0 && / ok$/m.test(stdout)) return false
  if (/ REVOKED$/m.test(stdout)) return true
  throw unreadable(file, stderr.split('\n').filter(Boolean).slice(-6))
}

function unreadable(file: string, lines: readonly string[]): UnreachableError {
  return new UnreachableError(
    'known-hosts',
    `${file}: RevokedHostKeys can’t be read, so no host key is trusted`,
    {
      hint: 'Fix RevokedHostKeys in your ssh_config, or create the file: public keys, one per line, or a KRL.',
      lines,
    },
  )
}
