import { createHash, randomBytes } from 'node:crypto'
import type { Call } from '../sandbox/declared.ts'
import { fileServer } from './file-server.ts'

/** What `before` made on the host, which some kinds refer to. */
export interface Made {
  readonly archive: string
  readonly commit: string
}

/** 500 resources of a kind, and what somebody does to number 7 by hand. Shell runs as root. */
export interface Many {
  readonly calls: (made: Made) => readonly Call[]
  readonly byHand: string
  /** How many resources that changes; absent: one. */
  readonly edited?: number
  /** Exits with 0 where number 7 is as declared; run by `set -e`, which overlooks `!`. */
  readonly holds: string
  /** Absent where the kind knows no absence: a command has run. */
  readonly absent?: readonly Call[]
  /** Exits with 0 where none of the 500 is there any more. */
  readonly gone?: string
}

export const count = 500
const each = (call: (number: number) => Call): readonly Call[] =>
  Array.from({ length: count }, (_, index) => call(index))

const bytes = (number: number) => `the bytes of ${number}\n`
const sha256 = (number: number) => createHash('sha256').update(bytes(number)).digest('hex')
// Type, length and 32 bytes. Source: RFC 8709.
const publicKey = () =>
  `ssh-ed25519 ${Buffer.concat([Buffer.from('0000000b7373682d65643235353139', 'hex'), Buffer.from([0, 0, 0, 32]), randomBytes(32)]).toString('base64')}`
const publicKeys = Array.from({ length: count }, publicKey)

/** Prints the sha256 of an archive and the id of a commit, in its last two lines. */
export const before = `mkdir -p /srv/many /srv/mounts; : >/srv/lines; : >/srv/blocks; printf '[all]\\n' >/srv/many.ini; touch /etc/fstab
mkdir -p /srv/http; for n in $(seq 0 ${count - 1}); do echo "the bytes of $n" >/srv/http/$n; done
${fileServer('/srv/http', 8124)}
useradd --create-home deploy; apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends cron sudo git openssl mariadb-server iproute2 >/dev/null 2>&1
mount -o remount,bind,rw /proc/sys; for n in $(seq 0 ${count - 1}); do ip link add many$n type bridge || exit; done
cd /srv && git init -q repository && cd repository && echo x >file && git add . && git -c user.name=t -c user.email=t@example.com commit -qm x
tar -C /srv/repository -czf /srv/http/archive.tar.gz file; sha256sum </srv/http/archive.tar.gz | cut -d' ' -f1; git rev-parse HEAD`

const none = (command: string) => `[ -z "$(${command})" ]`
const is = (command: string, wanted: string) => `[ "$(${command})" = '${wanted}' ]`
const paths = (name: string) => each(n => ['file.absent', `/srv/many/${name}-${n}`])
const noPath = (name: string) => none(`ls /srv/many | grep '^${name}-'`)

/** Each by the noun that a role declares it by, or one of its ways. */
export const kinds: Readonly<Record<string, Many>> = {
  file: {
    calls: () => each(n => ['file', `/srv/many/file-${n}`, { content: `${n}\n` }]),
    byHand: 'echo x >/srv/many/file-7',
    holds: is('cat /srv/many/file-7', '7'),
    ...{ absent: paths('file'), gone: noPath('file') },
  },
  template: {
    calls: () =>
      each(n => ['template', `/srv/many/template-${n}`, { from: 'many.conf', vars: { value: n } }]),
    byHand: 'chmod 600 /srv/many/template-7; echo >>/srv/many/template-7',
    holds: `${is('stat -c %a /srv/many/template-7', '644')}; ${is('sed -n 2,9p /srv/many/template-7', 'value = 7')}`,
    ...{ absent: paths('template'), gone: noPath('template') },
  },
  directory: {
    calls: () => each(n => ['directory', `/srv/many/directory-${n}`]),
    byHand: 'chmod 700 /srv/many/directory-7',
    holds: is('stat -c %a /srv/many/directory-7', '755'),
    ...{ absent: paths('directory'), gone: noPath('directory') },
  },
  link: {
    calls: () => each(n => ['link', `/srv/many/link-${n}`, `file-${n}`]),
    byHand: 'ln -sfn elsewhere /srv/many/link-7',
    holds: is('readlink /srv/many/link-7', 'file-7'),
    ...{ absent: paths('link'), gone: noPath('link') },
  },
  tree: {
    calls: () => each(n => ['tree', `/srv/many/tree-${n}`, 'files/tree']),
    byHand: 'echo x >/srv/many/tree-7/one.conf',
    holds: 'cmp /srv/many/tree-7/one.conf /srv/many/tree-8/one.conf',
    ...{ absent: paths('tree'), gone: noPath('tree') },
  },
  download: {
    calls: () =>
      each(n => [
        'download',
        `/srv/many/download-${n}`,
        { url: `http://127.0.0.1:8124/${n}`, sha256: sha256(n) },
      ]),
    byHand: 'echo x >/srv/many/download-7',
    holds: is('cat /srv/many/download-7', 'the bytes of 7'),
    ...{ absent: paths('download'), gone: noPath('download') },
  },
  archive: {
    calls: ({ archive }) =>
      each(n => [
        'archive',
        `/srv/many/archive-${n}`,
        { url: 'http://127.0.0.1:8124/archive.tar.gz', sha256: archive },
      ]),
    byHand: 'echo of somebody >/srv/many/archive-7/file',
    holds: is('cat /srv/many/archive-7/file', 'x'),
    ...{ absent: paths('archive'), gone: noPath('archive') },
  },
  git: {
    calls: ({ commit }) =>
      each(n => ['git', `/srv/many/git-${n}`, { repository: 'file:///srv/repository', commit }]),
    byHand: 'rm /srv/many/git-7/file',
    holds: is('cat /srv/many/git-7/file', 'x'),
    ...{ absent: paths('git'), gone: noPath('git') },
  },
  lineInFile: {
    calls: () => each(n => ['lineInFile', '/srv/lines', `line ${n}`]),
    byHand: "sed -i '/^line 7$/d' /srv/lines",
    holds: 'grep -qx "line 7" /srv/lines',
    absent: each(n => ['lineInFile.absent', '/srv/lines', `line ${n}`]),
    gone: none('grep . /srv/lines'),
  },
  block: {
    calls: () => each(n => ['block', '/srv/blocks', `block ${n}`, `text ${n}\n`]),
    byHand: "sed -i 's/^text 7$/of somebody/' /srv/blocks",
    holds: `grep -qx "text 7" /srv/blocks; ${none('grep somebody /srv/blocks')}`,
    absent: each(n => ['block.absent', '/srv/blocks', `block ${n}`]),
    gone: none('grep . /srv/blocks'),
  },
  setting: {
    calls: () => each(n => ['setting', '/srv/many.ini', ['all', `key${n}`], `value ${n}`]),
    byHand: "sed -i 's/value 7$/of somebody/' /srv/many.ini",
    holds: 'grep -q "^key7 *= *value 7$" /srv/many.ini',
    absent: each(n => ['setting.absent', '/srv/many.ini', ['all', `key${n}`]]),
    gone: none('grep key /srv/many.ini'),
  },
  command: {
    calls: () => each(n => ['command', ['touch', `/srv/many/made-${n}`], { creates: `/srv/many/made-${n}` }]),
    byHand: 'rm /srv/many/made-7',
    holds: '[ -e /srv/many/made-7 ]',
  },
  script: {
    calls: () =>
      each(n => [
        'script',
        'files/note.sh',
        {
          args: ['a', 'b'],
          environment: { NOTE: `/tmp/note-${n}` },
          ...{ creates: `/tmp/note-${n}`, name: `note ${n}` },
        },
      ]),
    byHand: 'rm /tmp/note-7',
    holds: 'grep -qx b /tmp/note-7',
  },
  user: {
    calls: () => each(n => ['user', `user-${n}`, { system: true }]),
    byHand: 'userdel user-7',
    holds: 'id user-7',
    absent: each(n => ['user.absent', `user-${n}`]),
    gone: none('grep ^user- /etc/passwd /etc/shadow /etc/group'),
  },
  group: {
    calls: () => each(n => ['group', `group-${n}`, { system: true }]),
    byHand: 'groupdel group-7',
    holds: 'getent group group-7',
    absent: each(n => ['group.absent', `group-${n}`]),
    gone: none('grep ^group- /etc/group'),
  },
  authorizedKey: {
    calls: () => each(n => ['authorizedKey', 'deploy', publicKeys[n]]),
    byHand: 'sed -i 7d /home/deploy/.ssh/authorized_keys',
    holds: is('grep -c ^ssh-ed25519 /home/deploy/.ssh/authorized_keys', `${count}`),
    absent: each(n => ['authorizedKey.absent', 'deploy', publicKeys[n]]),
    gone: none('grep ssh-ed25519 /home/deploy/.ssh/authorized_keys'),
  },
  sudoers: {
    calls: () => each(n => ['sudoers', `rule-${n}`, { user: 'deploy', commands: [`/usr/bin/printf ${n}`] }]),
    byHand: 'sed -i s/printf/env/ /etc/sudoers.d/rule-7',
    holds: 'grep -q "printf 7" /etc/sudoers.d/rule-7; visudo -c',
    absent: each(n => ['sudoers.absent', `rule-${n}`]),
    gone: none('ls /etc/sudoers.d | grep rule-'),
  },
  cron: {
    calls: () => each(n => ['cron', `job-${n}`, { at: '0 4 1 1 *', command: `echo ${n}` }]),
    byHand: "sed -i 's/echo 7/reboot/' /etc/cron.d/job-7",
    holds: 'grep -q "echo 7" /etc/cron.d/job-7',
    absent: each(n => ['cron.absent', `job-${n}`]),
    gone: none('ls /etc/cron.d | grep job-'),
  },
  timer: {
    calls: () => each(n => ['timer', `timer-${n}`, { at: '*-01-01', command: ['/bin/echo', String(n)] }]),
    byHand:
      'systemctl -q disable --now timer-7.timer; sed -i s/echo/false/ /etc/systemd/system/timer-7.service',
    edited: 2,
    holds: `systemctl is-active -q timer-7.timer; systemctl is-enabled -q timer-7.timer
      systemctl cat timer-7.service | grep -q echo`,
    absent: each(n => ['timer.absent', `timer-${n}`]),
    gone: `${none('ls /etc/systemd/system | grep timer-')}; ${none('systemctl list-timers --no-legend | grep timer-')}`,
  },
  sysctl: {
    calls: () => each(n => ['sysctl', `net.ipv4.neigh.many${n}.mcast_solicit`, 4]),
    byHand: 'echo 5 >/proc/sys/net/ipv4/neigh/many7/mcast_solicit',
    holds: `${is('cat /proc/sys/net/ipv4/neigh/many7/mcast_solicit', '4')}
      grep -q "many7.mcast_solicit *= *4" /etc/sysctl.d/zz-capstan-net?ipv4?neigh?many7?mcast_solicit.conf`,
    absent: each(n => ['sysctl.absent', `net.ipv4.neigh.many${n}.mcast_solicit`]),
    gone: none('ls /etc/sysctl.d | grep many'),
  },
  'kernelModule.blocked': {
    calls: () => each(n => ['kernelModule.blocked', `many-${n}`]),
    byHand: 'rm /etc/modprobe.d/capstan-many-7.conf',
    holds: 'grep -qx "install many-7 /bin/false" /etc/modprobe.d/capstan-many-7.conf',
    absent: each(n => ['kernelModule.absent', `many-${n}`]),
    gone: none('ls /etc/modprobe.d | grep many'),
  },
  hosts: {
    calls: () => each(n => ['hosts', `name-${n}.internal`, { address: '10.0.0.5' }]),
    // In a container the file is a mount, which sed -i cannot replace.
    byHand:
      "sed '/ name-7\\.internal/d; /\\tname-7\\.internal/d' /etc/hosts >/run/hosts && cat /run/hosts >/etc/hosts",
    holds: 'getent hosts name-7.internal | grep -q 10.0.0.5',
    absent: each(n => ['hosts.absent', `name-${n}.internal`]),
    gone: `${none('grep name- /etc/hosts')}; getent hosts localhost`,
  },
  mount: {
    calls: () => [
      ...each(n => ['directory', `/srv/mounts/${n}`]),
      ...each(n => [
        'mount',
        `/srv/mounts/${n}`,
        { device: 'tmpfs', type: 'tmpfs', options: 'size=64k,mode=755' },
      ]),
    ],
    byHand: 'umount /srv/mounts/7',
    holds: is('findmnt -nro FSTYPE /srv/mounts/7', 'tmpfs'),
    absent: each(n => ['mount.absent', `/srv/mounts/${n}`]),
    gone: none('grep /srv/mounts /proc/self/mountinfo /etc/fstab'),
  },
  'certificate.selfSigned': {
    calls: () => each(n => ['certificate.selfSigned', `many-${n}.internal`, [`many-${n}.internal`]]),
    byHand: 'cp /etc/ssl/capstan/many-8.internal/privkey.pem /etc/ssl/capstan/many-7.internal/privkey.pem',
    holds: `openssl x509 -in /etc/ssl/capstan/many-7.internal/fullchain.pem -noout -checkhost many-7.internal | grep -q 'does match'
      openssl pkey -in /etc/ssl/capstan/many-7.internal/privkey.pem -pubout | cmp - /dev/fd/3 3<<END
$(openssl x509 -in /etc/ssl/capstan/many-7.internal/fullchain.pem -noout -pubkey)
END`,
    absent: [['file.absent', '/etc/ssl/capstan']],
    gone: none('ls /etc/ssl/capstan 2>/dev/null'),
  },
  'mysql.database': {
    calls: () => each(n => ['mysql.database', `many_${n}`]),
    byHand: "mariadb -e 'DROP DATABASE many_7'",
    holds: "mariadb -e 'USE many_7'",
    absent: each(n => ['mysql.absentDatabase', `many_${n}`]),
    gone: none("mariadb -Ne 'SHOW DATABASES' | grep many_"),
  },
  'mysql.user': {
    calls: () =>
      each(n => [
        'mysql.user',
        `many_${n}`,
        { password: { secret: `of-the-test-${n}` }, grants: { [`many_${n}`]: ['SELECT'] } },
      ]),
    byHand: 'mariadb -e "GRANT ALL ON *.* TO many_7@localhost"',
    holds: `mariadb -u many_7 -pof-the-test-7 -Ne 'SHOW GRANTS' | grep -q 'GRANT SELECT ON .many.*7'
      ${none("mariadb -Ne 'SHOW GRANTS FOR many_7@localhost' | grep 'ALL PRIVILEGES'")}`,
    absent: each(n => ['mysql.absentUser', `many_${n}`]),
    gone: none("mariadb -Ne 'SELECT User FROM mysql.global_priv' | grep many_"),
  },
}

/** Kinds that are not tried 500 times: why not, and the test that makes one, finds it, repairs it and removes it where it can. */
export const elsewhere: Readonly<Record<string, { readonly why: string; readonly test: string }>> = {
  apt: { why: 'all packages are one transaction of apt', test: 'test/long/system.test.ts' },
  aptSource: { why: 'each has its lists fetched', test: 'test/long/system.test.ts' },
  unit: { why: 'timer declares two of them', test: 'test/long/many.ts' },
  service: { why: 'timer declares one of them', test: 'test/long/many.ts' },
  hostname: { why: 'a host has one', test: 'test/long/host-settings.test.ts' },
  timezone: { why: 'a host has one', test: 'test/long/host-settings.test.ts' },
  locale: { why: 'each takes a second of locale-gen', test: 'test/long/host-settings.test.ts' },
  swap: { why: 'a container has none of its own', test: 'test/long/firewall.test.ts' },
  firewall: { why: 'a host has one', test: 'test/long/firewall.test.ts' },
  listens: { why: 'each needs a service that listens', test: 'test/long/firewall.test.ts' },
  zone: { why: 'each needs its name server', test: 'test/sandbox/dns.test.ts' },
  release: { why: 'each is a running app', test: 'test/sandbox/deploy.test.ts' },
  workers: { why: 'each is of a running app', test: 'test/long/workers.test.ts' },
  handler: { why: 'runs where something else changed', test: 'test/sandbox/converge.test.ts' },
  configSet: { why: 'holds files, and 500 of them are above', test: 'test/sandbox/converge.test.ts' },
}
