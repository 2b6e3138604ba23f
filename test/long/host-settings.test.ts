import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { declare, declaredCases } from '../sandbox/declared.ts'
import { type Machine, machine } from '../sandbox/machine.ts'

declaredCases('settings', 12, {
  'the name of the host, now and at boot': {
    declare: [['hostname', 'web-9']],
    holds: '[ "$(hostname)" = web-9 ]; [ "$(cat /etc/hostname)" = web-9 ]; [ "$(uname -n)" = web-9 ]',
    edited: 2,
    byHand: 'hostname other; echo other >/etc/hostname',
  },
  'names of addresses': {
    before: `printf '10.9.9.9 db1.internal  keep # of before\\n' >>/etc/hosts`,
    declare: [
      ['hosts', 'db1.internal', { address: '10.0.0.5', aliases: ['db1'] }],
      ['hosts', 'db1.internal', { address: 'fd00::5' }],
      ['hosts', 'localhost.test', { address: '127.0.0.1' }],
    ],
    holds: `[ "$(getent ahostsv4 db1 | head -n 1 | cut -d' ' -f1)" = 10.0.0.5 ]; [ "$(getent ahostsv4 db1.internal | head -n 1 | cut -d' ' -f1)" = 10.0.0.5 ]
      [ "$(getent ahostsv6 db1.internal | head -n 1 | cut -d' ' -f1)" = fd00::5 ]; [ "$(getent ahostsv4 keep | head -n 1 | cut -d' ' -f1)" = 10.9.9.9 ]; getent hosts localhost >/dev/null`,
    // In Docker the file is a mount, which sed -i can't replace.
    byHand: "sed 's/^10.0.0.5/10.0.0.6/' /etc/hosts >/run/hosts && cat /run/hosts >/etc/hosts",
    absent: [
      ['hosts.absent', 'db1.internal'],
      ['hosts.absent', 'db1'],
      ['hosts.absent', 'localhost.test'],
    ],
    gone: '! grep -q db1 /etc/hosts; getent hosts localhost >/dev/null; grep -q "of before" /etc/hosts',
  },
  'the time zone': {
    declare: [
      ['apt', 'tzdata', 'locales'],
      ['timezone', 'Asia/Kathmandu'],
    ],
    holds:
      '[ "$(date -d @0 +%H:%M)" = 05:30 ]; [ "$(cat /etc/timezone)" = Asia/Kathmandu ]; [ "$(timedatectl show -p Timezone --value)" = Asia/Kathmandu ]',
    byHand: 'ln -sf /usr/share/zoneinfo/Etc/UTC /etc/localtime',
  },
  locales: {
    declare: [
      ['locale', 'de_DE.UTF-8', { default: true }],
      ['locale', 'en_IE.UTF-8'],
    ],
    holds: `[ "$(LC_ALL=de_DE.UTF-8 locale decimal_point)" = , ]; locale -a | grep -qx en_IE.utf8; grep -qx LANG=de_DE.UTF-8 /etc/default/locale; [ "$(grep -c '^de_DE.UTF-8' /etc/locale.gen)" = 1 ]`,
    byHand: "sed -i 's/^LANG=.*/LANG=C/' /etc/default/locale",
    absent: [
      ['locale.absent', 'de_DE.UTF-8'],
      ['locale.absent', 'en_IE.UTF-8'],
    ],
    gone: '! locale -a | grep -q "de_DE\\|en_IE"; ! grep -q "^de_DE" /etc/locale.gen',
  },
  'file systems, now and at boot': {
    before: 'touch /etc/fstab; mkdir -p /srv/source; echo of the source >/srv/source/file',
    declare: [
      ['directory', '/srv/it\'s "odd" é'],
      ['directory', '/srv/bound'],
      [
        'mount',
        '/srv/it\'s "odd" é',
        { device: 'tmpfs', type: 'tmpfs', options: 'size=1m,mode=755,noexec,nosuid' },
      ],
      ['mount', '/srv/bound', { device: '/srv/source', type: 'none', options: 'bind,ro' }],
    ],
    holds: `cd /srv/it*odd*; [ "$(findmnt -nro FSTYPE --target .)" = tmpfs ]; findmnt -nro OPTIONS --target . | grep -q nosuid.*noexec; grep -q '^tmpfs /srv/it.s\\\\040"odd"\\\\040' /etc/fstab
      grep -q source /srv/bound/file; ! touch /srv/bound/file 2>/dev/null; cd /; findmnt --verify >/dev/null 2>&1 || findmnt --verify | grep -q ' 0 parse errors'`,
    edited: 3,
    byHand: 'umount /srv/it*odd*; mount -o remount,rw /srv/bound; sed -i "/bound/d" /etc/fstab',
    absent: [
      ['mount.absent', '/srv/it\'s "odd" é'],
      ['mount.absent', '/srv/bound'],
    ],
    gone: '! grep -q odd /proc/self/mountinfo; ! grep -q "/srv/" /etc/fstab; ! [ -e /srv/bound/file ]',
  },
})

describe('what can’t be so', () => {
  let host: Machine
  beforeAll(async () => {
    host = await machine('settings13', 13)
  })
  afterAll(() => host?.close())

  it('a time zone that does not exist is refused, and the old one stays', async () => {
    const before = await host.say('readlink /etc/localtime')
    const { exitCode, error } = await declare(host, [['timezone', 'Europe/Atlantis']])
    expect(exitCode).toBe(1)
    expect(error().lines.join()).toContain(
      '/usr/share/zoneinfo/Europe/Atlantis: no such time zone on this host',
    )
    expect(await host.say('readlink /etc/localtime')).toBe(before)
  })

  it('a file system that can’t be mounted fails with mount’s words, and is not mounted at boot', async () => {
    await host.say('mkdir -p /srv/none')
    const { exitCode, error } = await declare(host, [
      ['mount', '/srv/none', { device: 'LABEL=none', type: 'ext4' }],
    ])
    expect(exitCode).toBe(1)
    expect(error().lines.join('\n')).toContain("can't find LABEL=none")
    expect(await host.say('grep -c LABEL=none /etc/fstab || :')).toBe('0\n')
  })
})
