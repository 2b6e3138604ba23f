import { describe, expect, it } from 'vitest'
import type { Facts } from '#engine/converge/facts.ts'
import { declare } from '#engine/converge/testing.ts'
import type { Site } from '#engine/vars.ts'
import { swapSize } from '#roles/base/kernel.ts'
import base from '#roles/base/role.ts'
import vars from '#roles/base/vars.ts'

const login = { port: 22, client: '192.0.2.9', user: 'deploy', keys: ['NZuGeIQ70cXkLiGxDstK5W4'] }
const machine: Partial<Facts> = { memory: 966, ssh: login }

const declared = (vars: object = {}, facts: Partial<Facts> = {}) =>
  declare(base, { vars, facts: { ...machine, ...facts } })

const textOf = (path: string, ...given: Parameters<typeof declared>) => declared(...given).text(path)
const labels = (...given: Parameters<typeof declared>) => declared(...given).labels

describe('the base role', () => {
  it('declares what a small server has, the firewall last.', () => {
    expect(labels().filter(label => !/^(sysctl|kernelModule)/.test(label))).toEqual([
      'apt tzdata',
      'timezone Etc/UTC',
      'file /etc/timezone',
      'setting /etc/default/locale: LANG',
      'file /etc/issue',
      'file /etc/issue.net',
      'directory /etc/security/limits.d',
      'file /etc/security/limits.d/capstan.conf',
      'directory /etc/systemd/coredump.conf.d',
      'file /etc/systemd/coredump.conf.d/capstan.conf',
      'lineInFile /etc/login.defs: SHA_CRYPT_MIN_ROUNDS 640000',
      'lineInFile /etc/login.defs: SHA_CRYPT_MAX_ROUNDS 640000',
      'lineInFile /etc/login.defs: UMASK 027',
      'directory /etc/systemd/journald.conf.d',
      'template /etc/systemd/journald.conf.d/capstan.conf',
      'apt systemd-timesyncd',
      'directory /etc/systemd/timesyncd.conf.d',
      'template /etc/systemd/timesyncd.conf.d/capstan.conf',
      'service systemd-timesyncd',
      'file /etc/sysctl.d/zz-capstan-rp-filter.conf',
      'swap /swapfile',
      'swap /etc/fstab: /swapfile',
      'apt unattended-upgrades',
      'template /etc/apt/apt.conf.d/52capstan-upgrades',
      'service apt-daily.timer',
      'service apt-daily-upgrade.timer',
      'apt debsums',
      'command check the files of packages by cron',
      'unit capstan-checksums.service',
      'unit capstan-checksums.timer',
      'service capstan-checksums.timer',
      'template /etc/ssh/sshd_config.d/00-capstan.conf',
      'apt nftables',
      'firewall nftables',
    ])
  })

  it('protects the kernel of a machine, and blocks modules that nothing there needs.', () => {
    expect(labels()).toEqual(
      expect.arrayContaining([
        ...['kernel.kptr_restrict', 'kernel.randomize_va_space', 'fs.suid_dumpable'].map(
          key => `sysctl ${key}`,
        ),
        ...['accept_redirects', 'accept_source_route', 'rp_filter', 'send_redirects'].flatMap(key =>
          ['all', 'default'].map(which => `sysctl net.ipv4.conf.${which}.${key}`),
        ),
        ...['dccp', 'cramfs', 'usb-storage'].map(name => `kernelModule ${name}`),
      ]),
    )
    expect(textOf('/etc/sysctl.d/zz-capstan-rp-filter.conf')).toContain('net.ipv4.conf.*.rp_filter = 1\n')
    expect(textOf('/etc/security/limits.d/capstan.conf')).toContain('* hard core 0\n')
    expect(textOf('/etc/issue.net')).toContain('Authorized users only.')
  })

  it('lets programs write core dumps, and leaves the files of packages unchecked, where the vars say so.', () => {
    const absent = ['/etc/security/limits.d/capstan.conf', '/etc/systemd/coredump.conf.d/capstan.conf']
    expect(textOf('/etc/systemd/coredump.conf.d/capstan.conf')).toContain('Storage=none\nProcessSizeMax=0\n')
    for (const path of absent) expect(() => textOf(path, { coreDumps: true })).toThrow('writes no file')
    const unchecked = labels({ checksums: false })
    expect(unchecked).not.toContain('apt debsums')
    expect(unchecked).toContain('command check no files of packages by cron')
    expect(unchecked).not.toContain('command check the files of packages by cron')
  })

  it('sets the mode of new homes by UMASK on Debian 12 alone: later, it would be the umask of sessions.', () => {
    const umask = 'lineInFile /etc/login.defs: UMASK 027'
    expect(labels()).toContain(umask)
    expect(labels({}, { system: 'debian 13' })).not.toContain(umask)
  })

  it('leaves clock, swap space and kernel settings of a container to its machine.', () => {
    const inside = labels({}, { isContainer: true })
    expect(inside.filter(label => /^(sysctl|kernelModule|swap)/.test(label))).toEqual([])
  })

  it.each([
    [480, '512m'],
    [966, '1g'],
    [1966, undefined],
    [16_000, undefined],
  ])('gives a host of %i MiB swap space of %s.', (memory, size) => {
    expect(swapSize({ memory } as Facts)).toBe(size)
  })

  it('lets root in only where Capstan logs in as root, and by key.', () => {
    const path = '/etc/ssh/sshd_config.d/00-capstan.conf'
    expect(textOf(path)).toContain('\nPermitRootLogin no\n')
    expect(textOf(path, {}, { ssh: { ...login, user: 'root' } })).toContain(
      '\nPermitRootLogin prohibit-password\n',
    )
    expect(textOf(path)).toContain('\nPasswordAuthentication no\n')
  })

  it('puts options before its own settings, as sshd takes the first.', () => {
    const text = textOf('/etc/ssh/sshd_config.d/00-capstan.conf', { ssh: { options: ['MaxAuthTries 2'] } })
    expect(text.indexOf('MaxAuthTries 2')).toBeLessThan(text.indexOf('MaxAuthTries 4'))
  })

  it('gives OpenSSH only algorithms that it knows.', () => {
    expect(textOf('/etc/ssh/sshd_config.d/00-capstan.conf')).not.toContain('mlkem')
    expect(textOf('/etc/ssh/sshd_config.d/00-capstan.conf', {}, { system: 'debian 13' })).toContain(
      'mlkem768x25519-sha256',
    )
  })

  it('reboots in its window, or never.', () => {
    const path = '/etc/apt/apt.conf.d/52capstan-upgrades'
    expect(textOf(path)).toContain('Automatic-Reboot-Time "04:30";')
    expect(textOf(path, { upgrades: { reboot: 'never' } })).toContain('Automatic-Reboot "false";')
    expect(textOf(path, { upgrades: { held: ['mariadb-server', 'g++'] } })).toContain('"^g\\+\\+$"')
  })

  it('gives the deploy user its keys, and sudo for its commands alone.', () => {
    const deploy = {
      user: 'ci',
      keys: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB27809apHx+zLpeRrumtNZuGeIQ70cXkLiGxDstK5W4 ci'],
    }
    const commands = ['/usr/bin/systemctl reload nginx']
    expect(labels({ deploy: { ...deploy, commands } }).filter(label => label.includes('ci'))).toEqual([
      'user ci',
      'directory /home/ci',
      'authorizedKey ci: all',
      'sudoers capstan-ci',
    ])
    expect(() => labels({ deploy: { ...deploy, commands: ['systemctl reload nginx'] } })).toThrow(
      'expected an absolute path',
    )
  })
})

describe('further package repositories', () => {
  const source = {
    uri: 'http://deb.debian.org/debian',
    suites: ['bookworm'],
    components: ['main'],
    key: 'test/fixtures/roles/declared/files/debian-12.asc',
    fingerprint: 'B8B8 0B5B 623E AB6A D877  5C45 B7C5 D7D6 3509 47F8',
  }
  const site = { name: 'foobar' } as unknown as Site

  it('are set up first, each with its key.', () => {
    expect(labels({ sources: { old: source } }).slice(0, 3)).toEqual([
      'aptSource key /etc/apt/keyrings/old.asc',
      'aptSource old',
      'apt tzdata',
    ])
    expect(textOf('/etc/apt/sources.list.d/old.sources', { sources: { old: source } })).toContain(
      'URIs: http://deb.debian.org/debian\nSuites: bookworm\nComponents: main\n',
    )
  })

  it('are not named as the distribution’s own.', () => {
    expect(vars.parse({ sources: { debian: source } }, site)).toMatchObject({ ok: false })
  })

  it.each([
    [{ fingerprint: 'A'.repeat(40) }, /holds the key B8B80B5B.*, and A{40} was expected/],
    [{ key: 'inventory/keys/none.asc' }, /ENOENT.*none\.asc/],
    [{ key: 'README.md' }, /README\.md: /],
  ])('are refused with %j, before a host is asked.', (change, message) => {
    expect(vars.parse({ sources: { old: { ...source, ...change } } }, site)).toEqual({
      ok: false,
      problems: [{ path: ['sources', 'old', 'key'], message: expect.stringMatching(message) }],
    })
  })
})

describe('a lockout', () => {
  const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB27809apHx+zLpeRrumtNZuGeIQ70cXkLiGxDstK5W4'
  const account = (user: string, keys: readonly string[]) => ({ deploy: { user, keys } })

  it('by keys of the account that is logged in is refused, unless one of them is its own.', () => {
    const other = { ssh: { ...login, keys: ['an-other-keys-end'] } }
    expect(() => declared(account('deploy', [key]), other)).toThrow(
      'has none of the keys that deploy logs in',
    )
    expect(() => declared(account('deploy', []))).toThrow(expect.objectContaining({ code: 'locked-out' }))
    expect(() => declared(account('deploy', [`${key} me`]))).not.toThrow()
    expect(() => declared(account('ci', [key]), other)).not.toThrow()
    expect(() => declared(account('root', [key]))).toThrow('deploy.user: expected an account of its own')
  })

  it.each([
    ['of another port', { ports: [2222] }, {}, /base\.ssh\.ports is 2222, .* at port 22$/],
    ['from elsewhere', { from: ['10.0.0.0/8', '2001:db8::/32'] }, {}, /comes from 192\.0\.2\.9$/],
    ['of other users', { users: ['alice'] }, {}, /logged in as deploy$/],
    ['of root', { root: 'no' }, { user: 'root' }, /base\.ssh\.root is no/],
    ['without a key', {}, { keys: [] }, /deploy has none in/],
  ] as const)('%s is refused before anything is changed.', (_what, ssh, other, args) => {
    expect(() => declared({ ssh }, { ssh: { ...login, ...other } })).toThrow(
      expect.objectContaining({ code: 'locked-out', message: expect.stringMatching(args) }),
    )
  })

  it.each([
    [{ ports: [22, 2222] }, {}],
    [{ from: ['192.0.2.0/24'] }, {}],
    [{ from: ['2001:db8::/32'] }, { client: '2001:db8::1' }],
    [{ users: ['deploy'] }, {}],
    [{ root: 'no' }, {}],
    // sshd looks for keys elsewhere.
    [{}, { keys: undefined }],
  ] as const)('by %j is none.', (ssh, other) => {
    expect(() => declared({ ssh }, { ssh: { ...login, ...other } })).not.toThrow()
    expect(() => declared({ ssh: { ...ssh, root: 'key' } }, { ssh: undefined })).not.toThrow()
  })
})
