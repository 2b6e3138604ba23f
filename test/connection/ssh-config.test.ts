import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest'
import { readSshConfig } from '#engine/connection/ssh-config.ts'
import type { SshTarget } from '#engine/connection/target.ts'

const directory = mkdtempSync(join(tmpdir(), 'capstan-ssh-config-'))
afterAll(() => rmSync(directory, { recursive: true }))
afterEach(() => vi.unstubAllEnvs())

function read(text: string, target: Partial<SshTarget> = {}) {
  const configFile = join(directory, 'config')
  writeFileSync(configFile, text)
  return readSshConfig({ host: 'web1', address: 'shop', sudo: 'auto', configFile, ...target })
}

describe('the configuration of a login', () => {
  it('is what ssh_config says of an alias', async () => {
    const text =
      'Host shop\nHostName 10.1.2.3\nPort 2222\nUser deploy\nIdentityFile ~/.ssh/%n\nIdentitiesOnly yes\nConnectTimeout 7\nAddressFamily inet6\nBindAddress 10.9.9.9\n'
    expect(await read(text)).toMatchObject({
      hostname: '10.1.2.3',
      port: 2222,
      user: 'deploy',
      identityFiles: [`${homedir()}/.ssh/shop`],
      identitiesOnly: true,
      hostKeyName: '[10.1.2.3]:2222',
      connectTimeout: 7,
      addressFamily: 6,
      bindAddress: '10.9.9.9',
      proxyCommand: undefined,
      proxyJump: undefined,
    })
  })

  it('is overruled by the inventory', async () => {
    const own = { port: 22, user: 'root', keyFile: '/k', knownHostsFile: '/a b/known', hostKeyAlias: 'Shop' }
    const config = await read('Port 2222\nUser deploy\nIdentityFile /other\nHostKeyAlias other\n', own)
    expect(config).toMatchObject({
      port: 22,
      user: 'root',
      identityFiles: ['/k'],
      identitiesOnly: true,
      userKnownHosts: ['/a b/known'],
      globalKnownHosts: [],
      hostKeyName: 'shop',
    })
  })

  it('is what ssh would say without any file, where it leaves nothing to say', async () => {
    const whole = { user: 'root', port: 2222, keyFile: '/k', knownHostsFile: '/known hosts' }
    const target: SshTarget = { host: 'web1', address: '127.0.0.1', sudo: 'auto', ...whole }
    const asked = await readSshConfig({ ...target, configFile: '/dev/null' })
    vi.stubEnv('PATH', '/nowhere')
    expect(await readSshConfig({ ...target, configFile: 'none' })).toEqual(asked)
  })

  it('takes the user from the address', async () => {
    expect(await read('', { address: 'ops@Shop.example' })).toMatchObject({
      user: 'ops',
      hostname: 'shop.example',
      hostKeyName: 'shop.example',
    })
  })

  it('takes an IPv6 address, which known_hosts has in brackets with a port', async () => {
    expect(await read('', { address: '::1' })).toMatchObject({ hostname: '::1', hostKeyName: '::1' })
    expect(await read('', { address: '::1', port: 2222 })).toMatchObject({ hostKeyName: '[::1]:2222' })
  })

  it('expands the tokens of a proxy command', async () => {
    const { proxyCommand } = await read('HostName db\nPort 5\nUser u\nProxyCommand nc %h %p %r %n %% %C\n')
    expect(proxyCommand).toBe('nc db 5 u shop % %C')
  })

  it.each([
    ['', '/run/agent', '/run/agent'],
    ['', '', undefined],
    ['IdentityAgent none\n', '/run/agent', undefined],
    ['IdentityAgent SSH_AUTH_SOCK\n', '/run/agent', '/run/agent'],
    ['IdentityAgent ~/own\n', '/run/agent', `${homedir()}/own`],
    ['IdentityAgent $SSH_AUTH_SOCK\n', '/run/agent', '/run/agent'],
  ])('finds the agent by %j with SSH_AUTH_SOCK=%j', async (text, socket, found) => {
    vi.stubEnv('SSH_AUTH_SOCK', socket)
    expect((await read(text)).agentSocket).toBe(found)
  })

  it.each(['-oProxyCommand=x', 'a;b', '$(id)', 'a b', '`id`', "a'b", 'a\nb'])(
    'is not asked for with %j as address or user',
    async name => {
      await expect(read('', { address: name })).rejects.toMatchObject({ code: 'address', exitCode: 2 })
      await expect(read('', { user: name })).rejects.toMatchObject({ code: 'address', exitCode: 2 })
    },
  )

  it('says what to install where there is no ssh', async () => {
    vi.stubEnv('PATH', directory)
    await expect(read('')).rejects.toMatchObject({ code: 'ssh-missing', exitCode: 4 })
  })
})
