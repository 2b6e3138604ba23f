import { createServer, type Server } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runHere, type SiteOptions } from '../sandbox/site.ts'

let server: Server
let contacts = 0
const hosts = () => {
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const host = { connection: 'ssh', address: '127.0.0.1', port, user: 'root' }
  return { web1: host, web2: host }
}

beforeAll(async () => {
  server = createServer(socket => {
    contacts += 1
    socket.destroy()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
})
afterAll(() => server.close())

const password = 'of-two-databases'
const run = (script: SiteOptions['script'], args: readonly string[], database: object = {}) => {
  contacts = 0
  const vars = { app: { database: { password, ...database } }, mysql: { password } }
  return runHere({ ...(script && { script }), hosts: hosts(), vars, args })
}

describe('Two hosts with one app and a database each', () => {
  it.each([
    ['site', undefined, []],
    ['deploy', 'deploy', ['--source', 'example']],
    ['rollback', 'rollback', []],
    ['releases', 'releases', ['list']],
    ['releases restart', 'releases', ['restart']],
  ] as const)('are refused by %s before anything is contacted', async (_name, script, args) => {
    const { exitCode, stderr } = await run(script, args)
    expect(stderr).toMatch(/foobar runs on web1 and web2, each with its own database/)
    expect(stderr).toContain('app.database.shared: true')
    expect([exitCode, contacts]).toEqual([2, 0])
  })

  it('are not refused where the run is limited to one of them', async () => {
    const { exitCode } = await run(undefined, ['-l', 'web1'])
    expect([exitCode, contacts > 0]).toEqual([4, true])
  })

  it('are not refused where their database is one', async () => {
    const { exitCode } = await run(undefined, [], { shared: true })
    expect([exitCode, contacts > 0]).toEqual([4, true])
  })
})
