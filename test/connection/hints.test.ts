import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { connectSsh } from '#engine/connection/ssh.ts'
import { inspectAll } from '#engine/deploy/candidates.ts'
import { HostDeploy } from '#engine/deploy/host-deploy.ts'
import type { AppState } from '#engine/deploy/inspect.ts'
import { checkSsh } from '#engine/doctor/ssh-checks.ts'
import { UnreachableError } from '#engine/errors.ts'
import { project } from '../inventory/project.ts'

/** A port of this machine on which nothing listens. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  const address = server.address()
  await new Promise(resolve => server.close(resolve))
  return typeof address === 'object' && address ? address.port : 0
}

test('Behind a jump host the hint names the alias and the jump host, not the address that would bypass it.', async () => {
  const port = await closedPort()
  const file = join(project({ known_hosts: '' }), 'ssh_config')
  writeFileSync(
    file,
    `Host web1\n  HostName 10.99.0.9\n  ProxyJump bastion\nHost bastion\n  HostName 127.0.0.1\n  Port ${port}\n`,
  )
  const login = connectSsh({ host: 'web1', address: 'web1', user: 'deploy', configFile: file, sudo: 'no' })
  await expect(login).rejects.toMatchObject({
    code: 'proxy',
    hint: `Try it by hand: ssh -v -F ${file} -l deploy web1. The connection goes through bastion: check that this host is up and accepts your key.`,
  })
})

test('doctor explains a port on which nothing listens.', async () => {
  const port = await closedPort()
  const checks = await checkSsh({ host: 'web1', address: '127.0.0.1', port, configFile: 'none', sudo: 'no' })
  expect(checks.find(({ what }) => what === 'port')).toMatchObject({
    state: 'failed',
    found: `127.0.0.1 port ${port}: nothing listens there (ECONNREFUSED)`,
    cure: expect.stringContaining('Check that sshd runs'),
  })
})

test('With one host of a deploy down, the others say why nothing was done on them.', async () => {
  const options = {
    ...{ run: { runId: 'r', who: 'ann@laptop', url: undefined }, wait: 0, emit: () => {} },
    stop: new AbortController().signal,
  }
  const settings = { app: 'shop' } as HostDeploy['settings']
  const connect = async () => Promise.reject(new Error('not in this test'))
  const deploys = ['web1', 'web2', 'web3'].map(name => new HostDeploy({ name, settings, connect }, options))
  const down = new UnreachableError('refused', 'web3: 127.0.0.1 port 22: nothing listens there')
  const inspected = await inspectAll(deploys, async ({ host }) => {
    if (host === 'web3') throw down
    return {} as AppState
  })
  expect(inspected).toBeUndefined()
  for (const [index, host] of ['web1', 'web2'].entries())
    expect(deploys[index]?.error).toMatchObject({
      code: 'others-failed',
      message: `${host}: nothing was done, because web3 failed`,
      lines: ['web3: 127.0.0.1 port 22: nothing listens there'],
    })
  expect(deploys[2]?.error).toBe(down)
})
