import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { declare, declaredCases } from '../sandbox/declared.ts'
import { type Machine, machine } from '../sandbox/machine.ts'

const odd = `it's "odd" 100% $HOME \${X} \`id\` $(id) é 日本 \\n -- %h`
const heredoc = (text: string) => `"$(cat <<'END'\n${text}\nEND\n)"`

const keys = mkdtempSync(join(tmpdir(), 'capstan-keys-'))
const [first, second] = ['first', 'second'].map(name => {
  execFileSync('ssh-keygen', [
    '-q',
    '-t',
    'ed25519',
    '-N',
    '',
    '-C',
    `${name} of tests`,
    '-f',
    join(keys, name),
  ])
  const read = (file: string) => readFileSync(join(keys, file), 'utf8')
  return { public: read(`${name}.pub`).trim(), private: read(name) }
}) as [Key, Key]
rmSync(keys, { recursive: true })

interface Key {
  readonly public: string
  readonly private: string
}

const login = (name: string) =>
  `ssh -n -i /root/${name} -o BatchMode=yes -o IdentitiesOnly=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null deploy@127.0.0.1`

// Two packages in two versions each, in an archive of the host's own.
const archive = `[ -e /srv/repo/Packages ] || { mkdir -p /srv/repo/d/DEBIAN /srv/repo/d/etc; cd /srv/repo; : >d/etc/capstan-x.conf
for name in demo-pinned demo-latest demo-gone; do for version in 1.0-1 2.0-1; do
  printf 'Package: %s\\nVersion: %s\\nArchitecture: all\\nMaintainer: Test <test@example.com>\\nDescription: a test\\n' $name $version >d/DEBIAN/control
  echo /etc/$name.conf >d/DEBIAN/conffiles; rm -f d/etc/*; echo x >d/etc/$name.conf; dpkg-deb -b d $name-$version.deb >/dev/null
  { cat d/DEBIAN/control; printf 'Filename: ./%s\\nSize: %s\\nSHA256: %s\\n\\n' $name-$version.deb $(stat -c %s $name-$version.deb) $(sha256sum <$name-$version.deb | cut -d' ' -f1); } >>Packages
done; done; }
echo 'deb [trusted=yes] file:/srv/repo ./' >/etc/apt/sources.list.d/demo.list; apt-get -qq update 2>/dev/null && apt-get -qq install -y demo-latest=1.0-1 demo-gone=1.0-1 >/dev/null`

declaredCases('system', 12, {
  'packages in a version, held, as the latest, and absent': {
    before: archive,
    declare: [
      ['apt', 'demo-pinned', { version: '1.0*', hold: true }],
      ['apt', 'demo-latest', { latest: true }],
      ['apt.absent', 'demo-gone'],
      ['apt', 'cron', 'sudo'],
    ],
    holds: `[ "$(dpkg-query -W -f '\${Version} \${Status}' demo-pinned)" = '1.0-1 hold ok installed' ]
      [ "$(dpkg-query -W -f '\${Version}' demo-latest)" = 2.0-1 ]; [ -e /etc/demo-gone.conf ]; [ "$(dpkg-query -W -f '\${db:Status-Status}' demo-gone)" = config-files ]`,
    edited: 2,
    byHand: `apt-mark -qq unhold demo-pinned; apt-get -qq install -y demo-pinned demo-gone >/dev/null`,
    absent: [
      ['apt.absent', 'demo-pinned', 'demo-gone', { purge: true }],
      ['apt.absent', 'demo-latest'],
    ],
    gone: '! [ -e /etc/demo-gone.conf ]; ! [ -e /etc/demo-pinned.conf ]; [ -e /etc/demo-latest.conf ]; ! dpkg-query -s demo-pinned 2>/dev/null',
  },
  'an archive with its key': {
    declare: [
      [
        'aptSource',
        'debian-backports',
        {
          ...{ uris: 'http://deb.debian.org/debian', suites: 'bookworm-backports', components: 'main' },
          ...{
            key: 'files/debian-12.asc',
            fingerprint: 'B8B8 0B5B 623E AB6A D877  5C45 B7C5 D7D6 3509 47F8',
          },
        },
      ],
    ],
    holds: `apt-cache policy | grep -q 'bookworm-backports/main'; [ -s /etc/apt/keyrings/debian-backports.asc ]; apt-get indextargets >/dev/null`,
    byHand: 'echo >>/etc/apt/sources.list.d/debian-backports.sources',
    absent: [['aptSource.absent', 'debian-backports']],
    gone: '! ls /etc/apt/sources.list.d/debian-backports.sources /etc/apt/keyrings/debian-backports.* 2>/dev/null',
  },
  'keys of a user, which log in': {
    before: `printf %s '${first.private}' >/root/first; printf %s '${second.private}' >/root/second; chmod 600 /root/first /root/second`,
    declare: [
      ['user', 'deploy', { shell: '/bin/sh' }],
      ['authorizedKey', 'deploy', first.public],
      ['authorizedKey', 'deploy', second.public, { options: 'command="echo only this",no-pty' }],
    ],
    holds: `[ "$(${login('first')} 'id -un' 2>/dev/null)" = deploy ]; [ "$(${login('second')} id 2>/dev/null)" = 'only this' ]
      [ "$(stat -c %a:%U:%G /home/deploy/.ssh /home/deploy/.ssh/authorized_keys | tr '\\n' ' ')" = '700:deploy:deploy 600:deploy:deploy ' ]`,
    byHand: "sed -i 's/^command/restrict,command/' /home/deploy/.ssh/authorized_keys",
    absent: [['authorizedKey.absent', 'deploy', second.public]],
    gone: `[ "$(${login('first')} 'id -un' 2>/dev/null)" = deploy ]; ! ${login('second')} id 2>/dev/null`,
  },
  'a rule of sudo': {
    declare: [
      [
        'sudoers',
        'deploy',
        { user: 'deploy', commands: ['/usr/bin/printf a:b,c=d', '/usr/bin/id -u'], password: false },
      ],
      ['sudoers', 'more', { content: 'Defaults:deploy !lecture' }],
    ],
    holds: `[ "$(setpriv --reuid=deploy --regid=deploy --init-groups sudo -n /usr/bin/printf a:b,c=d)" = a:b,c=d ]
      [ "$(setpriv --reuid=deploy --regid=deploy --init-groups sudo -n id -u)" = 0 ]; ! setpriv --reuid=deploy --regid=deploy --init-groups sudo -n id 2>/dev/null
      [ "$(stat -c %a:%U /etc/sudoers.d/deploy)" = 440:root ]`,
    byHand: "sed -i 's/NOPASSWD://' /etc/sudoers.d/deploy",
    absent: [
      ['sudoers.absent', 'deploy'],
      ['sudoers.absent', 'more'],
    ],
    gone: '! setpriv --reuid=deploy --regid=deploy --init-groups sudo -n id -u 2>/dev/null; ! ls /etc/sudoers.d/deploy /etc/sudoers.d/more 2>/dev/null',
  },
  'a job of cron, which runs': {
    declare: [
      [
        'cron',
        'every-minute',
        {
          at: '* * * * *',
          command: `printf '%s\\n' "$ODD" >/tmp/cron-ran`,
          as: 'daemon',
          environment: { ODD: `it's 100% é` },
        },
      ],
      [
        'cron',
        'secret',
        { at: '@daily', command: 'true', environment: { TOKEN: { secret: 'of-the-test' } } },
      ],
    ],
    holds: `i=0; until [ -s /tmp/cron-ran ]; do i=$((i + 1)); [ $i -lt 150 ] || exit 1; sleep 0.5; done
      [ "$(cat /tmp/cron-ran)" = ${heredoc("it's 100% é")} ]; [ "$(stat -c %U /tmp/cron-ran)" = daemon ]; [ "$(stat -c %a /etc/cron.d/secret)" = 600 ]`,
    byHand: "sed -i 's/daemon/nobody/' /etc/cron.d/every-minute",
    absent: [
      ['cron.absent', 'every-minute'],
      ['cron.absent', 'secret'],
    ],
    gone: '! ls /etc/cron.d/every-minute /etc/cron.d/secret 2>/dev/null',
  },
  'a timer with its command': {
    declare: [
      [
        'timer',
        'odd',
        {
          at: ['daily', 'Mon..Fri 04:05'],
          command: ['sh', '-c', 'printf "%s\n" "$@" >/tmp/timer-ran', '-', odd, ''],
          as: 'daemon',
          in: '/usr',
          randomDelay: '15min',
        },
      ],
      [
        'timer',
        'line',
        {
          at: '*:0/15',
          command: `printf '%s:%s\\n' "$PWD" "$ODD" >/run/timer-line`,
          environment: { ODD: odd },
        },
      ],
    ],
    holds: `systemctl is-enabled -q odd.timer line.timer; systemctl is-active -q odd.timer line.timer; systemctl start odd.service line.service
      [ "$(head -n 1 /tmp/timer-ran)" = ${heredoc(odd)} ]; [ "$(stat -c %U /tmp/timer-ran)" = daemon ]; [ "$(cat /run/timer-line)" = ${heredoc(`/:${odd}`)} ]
      systemctl list-timers --no-legend line.timer | grep -q ':\\(00\\|15\\|30\\|45\\):00'`,
    edited: 2,
    byHand:
      "systemctl -q disable --now odd.timer; sed -i 's/0.15/0\\/20/' /etc/systemd/system/line.timer; systemctl daemon-reload",
    absent: [
      ['timer.absent', 'odd'],
      ['timer.absent', 'line'],
    ],
    gone: '! systemctl cat odd.timer odd.service line.timer line.service 2>/dev/null; ! systemctl is-active -q odd.timer',
  },
  'settings of the kernel': {
    before: 'mount -o remount,bind,rw /proc/sys',
    declare: [
      ['sysctl', 'net.ipv4.ip_default_ttl', 66],
      ['sysctl', 'net/ipv4/conf/lo/log_martians', true],
      ['sysctl', 'net.ipv4.ip_local_port_range', '20000 50000'],
    ],
    holds: `[ "$(cat /proc/sys/net/ipv4/ip_default_ttl /proc/sys/net/ipv4/conf/lo/log_martians | tr '\\n' ' ')" = '66 1 ' ]
      sysctl -q --system >/dev/null 2>&1 || /usr/lib/systemd/systemd-sysctl; [ "$(cat /proc/sys/net/ipv4/ip_default_ttl)" = 66 ]; grep -q 20000 /proc/sys/net/ipv4/ip_local_port_range`,
    edited: 2,
    byHand:
      'echo 60 >/proc/sys/net/ipv4/ip_default_ttl; sed -i s/1/0/ /etc/sysctl.d/zz-capstan-net-ipv4-conf-lo-log_martians.conf',
    absent: [
      ['sysctl.absent', 'net.ipv4.ip_default_ttl'],
      ['sysctl.absent', 'net/ipv4/conf/lo/log_martians'],
      ['sysctl.absent', 'net.ipv4.ip_local_port_range'],
    ],
    gone: '! ls /etc/sysctl.d/zz-capstan-* 2>/dev/null; mount -o remount,bind,ro /proc/sys',
  },
  'modules of the kernel, at boot': {
    declare: [
      ['kernelModule', 'capstan_test', { parameters: 'size=3' }],
      ['kernelModule.blocked', 'usb-storage'],
    ],
    holds: `grep -qx capstan_test /etc/modules-load.d/capstan-capstan_test.conf; grep -qx 'options capstan_test size=3' /etc/modprobe.d/capstan-capstan_test.conf
      grep -qx 'install usb-storage /bin/false' /etc/modprobe.d/capstan-usb-storage.conf`,
    byHand: 'rm /etc/modprobe.d/capstan-usb-storage.conf',
    absent: [
      ['kernelModule.absent', 'capstan_test'],
      ['kernelModule.absent', 'usb-storage'],
    ],
    gone: '! ls /etc/modules-load.d/capstan-* /etc/modprobe.d/capstan-* 2>/dev/null',
  },
})

describe('unit files that change in one run', () => {
  let host: Machine
  beforeAll(async () => {
    host = await machine('system12', 12)
  })
  afterAll(() => host?.close())

  const slow = (name: string) => `/etc/systemd/system/${name}`
  const unit = (name: string, more = '') =>
    ['unit', name, { content: `[Service]\nExecStart=/bin/sleep 1000\n${more}` }] as const
  const drop = 'fresh.service.d/one.conf'
  const environment = () =>
    host.say('tr "\\0" "\\n" </proc/$(systemctl show -p MainPID --value fresh)/environ | grep ^ONE || :')

  it('are read before a service starts from which a drop-in was removed', async () => {
    const made = await declare(host, [
      unit('fresh.service'),
      ['directory', slow('fresh.service.d')],
      ['unit', drop, { content: '[Service]\nEnvironment=ONE=1\n' }],
      ['service', 'fresh', { running: true }],
    ])
    expect(made.exitCode, made.stdout).toBe(0)
    expect(await environment()).toBe('ONE=1\n')
    await host.say('systemctl stop fresh')
    const without = await declare(host, [
      unit('fresh.service'),
      ['unit.absent', drop],
      ['service', 'fresh', { running: true }],
    ])
    expect(without.changes).toEqual([`unit ${drop}`, 'service fresh'])
    expect(await environment()).toBe('')
  })

  it('start what is to be started with another unit, where that one starts in the same run', async () => {
    const both = await declare(host, [
      unit('second.service', '[Install]\nWantedBy=first.service\n'),
      unit('first.service'),
      ['service', 'second', { enabled: true }],
      ['service', 'first', { running: true }],
    ])
    expect(both.exitCode, both.stdout).toBe(0)
    expect(await host.say('systemctl is-active first second')).toBe('active\nactive\n')
  })

  it('are read where the run fails, and by the next run where it was killed', async () => {
    const known = () => host.say('systemctl show -p LoadState --value second')
    await host.say('systemctl stop first second; systemctl -q disable second')
    const failed = await declare(host, [
      ['unit.absent', 'second.service'],
      ['command', ['false']],
    ])
    expect(failed.exitCode).toBe(1)
    expect(await known()).toBe('not-found\n')
    // As a stage leaves it that is killed between two steps.
    await host.say(`systemctl start first; rm ${slow('first.service')}; : >/run/capstan/units-changed`)
    expect((await declare(host, [['unit.absent', 'first.service']])).recap()).toMatchObject({ changed: 0 })
    expect(await host.say('systemctl show -p NeedDaemonReload --value first; ls /run/capstan')).not.toMatch(
      /yes|units/,
    )
    await host.say('systemctl stop first fresh')
  })
})

describe('what can’t be so', () => {
  let host: Machine
  beforeAll(async () => {
    host = await machine('system12', 12)
  })
  afterAll(() => host?.close())

  it('a rule that visudo refuses changes nothing, and the error has its words', async () => {
    await host.say('echo "Defaults !lecture" >/etc/sudoers.d/broken; chmod 440 /etc/sudoers.d/broken')
    const { exitCode, error } = await declare(host, [['sudoers', 'broken', { content: 'deploy ALL=(ALL' }]])
    expect(exitCode).toBe(1)
    expect(error().lines.join('\n')).toMatch(/syntax error[\s\S]*left as it is: visudo refuses the new one/)
    expect(await host.say('cat /etc/sudoers.d/broken; rm /etc/sudoers.d/broken')).toBe('Defaults !lecture\n')
  })

  it.each([
    ['is not there', { uris: 'http://deb.debian.org/no-such', suites: 'none' }, /no-such/],
    [
      'is another one with another key',
      { uris: 'http://127.0.0.1/own', suites: 'bookworm' },
      /Conflicting values set for option Signed-By/,
    ],
  ])('an archive that %s is never among apt’s sources', async (_title, archive, reason) => {
    await host.say(
      'printf "Types: deb\\nURIs: http://127.0.0.1/own\\nSuites: bookworm\\nComponents: main\\nEnabled: yes\\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\\n" >/etc/apt/sources.list.d/own.sources',
    )
    const key = { key: 'files/debian-12.asc', fingerprint: 'B8B80B5B623EAB6AD8775C45B7C5D7D6350947F8' }
    const { exitCode, error } = await declare(host, [
      ['aptSource', 'broken', { ...archive, ...key, components: 'main' }],
    ])
    expect(exitCode).toBe(1)
    expect(error().lines.join('\n')).toMatch(reason)
    expect(
      await host.say(
        'ls /etc/apt/sources.list.d/broken.sources 2>/dev/null; apt-get indextargets >/dev/null',
      ),
    ).toBe('')
    await host.say('rm /etc/apt/sources.list.d/own.sources')
  })

  it('a link in a user’s home does not lead its key into another’s file', async () => {
    await host.say(
      'rm -rf /home/deploy/.ssh; echo "# of root" >/root/kept; ln -s /root /home/deploy/.ssh; ls /root >/root/before',
    )
    const { exitCode } = await declare(host, [['authorizedKey', 'deploy', first.public]])
    expect(exitCode).toBe(1)
    expect(
      await host.say('cat /root/kept; ls -a /root | grep -c authorized_keys || :; rm /home/deploy/.ssh'),
    ).toBe('# of root\n0\n')
  })
})
