import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { WantedEdit } from '#engine/resources/edit.ts'
import { fingerprints } from '#engine/resources/open-pgp.ts'
import { Secret } from '#engine/secret.ts'
import { contentOf, declared, type Nouns } from './nouns.ts'

const refusals = (rows: readonly [string, (nouns: Nouns) => void, string][]) =>
  it.each(rows)('refuses %s', (_title, tasks, message) => {
    expect(() => declared(tasks)).toThrow(message)
  })

describe('cron', () => {
  it.each([
    '* * * * *',
    '*/5 0-6 1,15 jan,MAR 1-5',
    '5-59/10 4 31 12 7',
    '0 0 1-31/2 * sun',
    '@reboot',
    '@daily',
  ])('takes the time %j', at => {
    expect(contentOf(n => n.cron('a', { at, command: 'x' }))).toBe(`# Managed by Capstan.\n${at} root x\n`)
  })

  it('writes a user, variables, and % as cron wants them', () => {
    const environment = { MAILTO: '', A: `it's`, B: 'say "x"' }
    expect(
      contentOf(n => n.cron('a', { at: '5  4 * * *', command: 'date +%s', as: 'shop', environment })),
    ).toBe('# Managed by Capstan.\nMAILTO=""\nA="it\'s"\nB=\'say "x"\'\n5 4 * * * shop date +\\%s\n')
  })

  it('writes a command so that cron reads it as it is given', () => {
    const command = String.raw`printf '%s\\%d\n' a\b "\\"`
    const line = contentOf(n => n.cron('a', { at: '@daily', command })).split('\n')[1] ?? ''
    // Source: do_command.c of cron, tried on Debian 12: a backslash before % or a backslash goes, a bare % ends the command.
    expect(line.replace('@daily root ', '').replace(/\\([\\%])/g, '$1')).toBe(command)
    expect(line).not.toMatch(/(?<!\\)(\\\\)*%/)
  })

  it('is for root alone where it has a secret', () => {
    const [one] = declared(n =>
      n.cron('a', { at: '@daily', command: 'x', environment: { T: new Secret('abcd') } }),
    )
    expect(one).toMatchObject({
      label: 'cron a',
      wanted: { secret: true, mode: '0600', path: '/etc/cron.d/a' },
    })
  })

  refusals([
    ['four fields', n => n.cron('a', { at: '* * * *', command: 'x' }), 'expected five fields'],
    [
      'a step without a range',
      n => n.cron('a', { at: '5/10 * * * *', command: 'x' }),
      'expected five fields',
    ],
    [
      'a command that is longer than cron reads',
      n => n.cron('a', { at: '@daily', command: `: ${'%'.repeat(499)}` }),
      'expected a command of 998 bytes at most, as cron reads no longer one, got 1000',
    ],
    ['a minute of 60', n => n.cron('a', { at: '60 * * * *', command: 'x' }), 'expected five fields'],
    ['a range backwards', n => n.cron('a', { at: '5-1 * * * *', command: 'x' }), 'expected five fields'],
    ['a month as a weekday', n => n.cron('a', { at: '* * * * jan', command: 'x' }), 'expected five fields'],
    ['another word', n => n.cron('a', { at: '@often', command: 'x' }), 'expected five fields'],
    [
      'a time with a command in it',
      n => n.cron('a', { at: '* * * * *\n* * * * * root id', command: 'x' }),
      'expected five fields',
    ],
    [
      'two lines',
      n => n.cron('a', { at: '@daily', command: 'x\ny' }),
      'expected one line of text as a command of cron',
    ],
    [
      'a name with a dot',
      n => n.cron('a.b', { at: '@daily', command: 'x' }),
      'expected a name of letters, digits, - and _',
    ],
    [
      'a secret in its command',
      n => n.cron('a', { at: '@daily', command: `x ${new Secret('abcd')}` }),
      'a secret was joined',
    ],
    [
      'quotes of both kinds',
      n => n.cron('a', { at: '@daily', command: 'x', environment: { A: `'"` } }),
      'cron reads no value',
    ],
  ])
})

describe('timer', () => {
  const text = (end: string) =>
    contentOf(
      n =>
        n.timer('a', {
          at: ['daily', '*:0/15'],
          command: ['x', '100% $A "b"\\\n', ''],
          as: 'shop',
          in: '/srv/a%b',
          environment: { A: '$B %h' },
          randomDelay: '1h',
          persistent: false,
        }),
      end,
    )

  it('is two units and the service of one of them', () => {
    expect(declared(n => n.timer('a', { at: 'daily', command: 'true' })).map(one => one.label)).toEqual([
      'unit a.service',
      'unit a.timer',
      'service a.timer',
    ])
    expect(declared(n => n.timer.absent('a')).map(one => one.label)).toEqual([
      'service a.timer',
      'unit a.timer',
      'unit a.service',
    ])
    expect(text('.service')).toBe(
      '# Managed by Capstan.\n[Unit]\nDescription=a, by its timer\n\n[Service]\nType=oneshot\nUser=shop\nWorkingDirectory=/srv/a%%b\n' +
        'Environment="A=$B %%h"\nExecStart="x" "100%% $$A \\"b\\"\\\\\\n" ""\n',
    )
    expect(text('.timer')).toBe(
      '# Managed by Capstan.\n[Unit]\nDescription=Timer of a\n\n[Timer]\nOnCalendar=daily\nOnCalendar=*:0/15\nPersistent=no\nRandomizedDelaySec=1h\n\n[Install]\nWantedBy=timers.target\n',
    )
    expect(contentOf(n => n.timer('a', { at: 'daily', command: 'a && b' }), '.service')).toContain(
      'ExecStart="/bin/sh" "-ec" "a && b"\n',
    )
  })

  refusals([
    [
      'a time of two lines',
      n => n.timer('a', { at: 'daily\nUnit=b', command: 'x' }),
      'expected one line of text as a time of a timer',
    ],
    ['no time', n => n.timer('a', { at: [], command: 'x' }), 'expected at least one time'],
    ['no program', n => n.timer('a', { at: 'daily', command: [] }), 'expected a program'],
    [
      'a secret',
      n => n.timer('a', { at: 'daily', command: `x ${new Secret('abcd')}` }),
      'it can’t hold a secret',
    ],
    [
      'a name with a slash',
      n => n.timer('../a', { at: 'daily', command: 'x' }),
      'expected a name of letters',
    ],
    [
      'an odd delay',
      n => n.timer('a', { at: 'daily', command: 'x', randomDelay: '1h\n' }),
      'expected a time span',
    ],
  ])
})

describe('sysctl', () => {
  it.each([
    ['vm.swappiness', '/proc/sys/vm/swappiness'],
    ['net.ipv4.conf.eth0/100.forwarding', '/proc/sys/net/ipv4/conf/eth0.100/forwarding'],
    ['net/ipv4/conf/eth0.100/forwarding', '/proc/sys/net/ipv4/conf/eth0.100/forwarding'],
  ])('finds %s below /proc/sys', (key, path) => {
    const [one] = declared(n => n.sysctl(key, 1))
    expect(one?.kind.apply(one.wanted, { isReadOnly: false })).toContain(`>${path}`)
    expect(one?.kind.apply(one.wanted, { isReadOnly: true })).not.toContain('/proc/sys')
  })

  it('says where it is in force from the next boot on only', () => {
    const [one] = declared(n => n.sysctl('vm.swappiness', 10))
    const found = { file: '# Managed by Capstan.\nvm.swappiness = 10\n', live: '60', isReadOnly: true }
    expect(one?.kind.diff(one.wanted, found)).toEqual([])
    expect(one?.kind.warning?.(one.wanted, found)).toContain('is 60 now, and 10 from the next boot on')
    expect(one?.kind.diff(one.wanted, { ...found, isReadOnly: false })).toEqual([
      { what: 'value', found: '60', wanted: '10' },
    ])
  })

  refusals([
    ['a key that stands for many', n => n.sysctl('net.ipv4.conf.*.rp_filter', 1), 'expected a key such as'],
    ['a key that leads out', n => n.sysctl('vm/../../etc/x', 1), 'expected a key such as vm.swappiness'],
    [
      'a second line',
      n => n.sysctl('vm.swappiness', '1\nkernel.x = 2'),
      'expected one line of text as vm.swappiness',
    ],
  ])
})

describe('kernelModule', () => {
  const found = { load: '', modprobe: '', loaded: 'no', isContainer: false }
  it('loads now and at boot, and unloads what is blocked', () => {
    const [one, two] = declared(n => {
      n.kernelModule('br_netfilter')
      n.kernelModule.blocked('usb-storage')
    })
    expect(one?.kind.diff(one.wanted, found).map(each => each.what)).toEqual(['state', 'at boot'])
    expect(one?.kind.apply(one.wanted, found)).toContain('modprobe -- br_netfilter\n')
    expect(two?.kind.apply(two.wanted, { ...found, loaded: 'module' })).toContain(
      'modprobe -r -- usb-storage\n',
    )
    expect(two?.kind.warning?.(two.wanted, { ...found, loaded: 'builtin' })).toContain('can’t be kept out')
    expect(one?.kind.apply(one.wanted, { ...found, isContainer: true })).not.toContain('modprobe --')
  })

  refusals([
    ['a name that is an option', n => n.kernelModule('x y'), 'expected the name of a kernel module'],
    [
      'parameters of two lines',
      n => n.kernelModule('x', { parameters: 'a\ninstall y /bin/sh' }),
      'expected one line',
    ],
  ])
})

const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHRlc3R0ZXN0dGVzdHRlc3R0ZXN0dGVzdHRlc3R0ZXM1'
function edited(text: string, tasks: (nouns: Nouns) => void): string {
  const [first] = declared(tasks)
  if (!first) throw new Error('nothing was declared')
  return (first.wanted as WantedEdit).edit(text).text
}

describe('authorizedKey', () => {
  const other = key.replace('dGVz', 'dGVy')
  it.each<[string, string, (nouns: Nouns) => void, string]>([
    ['adds a key', '# mine\n', n => n.authorizedKey('a', `${key} ci`), `# mine\n${key} ci\n`],
    [
      'knows a key by itself, not by its comment',
      `no-pty ${key} old\n${other}\n`,
      n => n.authorizedKey('a', `${key} new`),
      `${key} new\n${other}\n`,
    ],
    [
      'removes a second line of it',
      `${key} a\n${other}\n${key} b\n`,
      n => n.authorizedKey('a', key, { options: 'no-pty' }),
      `no-pty ${key}\n${other}\n`,
    ],
    ['removes a key', `${key} x\n# c\nfrom="a b" ${key}\n`, n => n.authorizedKey.absent('a', key), '# c\n'],
    ['leaves a comment that has it', `# ${key}\n`, n => n.authorizedKey.absent('a', key), `# ${key}\n`],
    ['keeps only those', `${other}\n# c\n`, n => n.authorizedKey.only('a', [`${key} x`]), `${key} x\n`],
  ])('%s', (_title, before, tasks, after) => {
    expect(edited(before, tasks)).toBe(after)
    expect(edited(after, tasks)).toBe(after)
  })

  refusals([
    ['a key that was cut off', n => n.authorizedKey('a', key.slice(0, -6)), 'expected a public key such as'],
    [
      'a type that is not the key’s',
      n => n.authorizedKey('a', key.replace('ssh-ed25519', 'ssh-rsa')),
      'expected a public key such as',
    ],
    ['options before the key', n => n.authorizedKey('a', `no-pty ${key}`), 'expected a public key such as'],
    [
      'a second line',
      n => n.authorizedKey('a', `${key}\n${other}`),
      'expected one line of text as a public key',
    ],
    [
      'a private key',
      n => n.authorizedKey('a', '-----BEGIN OPENSSH PRIVATE KEY-----'),
      'expected a public key such as',
    ],
    ['an odd user', n => n.authorizedKey('../root', key), 'expected a name of small letters'],
  ])
})

describe('sudoers', () => {
  it.each<[Parameters<Nouns['sudoers']>[1], string]>([
    [{ user: 'deploy', commands: ['ALL'] }, 'deploy ALL=(root) ALL'],
    [
      { user: '%admin', commands: ['/bin/a', '/bin/b c:d,e=f\\g'], as: 'shop', password: false },
      '%admin ALL=(shop) NOPASSWD: /bin/a, /bin/b c\\:d\\,e\\=f\\\\g',
    ],
    [{ user: 'x', commands: ['/bin/a #b'] }, 'x ALL=(root) /bin/a \\#b'],
    [{ content: 'Defaults use_pty\n\n' }, 'Defaults use_pty'],
  ])('%j', (options, line) => {
    expect(contentOf(n => n.sudoers('a', options))).toBe(`# Managed by Capstan.\n${line}\n`)
  })

  refusals([
    [
      'a wildcard',
      n => n.sudoers('a', { user: 'x', commands: ['/bin/cat /var/log/*'] }),
      'without wildcards',
    ],
    [
      'a regular expression',
      n => n.sudoers('a', { user: 'x', commands: ['/bin/cat ^/var/log/a+$'] }),
      'do not begin with ^',
    ],
    ['a relative command', n => n.sudoers('a', { user: 'x', commands: ['id'] }), 'expected an absolute path'],
    [
      'a second line',
      n => n.sudoers('a', { user: 'x', commands: ['/bin/id\nx ALL=(ALL) ALL'] }),
      'expected one line',
    ],
    ['no command', n => n.sudoers('a', { user: 'x', commands: [] }), 'expected at least one command'],
    [
      'an odd user',
      n => n.sudoers('a', { user: 'x ALL', commands: ['ALL'] }),
      'expected a name of small letters',
    ],
    ['a name with a dot', n => n.sudoers('a.b', { content: '' }), 'expected a name of letters'],
  ])
})

const source = {
  uris: 'https://x.example/debian',
  suites: ['a', 'b'],
  components: 'main',
  key: 'files/debian-12.asc',
  fingerprint: 'b8b80b5b623eab6ad8775c45b7c5d7d6350947f8',
}

describe('aptSource', () => {
  it('is a file of apt’s newer form, signed by its own key', () => {
    expect(contentOf(n => n.aptSource('x', { ...source, architectures: ['amd64'] }), '.sources')).toBe(
      '# Managed by Capstan.\nTypes: deb\nURIs: https://x.example/debian\nSuites: a b\nComponents: main\nArchitectures: amd64\nSigned-By: /etc/apt/keyrings/x.asc\n',
    )
  })

  it('reads the fingerprint of a key, armored or not', () => {
    const armored = readFileSync(join(import.meta.dirname, '../fixtures/roles/declared/files/debian-12.asc'))
    const [, body = ''] = /\n\n([\s\S]*)\n=/.exec(armored.toString()) ?? []
    for (const file of [
      armored,
      Buffer.from(armored.toString().replaceAll('\n', '\r\n')),
      Buffer.from(body, 'base64'),
    ])
      expect(fingerprints(file)).toEqual([source.fingerprint.toUpperCase()])
    for (const file of [
      Buffer.from(body, 'base64').subarray(0, 20),
      Buffer.from('not a key'),
      Buffer.alloc(0),
    ])
      expect(() => fingerprints(file)).toThrow(RangeError)
  })

  refusals([
    [
      'another fingerprint',
      n => n.aptSource('x', { ...source, fingerprint: '0'.repeat(40) }),
      'files/debian-12.asc: holds the key B8B80B5B623EAB6AD8775C45B7C5D7D6350947F8, and 000',
    ],
    [
      'a short fingerprint',
      n => n.aptSource('x', { ...source, fingerprint: 'B7C5D7D6350947F8' }),
      'expected a fingerprint of 40 or 64',
    ],
    [
      'a file that is no key',
      n => n.aptSource('x', { ...source, key: 'files/note.sh' }),
      'files/note.sh: is not an OpenPGP public key',
    ],
    [
      'a second field',
      n => n.aptSource('x', { ...source, suites: 'a\nTrusted: yes' }),
      'expected one line of text as Suites',
    ],
    [
      'an address that is none',
      n => n.aptSource('x', { ...source, uris: '-o x' }),
      'expected an address such as',
    ],
    ['a name with a slash', n => n.aptSource('../x', source), 'expected a name of letters'],
  ])
})

describe('apt', () => {
  const twoVersions = ({ apt }: Nouns) => {
    apt('nginx')
    apt('nginx', { version: '1' })
  }

  const nginx = (version: string, isHeld = false, status = 'installed') => ({
    packages: new Map([['nginx', { status, version, isHeld }]]),
    candidates: new Map([['nginx', '1.24']]),
  })
  it.each<[Parameters<Nouns['apt']>[1], ReturnType<typeof nginx>, string[], string]>([
    [{ version: '1.22*' }, nginx('1.22.1-9'), [], ''],
    [
      { version: '1.22.1' },
      nginx('1.22.1-9'),
      ['version'],
      "APT_ALLOWED='--allow-downgrades --allow-change-held-packages'\napt_install 'nginx=1.22.1'\n",
    ],
    [{ latest: true }, nginx('1.24'), [], ''],
    [
      { latest: true },
      nginx('1.22'),
      ['version of nginx'],
      "APT_ALLOWED='--allow-downgrades --allow-change-held-packages'\napt_install nginx\n",
    ],
    [{ hold: true }, nginx('1.22'), ['hold of nginx'], 'apt-mark -qq hold -- nginx\n'],
    [{ hold: false }, nginx('1.22', true), ['hold of nginx'], 'apt-mark -qq unhold -- nginx\n'],
    [
      { hold: true },
      nginx('', false, 'config-files'),
      ['state'],
      'apt_install nginx\napt-mark -qq hold -- nginx\n',
    ],
    [{}, nginx('1.22', true), [], ''],
  ])('%j of what is found', (options, found, differences, shell) => {
    const [one] = declared(n => n.apt('nginx', options as object))
    expect(one?.kind.diff(one.wanted, found).map(each => each.what)).toEqual(differences)
    if (shell) expect(one?.kind.apply(one.wanted, found)).toBe(shell)
  })

  it('asks apt for candidates of those alone that are to be the latest', () => {
    const all = declared(n => {
      n.apt('nginx')
      n.apt('curl', { latest: true })
    })
    const probe = all[0]?.kind.probe(
      all.map(one => one.wanted),
      { diff: false },
    )
    expect(probe).toMatch(/-- nginx curl 2>\/dev\/null \|\| :\napt-cache policy -- curl \|\| :\n$/)
    const output =
      'nginx installed install 1.22\ncurl installed hold 7.88\ncurl:\n  Installed: 7.88\n  Candidate: 8.0\n  Version table:\n'
    const [state] =
      all[0]?.kind.parse(
        Buffer.from(output),
        all.map(one => one.wanted),
      ) ?? []
    expect(state).toMatchObject({ known: true, value: { candidates: new Map([['curl', '8.0']]) } })
  })

  refusals([
    ['a version of two packages', n => n.apt('a1', 'b1', { version: '1' }), 'a version is of one package'],
    ['an odd version', n => n.apt('a1', { version: '1 -o x' }), 'expected a version such as'],
    ['an option as a package', n => n.apt.absent('-y'), "expected a Debian package's name"],
    ['two that want different versions', n => twoVersions(n), 'is declared twice'],
  ])
})
