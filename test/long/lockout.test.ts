import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sandboxDown } from '#engine/sandbox/sandbox.ts'
import { lockouts, lockoutTests } from '../sandbox/lockout.ts'
import { type Machine, machine, root } from '../sandbox/machine.ts'
import { runHere } from '../sandbox/site.ts'

describe.each([12, 13] as const)('the base of a Debian %i host does not lock its operator out by', debian => {
  let host: Machine
  beforeAll(async () => {
    host = await machine(`lockout${debian}`, debian)
    expect((await runHere({ roles: ['base'], hosts: host })).exitCode).toBe(0)
  })
  afterAll(async () => {
    host?.close()
    await sandboxDown({ root, say: () => {}, names: [`lockout${debian}`] })
  })
  lockoutTests(Object.keys(lockouts), () => host)

  // No new login comes through from the moment at which sshd would be reloaded, and what waits for one is killed.
  it('settings of sshd whose proof was killed: the last good ones are in force again within a minute', async () => {
    const settings = '/etc/ssh/sshd_config.d/00-capstan.conf'
    const before = await host.say(`cat ${settings}`)
    await host.say(`cat >/usr/local/sbin/systemd-run <<'END'
#!/bin/sh
/usr/bin/systemd-run "$@" || exit
nft add table inet block
nft add chain inet block in '{ type filter hook input priority -5; }'
nft add rule inet block in tcp dport 22 ct state new drop
END
chmod 755 /usr/local/sbin/systemd-run`)
    const run = runHere({
      roles: ['base'],
      hosts: host,
      vars: { base: { ssh: { options: ['MaxSessions 7'] } } },
    })
    await host.until(
      'grep -q "MaxSessions 7" /etc/ssh/sshd_config.d/00-capstan.conf && nft list table inet block',
    )
    await host.say(
      'rm /usr/local/sbin/systemd-run; pkill -9 -f /var/lib/capstan/runs; pkill -9 -f "exit 0 if -e"',
    )
    await host.until(`! grep -q "MaxSessions 7" ${settings}`, 60)
    await host.say('nft delete table inet block')
    expect(await host.say(`cat ${settings}; systemctl is-active ssh`)).toBe(`${before}active\n`)
    expect((await run).exitCode).not.toBe(0)
    const next = await runHere({ roles: ['base'], hosts: host })
    expect(next.recap()).toMatchObject({ failed: 0 })
  })
})
