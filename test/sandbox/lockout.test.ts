import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sandboxDown } from '#engine/sandbox/sandbox.ts'
import { lockouts, lockoutTests } from './lockout.ts'
import { type Machine, machine, root } from './machine.ts'
import { runHere } from './site.ts'

describe('the base of a Debian 13 host', () => {
  let host: Machine
  const base = (vars: object = {}) => runHere({ roles: ['base'], hosts: host, vars: { base: vars } })

  beforeAll(async () => {
    host = await machine('base13', 13)
  }, 300_000)
  afterAll(async () => {
    host?.close()
    await sandboxDown({ root, say: () => {}, names: ['base13'] })
  })

  it('is made, and found the next time in two trips', async () => {
    const first = await base()
    expect(first.exitCode, first.stdout.slice(-3000) + first.stderr).toBe(0)
    expect((await base()).recap()).toMatchObject({ changed: 0, failed: 0, trips: 2 })
    const sshd = await host.say(
      'sshd -T | grep -E "^(passwordauthentication|permitrootlogin|x11forwarding) "',
    )
    expect(sshd.split('\n').filter(Boolean).sort()).toEqual([
      'passwordauthentication no',
      'permitrootlogin without-password',
      'x11forwarding no',
    ])
    expect(
      await host.say('apt-config dump | grep -E "^APT::Periodic::Unattended-Upgrade |Reboot-Time"'),
    ).toBe('APT::Periodic::Unattended-Upgrade "1";\nUnattended-Upgrade::Automatic-Reboot-Time "04:30";\n')
    expect(await host.say('systemctl is-enabled systemd-timesyncd nftables apt-daily-upgrade.timer')).toBe(
      'enabled\nenabled\nenabled\n',
    )
    expect(await host.say('unattended-upgrades --dry-run >/dev/null 2>&1; echo $?')).toBe('0\n')
  })

  it('gives an account a narrow sudo rule, and no more', async () => {
    const deploy = { user: 'ci', commands: ['/usr/bin/systemctl reload nginx'] }
    expect((await base({ deploy })).exitCode).toBe(0)
    expect(await host.say('runuser -u ci -- sudo -n -l /usr/bin/systemctl reload nginx')).toBe(
      '/usr/bin/systemctl reload nginx\n',
    )
    expect((await host.run('runuser -u ci -- sudo -n id')).exitCode).toBe(1)
    expect((await base({ deploy: { user: 'ci' } })).changes).toEqual(['sudoers capstan-ci'])
  })

  describe('does not lock its operator out by', () => {
    lockoutTests(
      Object.keys(lockouts).filter(name => lockouts[name]?.isShort),
      () => host,
    )
  })
})
