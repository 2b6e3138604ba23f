import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sandboxDown } from '#engine/sandbox/sandbox.ts'
import { ask as askDns } from '../sandbox/dns-query.ts'
import { kept } from '../sandbox/kept.ts'
import { type Machine, machine, rebooted, root, sockets } from '../sandbox/machine.ts'
import { runHere } from '../sandbox/site.ts'
import { ask } from '../sandbox/web-request.ts'

const password = 'of-hosts-that-are-kept'
const vars = { mysql: { password, bufferPool: '128m' }, app: { database: { password } } }
const quiet = { root, say: () => {} }

describe.each([12, 13] as const)('a converged Debian %i host', debian => {
  const name = `reboot${debian}`
  let host: Machine
  const site = (args: readonly string[] = []) =>
    runHere({ hosts: { [name]: { connection: 'sandbox', debian } }, vars, args })
  const warnings = (run: Awaited<ReturnType<typeof site>>) =>
    run.lines.filter(line => line.event === 'warning').map(line => line.message)

  async function reboot(): Promise<void> {
    host = await rebooted(host)
    expect((await host.run('systemctl is-system-running')).stdout).toBe('running\n')
  }

  beforeAll(async () => {
    await sandboxDown({ ...quiet, names: [name] }).catch(() => {})
    host = await machine(name, debian, await kept('site', debian))
    const first = await site()
    if (first.exitCode !== 0) throw new Error(first.stdout.slice(-3000))
  }, 900_000)
  afterAll(async () => {
    host?.close()
    await sandboxDown({ ...quiet, names: [name] })
  })

  it('is the same after a reboot: its sockets, its site, and nothing to change in two trips.', async () => {
    const before = await sockets(host)
    expect(before.split('\n').filter(line => /:(80|443|3306)$/.test(line))).toEqual([
      ...['tcp 0.0.0.0:443', 'tcp 0.0.0.0:80', 'tcp 127.0.0.1:3306', 'tcp [::]:443', 'tcp [::]:80'],
    ])
    await reboot()
    expect(await sockets(host)).toBe(before)
    const ca = readFileSync(join(root, `.capstan/sandbox/${name}.pem`), 'utf8')
    const { status, body } = await ask({ port: host.host.ports.https, url: 'https://www.foobar.com/', ca })
    expect([status, body]).toEqual([200, expect.stringContaining('Hello from MySQL')])
    const answer = await askDns(host.host.ports.dns, 'udp', { name: 'www.foobar.com', type: 'A' })
    expect(answer).toMatchObject({ status: 'NOERROR', authoritative: true })
    const again = await site()
    expect([again.changes, warnings(again)]).toEqual([[], []])
    expect(again.recap()).toMatchObject({ changed: 0, failed: 0, trips: 2 })
  })

  it('has a port closed again that the socket unit of a package opened at a boot.', async () => {
    await host.say('systemctl unmask -q mariadb.socket; systemctl enable -q mariadb.socket')
    const foreseen = await site(['-C'])
    expect(
      foreseen.lines.find(line => line.event === 'planned' && line.resource?.startsWith('listens'))
        ?.differences,
    ).toEqual([
      { what: 'tcp 3306 after the next boot', found: 'all addresses (mariadb.socket)', wanted: '127.0.0.1' },
    ])
    await reboot()
    expect(await sockets(host)).toContain('tcp *:3306')
    const repair = await site()
    expect(repair.error).toThrow('no error')
    expect(repair.changes).toEqual(['service mariadb.socket', 'listens mariadb 3306/tcp'])
    expect((await sockets(host)).match(/.*:3306/g)).toEqual(['tcp 127.0.0.1:3306'])
    expect((await site()).recap()).toMatchObject({ changed: 0, trips: 2 })
  })

  it('has a server named that listens beside what its role declares, and the run fails.', async () => {
    await host.say(
      "echo 'server { listen 8080; return 204; }' >/etc/nginx/conf.d/own.conf; systemctl reload nginx",
    )
    const { error } = await site()
    expect(error()).toMatchObject({
      code: 'step-failed',
      where: expect.stringContaining('roles/nginx/role.ts'),
    })
    expect(error().lines[0]).toBe('tcp 8080: wanted nothing, found all of IPv4 (nginx, nginx.service)')
    await host.say('rm /etc/nginx/conf.d/own.conf; systemctl reload nginx')
    await host.until('! ss -Hltn | grep -q :8080')
  })

  it('has a database closed again that was opened by hand, and the run fails where a file keeps it open.', async () => {
    const file = '/etc/mysql/mariadb.conf.d/99-own.cnf'
    await host.say(`printf '[mariadbd]\\nbind_address = 0.0.0.0\\n' >${file}; systemctl restart mariadb`)
    const { error } = await site()
    expect(error()).toMatchObject({ code: 'still-differs', message: expect.stringContaining('once') })
    expect(error().lines).toEqual(['tcp 3306: wanted 127.0.0.1, found all of IPv4'])
    const restarted = await site(['-e', 'mysql.maxConnections=77'])
    expect(restarted.error().message).toContain('handler “restart mariadb” ended with 1')
    expect(restarted.error().lines).toContain('tcp 3306: listens on 0.0.0.0')
    await host.say(`rm ${file}`)
    // The handler that failed is still pending.
    expect((await site()).changes).toEqual(['restart mariadb'])
    expect((await sockets(host)).match(/.*:3306/g)).toEqual(['tcp 127.0.0.1:3306'])
  })

  it('has a program of one’s own named that listens, and the run goes on.', async () => {
    await host.say(`systemd-run -q --unit own-server perl -e '
      use Socket; socket S, AF_INET, SOCK_STREAM, 0; bind S, pack_sockaddr_in(9100, INADDR_ANY) or die; listen S, 5; sleep'`)
    await host.until('ss -Hltn | grep -q :9100')
    const run = await site()
    expect(run.recap()).toMatchObject({ changed: 0, failed: 0, trips: 2 })
    expect(warnings(run)).toEqual([
      expect.stringContaining('tcp 9100 on all of IPv4 (perl, own-server.service)'),
    ])
    expect(warnings(await site(['-t', 'mysql']))).toEqual([])
    await host.say('systemctl stop own-server')
  })
})
