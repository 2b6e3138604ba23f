import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openWire } from '../connection/wire.ts'
import { debians, describeInFull, itInFull, some } from './cases.ts'
import { type Machine, machine } from './machine.ts'
import { runHere } from './site.ts'

let conv1: Machine
let conv2: Machine
beforeAll(async () => {
  ;[conv1, conv2] = await Promise.all([machine('conv1', 12), machine('conv2', 13)])
})
afterAll(() => {
  conv1?.close()
  conv2?.close()
})

const forget = `systemctl disable -q --now fixture 2>/dev/null
rm -rf /etc/fixture /run/fixture /etc/systemd/system/fixture.service /usr/local/bin/fixture
rm -rf /srv/many /srv/gates /run/gates /var/lib/capstan /run/capstan; systemctl daemon-reload`

describe('500 files', () => {
  it('take four trips to be made and two to be looked at, as counted at the channel and on the wire', async () => {
    await conv1.say(forget)
    const bare = await openWire(conv1.host.port)
    const full = await openWire(conv1.host.port)
    try {
      const run = (port: number, count: number) =>
        runHere({ roles: ['many'], hosts: { conv1: conv1.through(port) }, vars: { many: { count } } })
      const first = await run(full.port, 500)
      expect(first.exitCode).toBe(0)
      expect(first.recap()).toMatchObject({ ok: 501, changed: 501, failed: 0, trips: 4 })
      const before = full.waits()
      const second = await run(full.port, 500)
      expect(second.recap()).toMatchObject({ ok: 501, changed: 0, trips: 2 })
      await run(bare.port, 0)
      // Script and answer are longer, and fill more packets; the waits are the same or nearly so.
      expect(full.waits() - before).toBeLessThanOrEqual(bare.waits() + 3)
      expect(await conv1.say('cat /srv/many/*.conf | wc -l; stat -c %a /srv/many/7.conf')).toBe('500\n644\n')
    } finally {
      bare.close()
      full.close()
    }
  }, 60_000)
})

describe.each(debians(13))('--check --diff on a Debian %i host', debian => {
  const host = () => (debian === 12 ? conv1 : conv2)
  const check = (line = 'good') =>
    runHere({ roles: ['web'], hosts: host(), vars: { web: { line } }, args: ['-C', '-D'] })
  const all = [
    ...['file /usr/local/bin/fixture', 'unit fixture.service', 'directory /etc/fixture'],
    ...[
      'template /etc/fixture/main.conf',
      'file /etc/fixture/other.conf',
      'service fixture',
      'reload fixture',
    ],
  ]

  it('changes nothing on a bare host, and shows all that a run would do', async () => {
    await host().say(forget)
    const before = await host().listing()
    const { exitCode, changes, recap, lines } = await check()
    expect(exitCode).toBe(0)
    expect(changes).toEqual(all)
    expect(recap()).toMatchObject({ ok: 6, changed: 6, failed: 0, trips: 2 })
    expect(JSON.stringify(lines)).toContain('line good')
    expect(await host().listing()).toBe(before)
  })

  it('is followed by a run that does it, and one that finds nothing to do', async () => {
    const run = () => runHere({ roles: ['web'], hosts: host() })
    const first = await run()
    expect(first.changes).toEqual(all)
    expect(await host().say('cat /run/fixture/live')).toContain('line good')
    const second = await run()
    expect(second.recap()).toMatchObject({ ok: 6, changed: 0, failed: 0, skipped: 0, trips: 2 })
    expect(second.lines.filter(line => line.event === 'ok')).toHaveLength(6)
  })

  it('shows the one change of a hand edit, which the next run repairs with one reload', async () => {
    await host().say('rm -f /run/fixture/reloads; sed -i "s/good/by hand/" /etc/fixture/main.conf')
    const shown = await check()
    expect(shown.changes).toEqual(['template /etc/fixture/main.conf', 'reload fixture'])
    const text = await runHere({ roles: ['web'], hosts: host(), args: ['-CD'], text: true })
    expect(text.stdout).toMatch(/-line by hand\n.*\+line good\n/)
    expect(await host().say('grep line /etc/fixture/main.conf')).toBe('line by hand\n')
    const repaired = await runHere({ roles: ['web'], hosts: host() })
    expect(repaired.changes).toEqual(['template /etc/fixture/main.conf', 'reload fixture'])
    expect(await host().say('cat /run/fixture/reloads; grep line /run/fixture/live')).toBe(
      'reloaded\nline good\n',
    )
  })

  it('shows a mode, an owner and a link that somebody changed, and a run repairs them', async () => {
    await host().say('chmod 600 /etc/fixture/other.conf; chown daemon /etc/fixture')
    const { lines } = await check()
    const found = lines.filter(line => line.event === 'planned').map(line => line.differences)
    expect(found).toEqual([
      [{ what: 'owner', found: 'daemon', wanted: 'root' }],
      [{ what: 'mode', found: '0600', wanted: '0644' }],
      [],
    ])
    expect((await runHere({ roles: ['web'], hosts: host() })).exitCode).toBe(0)
    expect(await host().say('stat -c %a%U /etc/fixture /etc/fixture/other.conf')).toBe('755root\n644root\n')
  })
})

// Reads both files of one directory, whatever name it has by then; one that was removed meanwhile says nothing.
const watcher = `rm -f /run/enough; perl -e '
  until (-e "/run/enough") { chdir "/etc/fixture" or next; my $text = "";
    for ("main.conf", "other.conf") { open my $f, "<", $_ or last; local $/; $text .= <$f> }
    $text =~ s/^#.*\\n//; $text =~ s/\\n(?=.)/ /; $seen{$text}++ if (stat ".")[3] } print sort keys %seen'`

describe('a set of config files', () => {
  const converge = (line: string, args: readonly string[] = []) =>
    runHere({ roles: ['web'], hosts: conv1, vars: { web: { line } }, args })
  const files = () =>
    conv1.say('cd /etc/fixture; sha256sum *; stat -c "%n %a %U %Y" * .; ls -a /etc | grep capstan || :')

  beforeEach(async () => {
    expect((await converge('good')).exitCode).toBe(0)
    await conv1.say('rm -f /run/fixture/reloads')
  })

  it('that its test rejects leaves every file as it is; the error has role, file and the tester’s words', async () => {
    const before = await files()
    const run = await converge('bad')
    expect(run.exitCode).toBe(1)
    expect(run.error()).toMatchObject({
      code: 'config-rejected',
      message: 'conv1: fixture configuration: `fixture test` ended with 1',
      where: 'test/fixtures/roles/web/role.ts:13 (role web)',
      lines: [
        '2:line bad',
        'fixture: unknown word in /etc/fixture/main.conf',
        expect.stringContaining('template /etc/fixture/main.conf'),
      ],
      hint: expect.stringContaining('Nothing in /etc/fixture was changed'),
    })
    expect(run.recap()).toMatchObject({ ok: 5, changed: 0, failed: 1 })
    expect(await files()).toBe(before)
    expect(await conv1.say('grep line /run/fixture/live; ls /var/lib/capstan/pending')).toBe('line good\n')
    const next = await converge('better')
    expect(next.changes).toEqual(['template /etc/fixture/main.conf', 'reload fixture'])
    expect(await conv1.say('grep line /run/fixture/live; cat /run/fixture/reloads')).toBe(
      'line better\nreloaded\n',
    )
  })

  it.each(
    some(
      [
        ['an earlier run', 'pending'],
        ['a run of an older version', 'owed'],
      ],
      1,
    ),
  )('that fails its test keeps the pending handler of %s', async (_whose, folder) => {
    const key = Buffer.from('web/reload fixture').toString('hex')
    await conv1.say(`mkdir -p /var/lib/capstan/${folder}; : >/var/lib/capstan/${folder}/${key}`)
    expect((await converge('bad')).exitCode).toBe(1)
    expect((await converge('good')).changes).toEqual(['reload fixture'])
    expect((await converge('good')).recap()).toMatchObject({ changed: 0, trips: 2 })
  })

  it('that was broken by hand before is said to have been', async () => {
    await conv1.say('echo "line bad by hand" >/etc/fixture/main.conf')
    expect((await converge('bad')).error().hint).toMatch(/broken before this run, or the test is wrong/)
    expect(await conv1.say('cat /etc/fixture/main.conf')).toBe('line bad by hand\n')
  })

  it('whose reload fails is put back, the service goes on with it, and the hint says so', async () => {
    const before = await files()
    const run = await converge('unloadable')
    expect(run.error()).toMatchObject({
      code: 'step-failed',
      message: 'conv1: handler “reload fixture” ended with 1',
      where: 'test/fixtures/roles/web/role.ts:8 (role web)',
      hint: expect.stringContaining('were restored, and the handler succeeded with them'),
    })
    expect(run.error().lines.join()).toContain('fixture: address already in use')
    expect(run.recap()).toMatchObject({ changed: 0, failed: 1 })
    expect(await files()).toBe(before)
    expect(await conv1.say('grep line /run/fixture/live; systemctl is-active fixture')).toBe(
      'line good\nactive\n',
    )
    expect((await converge('better')).changes).toContain('reload fixture')
  })

  itInFull(
    'is never seen half done: what is tested is a copy, and both files change in one step',
    async () => {
      const watch = conv1.say(watcher)
      const run = await runHere({ roles: ['web'], hosts: conv1, vars: { web: { line: 'new', other: 'y' } } })
      expect((await converge('bad')).exitCode).toBe(1)
      await conv1.say(': >/run/enough')
      expect(run.exitCode).toBe(0)
      expect((await watch).split('\n')).toEqual(['line good x', 'line new y', ''])
    },
  )
})

describe.each(
  some(
    [
      ['with mount namespaces and without an exchange', ''],
      [
        'without mount namespaces',
        'printf "#!/bin/sh\\nexit 1\\n" >/run/no; chmod +x /run/no; mount --bind /run/no /usr/bin/unshare',
      ],
    ],
    1,
  ),
)('a set in /etc/ssh, which came with the image, %s', (_how, before) => {
  const converge = (vars: Record<string, string>) =>
    runHere({ roles: ['sshd'], hosts: conv2, vars: { sshd: vars } })
  const state = () =>
    conv2.say(
      'cd /etc/ssh; find . -type f -exec sha256sum {} + | sort; find . -printf "%p %m %u %l\\n" | sort; ls -a /etc | grep capstan || :',
    )
  const here = before === '' ? 'the test ran on a copy' : 'was restored'

  beforeAll(async () => {
    await conv2.say(`rm -f /etc/ssh/sshd_config.d/test.conf /etc/ssh/test-link /srv/ssh-reloads; ${before}`)
  })
  afterAll(() =>
    conv2.run('umount /usr/bin/unshare; rm -f /etc/ssh/sshd_config.d/test.conf /etc/ssh/test-link'),
  )

  it('is installed, file by file, and reloaded once', async () => {
    const run = await converge({})
    expect(run.changes).toEqual([
      'file /etc/ssh/sshd_config.d/test.conf',
      'link /etc/ssh/test-link',
      'reload ssh',
    ])
    expect(await conv2.say('sshd -T | grep -i maxauthtries; cat /srv/ssh-reloads')).toBe(
      'maxauthtries 5\nx\n',
    )
    expect((await converge({})).recap()).toMatchObject({ changed: 0, trips: 2 })
  })

  it('leaves all as it is when sshd -t rejects it', async () => {
    const before = await state()
    const { exitCode, error } = await converge({ line: 'MaxAuthTriess 5' })
    expect(exitCode).toBe(1)
    expect(error().lines.join('\n')).toMatch(/Bad configuration option: MaxAuthTriess/)
    expect(error().hint).toContain(here)
    expect(await state()).toBe(before)
  })

  it('is put back when its reload fails', async () => {
    const before = await state()
    const { exitCode, error } = await converge({
      line: 'MaxAuthTries 4',
      reload: 'grep -q 5 /etc/ssh/sshd_config.d/test.conf',
    })
    expect(exitCode).toBe(1)
    expect(error().hint).toMatch(/were restored, and the handler succeeded/)
    expect(await state()).toBe(before)
  })
})

describeInFull('a service whose unit file was purged and came back while it ran', () => {
  const load = () => conv1.say('systemctl show -p LoadState --value fixture')

  it('is read by systemd again, and reloads as before', async () => {
    expect((await runHere({ roles: ['web'], hosts: conv1 })).exitCode).toBe(0)
    const unit = '/etc/systemd/system/fixture.service'
    await conv1.say(
      `cp ${unit} /run/kept.service; rm ${unit}; systemctl daemon-reload; cp /run/kept.service ${unit}`,
    )
    expect(await load()).toBe('error\n')
    const run = await runHere({ roles: ['web'], hosts: conv1, vars: { web: { line: 'better' } } })
    expect(run.exitCode, run.stdout.slice(-3000)).toBe(0)
    expect(run.changes).toEqual(['template /etc/fixture/main.conf', 'service fixture', 'reload fixture'])
    expect(await load()).toBe('loaded\n')
    expect(await conv1.say('grep line /run/fixture/live')).toBe('line better\n')
    const next = await runHere({ roles: ['web'], hosts: conv1, vars: { web: { line: 'better' } } })
    expect(next.recap()).toMatchObject({ changed: 0, trips: 2 })
  })
})

describeInFull('a disk of /etc that is full', () => {
  const converge = (line: string) => runHere({ roles: ['web'], hosts: conv1, vars: { web: { line } } })
  const free = 'rm -f /etc/fill'
  beforeAll(async () => {
    expect((await converge('good')).exitCode).toBe(0)
    await conv1.say(`mkdir -p /run/etc; mount -t tmpfs -o mode=755,size=16m none /run/etc; cp -a /etc/. /run/etc
      mount --move /run/etc /etc; rmdir /run/etc`)
  })
  afterAll(() => conv1.run('umount -l /etc'))
  beforeEach(() =>
    conv1.say('dd if=/dev/zero of=/etc/fill bs=4096 2>/dev/null; [ $(stat -f -c %a /etc) = 0 ]'),
  )

  it('is named where a set of files can’t be changed, and nothing is', async () => {
    const sums = () => conv1.say('cd /etc/fixture; sha256sum *; ls -A /etc | grep capstan || :')
    const before = await sums()
    const { exitCode, error } = await converge('better')
    expect(exitCode).toBe(1)
    expect(error()).toMatchObject({
      code: 'set-refused',
      message: 'conv1: fixture configuration: the disk that /etc/fixture is on is full',
      hint: expect.stringContaining('df -h /etc/fixture'),
    })
    expect(await sums()).toBe(before)
    await conv1.say(free)
    expect((await converge('better')).changes).toEqual(['template /etc/fixture/main.conf', 'reload fixture'])
  })

  it('is named where a file can’t be written, which stays whole', async () => {
    await conv1.say(
      `${free}; rm /etc/systemd/system/fixture.service; dd if=/dev/zero of=/etc/fill bs=4096 2>/dev/null; :`,
    )
    const { exitCode, error } = await converge('better')
    expect(exitCode).toBe(1)
    expect(error()).toMatchObject({
      code: 'step-failed',
      message: 'conv1: unit fixture.service ended with 28',
      lines: ['/etc/systemd/system/fixture.service: No space left on device'],
      hint: expect.stringContaining('A disk of the host is full'),
    })
    await conv1.say(
      `${free}; [ ! -e /etc/systemd/system/fixture.service ]; ! ls -A /etc/systemd/system | grep capstan`,
    )
    expect((await converge('better')).exitCode).toBe(0)
    expect((await converge('better')).recap()).toMatchObject({ changed: 0, trips: 2 })
  })
})

describeInFull('handlers', () => {
  it('of another role that an earlier run owes are left to a run that has the role', async () => {
    await conv1.say(`${forget}; mkdir -p /run/gates; : >/run/gates/go`)
    const site = { hosts: conv1, roles: ['web', 'gates'] }
    expect((await runHere({ ...site, vars: { gates: { handler: 'false' } } })).exitCode).toBe(1)
    const only = await runHere({ ...site, args: ['-t', 'web'] })
    expect(only.recap()).toMatchObject({ changed: 0, trips: 2 })
    expect((await runHere({ ...site, args: ['-C'] })).changes).toEqual(['tell'])
    expect((await runHere({ ...site, args: ['-t', 'gates'] })).changes).toEqual(['tell'])
    expect((await runHere(site)).recap()).toMatchObject({ changed: 0, trips: 2 })
  })
})

describeInFull(
  'a set on a host without mount namespaces, whose run is killed before its test has spoken',
  () => {
    afterAll(() => conv1.run('umount /usr/bin/unshare'))

    it('is put back by the next run', async () => {
      const converge = (line: string) => runHere({ roles: ['web'], hosts: conv1, vars: { web: { line } } })
      expect((await converge('good')).exitCode).toBe(0)
      await conv1.say(
        'printf "#!/bin/sh\\nexit 1\\n" >/run/no; chmod +x /run/no; mount --bind /run/no /usr/bin/unshare; rm -f /run/fixture/reloads',
      )
      expect((await converge('killer')).error().code).toBe('stage-killed')
      expect(await conv1.say('grep line /etc/fixture/main.conf; ls -d /etc/.capstan*')).toBe(
        'line killer\n/etc/.capstan-0-fixture\n',
      )
      expect((await converge('good')).changes).toEqual(['reload fixture'])
      expect(
        await conv1.say(
          'grep line /etc/fixture/main.conf; cat /run/fixture/reloads; ls -d /etc/.capstan* 2>/dev/null || :',
        ),
      ).toBe('line good\nreloaded\n')
    })
  },
)
