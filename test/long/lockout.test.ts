import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sandboxDown } from '#engine/sandbox/sandbox.ts'
import { type Machine, machine, root } from '../sandbox/machine.ts'
import { runHere } from '../sandbox/site.ts'
import { lockouts, lockoutTests } from './lockout.ts'

describe.each([12, 13] as const)('the base of a Debian %i host', debian => {
  let host: Machine
  const base = (vars: object = {}) => runHere({ roles: ['base'], hosts: host, vars: { base: vars } })

  beforeAll(async () => {
    host = await machine(`lockout${debian}`, debian)
  })
  afterAll(async () => {
    host?.close()
    await sandboxDown({ root, say: () => {}, names: [`lockout${debian}`] })
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

  it('reports a program of a package that was changed', async () => {
    const check = async () => (await host.run('systemctl start capstan-checksums')).exitCode
    expect(await check()).toBe(0)
    await host.say('cp -a /usr/bin/base64 /root/; printf x >>/usr/bin/base64')
    expect(await check()).toBe(1)
    expect(await host.say('journalctl -u capstan-checksums -o cat; systemctl --failed --no-legend')).toMatch(
      /^\/usr\/bin\/base64$[\s\S]*capstan-checksums\.service/m,
    )
    await host.say('mv /root/base64 /usr/bin/')
    expect(await check()).toBe(0)
  })

  it('closes the homes of new users, and keeps the umask of logins', async () => {
    await host.say('useradd --create-home alice; echo alice:of-the-test | chpasswd -c SHA512')
    expect(await host.say('stat -c %a /home/alice')).toBe(debian === 12 ? '750\n' : '700\n')
    expect(await host.say('getent shadow alice')).toContain('alice:$6$rounds=640000$')
    expect(await host.say('umask; runuser -l alice -c umask; userdel -rf alice 2>/dev/null')).toBe(
      '0022\n0022\n',
    )
  })

  describe('does not lock its operator out by', () => {
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
        'rm /usr/local/sbin/systemd-run; pkill -9 -f /var/lib/capstan/runs; pkill -9 -f "exit 0 if -e" || :',
      )
      await host.until(`! grep -q "MaxSessions 7" ${settings}`, 60)
      await host.say('nft delete table inet block')
      await host.until('[ "$(systemctl is-active ssh)" = active ]')
      expect(await host.say(`cat ${settings}`)).toBe(before)
      expect((await run).exitCode).not.toBe(0)
      const next = await runHere({ roles: ['base'], hosts: host })
      expect(next.recap()).toMatchObject({ failed: 0 })
    })
  })
})
