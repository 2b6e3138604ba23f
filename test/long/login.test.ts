import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connectSsh } from '#engine/connection/ssh.ts'
import type { SshTarget } from '#engine/connection/target.ts'
import { openWire } from '../connection/wire.ts'
import { type Machine, machine } from '../sandbox/machine.ts'

let on: Machine
let directory: string
beforeAll(async () => {
  on = await machine('login12', 12)
  directory = mkdtempSync(join(tmpdir(), 'capstan-login-'))
  await on.say('install -m 600 /root/.ssh/authorized_keys /root/.ssh/authorized_keys.ours')
}, 120_000)
afterAll(async () => {
  await on?.say('mv /root/.ssh/authorized_keys.ours /root/.ssh/authorized_keys')
  on?.close()
  rmSync(directory, { recursive: true })
})

function newKey(name: string, type = 'ed25519'): string {
  execFileSync('ssh-keygen', ['-qt', type, '-N', '', '-f', join(directory, name)])
  return join(directory, name)
}

async function authorize(key: string, options = ''): Promise<void> {
  const line = `${options}${readFileSync(`${key}.pub`, 'utf8').trim()}`
  await on.say(`{ cat /root/.ssh/authorized_keys.ours; echo '${line}'; } >/root/.ssh/authorized_keys`)
}

/** A host that is reached as ssh_config says, with these keys in this order. */
function target(keys: readonly string[], port = on.host.port): SshTarget {
  const { known_hosts: known, host_key_alias: alias } = on.through(port)
  const configFile = join(directory, 'config')
  writeFileSync(
    configFile,
    `IdentitiesOnly yes\nHostKeyAlias ${alias}\nUserKnownHostsFile ${known}\n${keys.map(key => `IdentityFile ${key}\n`).join('')}`,
  )
  return { host: on.name, address: '127.0.0.1', port, user: 'root', configFile, sudo: 'auto' }
}

async function waitsFor(keys: readonly string[]): Promise<number> {
  const wire = await openWire(on.host.port, { delay: 20 })
  try {
    const connection = await connectSsh(target(keys, wire.port))
    expect((await connection.run('echo one')).stdout.toString()).toBe('one\n')
    expect((await connection.run('echo two')).stdout.toString()).toBe('two\n')
    await connection.close()
    return wire.waits()
  } finally {
    wire.close()
  }
}

describe('a login and two scripts', () => {
  it.each(['ed25519', 'ecdsa', 'rsa'])('take eight waits with a key of type %s.', async type => {
    const key = newKey(`right-${type}`, type)
    await authorize(key)
    expect(await waitsFor([key])).toBeLessThanOrEqual(8)
  })

  it('take one more for each key that the host does not take.', async () => {
    const key = newKey('right')
    await authorize(key)
    const wrong = [newKey('wrong-1'), newKey('wrong-2', 'rsa')]
    expect(await waitsFor([...wrong, key])).toBeLessThanOrEqual(10)
  })
})

describe('a key that the host does not take', () => {
  it('is one of the six attempts that sshd allows, and no two.', async () => {
    const key = newKey('last')
    await authorize(key)
    const wrong = ['ed25519', 'ecdsa', 'rsa', 'ed25519', 'ecdsa'].map((type, index) =>
      newKey(`no-${index}`, type),
    )
    const connection = await connectSsh(target([...wrong, key]))
    expect((await connection.run('echo in')).stdout.toString()).toBe('in\n')
    await connection.close()
    await expect(connectSsh(target([...wrong, newKey('no-5'), key]))).rejects.toMatchObject({ exitCode: 4 })
  })
})

it('A command that sshd puts in the place of ours is told by the first script.', async () => {
  const key = newKey('forced')
  await authorize(key, 'command="echo this is no shell; exit 3" ')
  const connection = await connectSsh(target([key]))
  await expect(connection.run('true')).rejects.toMatchObject({
    code: 'no-shell',
    message: expect.stringContaining('exited with 3'),
    lines: ['this is no shell'],
  })
  await connection.close()
})
