import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { environmentLogin } from '#engine/connection/environment-login.ts'
import { knownKeys } from '#engine/connection/known-hosts.ts'
import { readSshConfig } from '#engine/connection/ssh-config.ts'
import { mask } from '#engine/secret.ts'

const key = 'AAAAC3NzaC1lZDI1NTE5AAAAIBPtpQE1xctALkmw9fSJ4QyIoQCjE+7uf+RkKELZwNsU'
const salt = Buffer.alloc(20, 7)
const hashed = createHmac('sha1', salt).update('[192.0.2.1]:2222').digest('base64')
const target = { host: 'web1', address: '192.0.2.1', port: 2222, sudo: 'no' } as const

describe('a login that is given in the environment', () => {
  it('is taken out of it, so that no child inherits the key, and is masked line by line', () => {
    const environment: NodeJS.ProcessEnv = { CAPSTAN_SSH_KEY: '-----BEGIN-----\r\nAbCdEfGh\r\n-----END-----' }
    expect(environmentLogin(environment).key?.reveal()).toBe('-----BEGIN-----\nAbCdEfGh\n-----END-----\n')
    expect(environment).toEqual({})
    expect(environmentLogin(environment).key).toBeDefined()
    expect(mask('xAbCdEfGhx')).toBe('x***x')
  })

  it.each(['CAPSTAN_SSH_KEY', 'CAPSTAN_KNOWN_HOSTS'])(
    'stops where %s is empty, and says how to make it',
    name => {
      expect(() => environmentLogin({ [name]: '' })).toThrow(
        expect.objectContaining({
          code: 'login-missing',
          lines: expect.arrayContaining([expect.stringContaining('doctor.mjs')]),
        }),
      )
    },
  )
})

describe('known_hosts lines that are given', () => {
  it.each([
    ['plain', `[192.0.2.1]:2222 ssh-ed25519 ${key}`, 1],
    ['among others', `# mine\nother ssh-ed25519 ${key}\n[192.0.2.1]:2222 ssh-ed25519 ${key}`, 1],
    ['of another port', `[192.0.2.1]:22222 ssh-ed25519 ${key}`, 0],
    ['hashed', `|1|${salt.toString('base64')}|${hashed} ssh-ed25519 ${key}`, 1],
  ])('%s: are looked into, and no file is', async (_what, lines, found) => {
    const config = await readSshConfig({ ...target, knownHosts: lines })
    expect(await knownKeys(config)).toHaveLength(found)
  })

  it('give way to a file that the inventory names', async () => {
    const lines = `[192.0.2.1]:2222 ssh-ed25519 ${key}`
    const config = await readSshConfig({ ...target, knownHosts: lines, knownHostsFile: '/dev/null' })
    expect(await knownKeys(config)).toHaveLength(0)
  })
})
