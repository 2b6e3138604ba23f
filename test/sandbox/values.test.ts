import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Machine, machine } from './machine.ts'
import { runHere, runSite, type SiteRun } from './site.ts'

const values = [
  'two words',
  ' leading and trailing ',
  `it's`,
  '"double"',
  '$(touch /srv/values/run)',
  '`touch /srv/values/run`',
  '${HOME} $HOME \\$HOME',
  '; touch /srv/values/run #',
  '-rf',
  '--',
  '-n',
  'line\nline',
  '\nfirst',
  'last\n\n',
  'tab\there',
  'é ü 日本 😀',
  'back\\slash \\n',
  '*?[a-z]~!',
  '{a,b}',
  'a&b|c<d>e',
  '%s %n %% %h',
  'EOF',
  '.',
  'x'.repeat(200),
]
const password = 'p&a\'ss "w$(id)`id`\\o r%d; é😀'

let value1: Machine
beforeAll(async () => {
  value1 = await machine('value1', 12)
  await value1.say('rm -rf /srv/values /etc/systemd/system/values-test.service')
})
afterAll(() => value1?.close())

const site = { roles: ['values'], vars: { values: { values, password: '!secret TEST_PASSWORD' } } }
const env = { TEST_PASSWORD: password }
const run = (args: readonly string[] = [], text = false): Promise<SiteRun> =>
  (text ? runSite : runHere)({ ...site, hosts: value1, args, text, env })

// A watcher that has the secret in no argument of its own looks at every process of the host, as often as it can.
const watcher = `cat >/run/canary; chmod 600 /run/canary; perl -e '
  open my $f, "<", "/run/canary"; local $/; my $canary = <$f>; my ($sweeps, %seen) = 0;
  until (-e "/run/enough") { $sweeps++;
    for my $pid (map { m{(\\d+)} } glob "/proc/[0-9]*") { for my $what ("cmdline", "environ") {
      open my $p, "<", "/proc/$pid/$what" or next; my $text = <$p> // next;
      $seen{substr $text, 0, 60}++ if -1 != index $text, $canary } } }
  print "$sweeps\\n", keys %seen'`

describe('values of every kind', () => {
  it('go through paths, contents, link targets, sets, templates and handlers as they are', async () => {
    await value1.say('mkdir -p /srv/values/8; : >/srv/values/8/a-rf')
    const first = await run()
    expect(first.exitCode, first.stdout + first.stderr).toBe(0)
    const found = await value1.say(`cd /srv/values && for i in $(seq 0 ${values.length - 1}); do
      perl -e 'my $i = shift; chdir $i or die; opendir my $d, "."; my @names = sort grep { !/^\\.\\.?$/ } readdir $d;
        sub hex_ { unpack "H*", $_[0] } sub text { open my $f, "<", $_[0]; local $/; hex_(scalar <$f>) }
        for (@names) { my @s = lstat; print join(" ", $i, hex_($_), -l _ ? "link" : -d _ ? "dir" : "file", sprintf("%04o", $s[2] & 07777),
          scalar getpwuid $s[4], scalar getgrgid $s[5], -l _ ? hex_(readlink) : -d _ ? "" : text($_)), "\\n" }' $i; done`)
    expect(found.trim().split('\n')).toEqual(values.flatMap(expected))
    expect(await value1.say('ls /srv/values/run 2>/dev/null || :')).toBe('')
    expect((await run()).recap()).toMatchObject({ changed: 0, failed: 0, trips: 2 })
  }, 180_000)

  it('are refused where they would be an option to apt, with the place in the role', async () => {
    const names = ['-oAPT::Update::Pre-Invoke::=id']
    const { exitCode, error } = await runSite({
      roles: ['packages'],
      hosts: value1,
      vars: { packages: { names } },
    })
    expect(exitCode).toBe(1)
    expect(error()).toMatchObject({
      message: expect.stringContaining("expected a Debian package's name"),
      where: expect.stringMatching(/^test\/fixtures\/roles\/packages\/role\.ts:\d+$/),
    })
  })
})

function expected(value: string, index: number): readonly string[] {
  const name = value.replaceAll('/', '_')
  const hex = (text: string) => Buffer.from(text).toString('hex')
  const rows: [string, string, string, string, string, string][] = [
    ['bytes', 'file', '0604', 'daemon', 'adm', `00ff0a${hex(value)}`],
    [`d${name}`, 'dir', '0750', 'root', 'root', ''],
    [`f${name}`, 'file', '0644', 'root', 'root', hex(value)],
    [`l${name}`, 'link', '0777', 'root', 'root', hex(value)],
    [`s${name}`, 'file', '0644', 'root', 'root', hex(value)],
    ['told', 'file', '0644', 'root', 'root', hex('told\n')],
  ]
  if (!/[\n\t]/.test(value)) rows.push(['line', 'file', '0644', 'root', 'root', hex(`<${value}>\n`)])
  return rows
    .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .map(([one, ...rest]) => [index, hex(one), ...rest].join(' '))
}

describe('a secret', () => {
  const forms = [password, Buffer.from(password).toString('base64'), encodeURIComponent(password)]
  const shows = (text: string) =>
    forms.some(form => text.includes(form) || text.includes(JSON.stringify(form).slice(1, -1)))

  it('is in no argument and no environment of any process on the host while it is written', async () => {
    await value1.say('rm -rf /srv/values/secret*; rm -f /run/enough /run/canary')
    const quick = value1.say(`cat >/run/canary <<'CANARY'\n${password}\nCANARY\ntruncate -s -1 /run/canary`)
    await quick
    const watching = value1.say(watcher.replace('cat >/run/canary; ', ''), 120)
    await value1.until('pgrep -f /run/canary')
    const { exitCode, changes } = await run()
    // The control: the same secret in an argument, for as long as the shortest of our processes lives.
    await value1.say(
      'perl -e \'open my $f, "<", "/run/canary"; my $c = <$f>; system "sh", "-c", "sleep 0.05; :", $c\'',
    )
    await value1.say(': >/run/enough')
    const [sweeps = '', ...seen] = (await watching).trim().split('\n')
    expect(exitCode).toBe(0)
    expect(changes).toHaveLength(31)
    expect(Number(sweeps)).toBeGreaterThan(20)
    expect(seen.map(text => text.replaceAll('\0', ' ').slice(0, 12))).toEqual(['sh -c sleep '])
  }, 150_000)

  it.each([
    ['-vvv --diff', false],
    ['-vvv --diff, checking', false],
    ['-vvv --diff for people', true],
  ])('is not in the output, with %s', async (how, text) => {
    await value1.say(
      'echo other >/srv/values/secret; rm -f /srv/values/secret-1; chmod 644 /srv/values/secret-2',
    )
    const args = ['-vvv', '--diff', ...(how.includes('checking') ? ['--check'] : [])]
    const { exitCode, stdout, stderr } = await run(args, text)
    expect(exitCode).toBe(0)
    expect(shows(stdout + stderr)).toBe(false)
    expect(stdout).toMatch(text ? /secret content hidden/ : /"text":"secret"/)
    expect(shows(`x ${password} y`)).toBe(true)
  })

  it('is in files of root alone, those that were declared, and what the run needed is gone', async () => {
    await value1.say('rm -f /run/canary')
    const hits = async (command: string) =>
      (
        await value1.run(
          `printf '%s' '${Buffer.from(password).toString('hex')}' | perl -e 'print pack "H*", <STDIN>' >/run/pattern; chmod 644 /run/pattern
        ${command} grep -rlsF -f /run/pattern --exclude-dir=proc --exclude-dir=sys --exclude=pattern --exclude-dir=usr / ; rm -f /run/pattern`,
          120,
        )
      ).stdout
        .trim()
        .split('\n')
        .filter(Boolean)
        .sort()
    expect(await hits('setpriv --reuid=65534 --regid=65534 --clear-groups')).toEqual([])
    const declared = [
      '/srv/values/secret',
      ...Array.from({ length: 30 }, (_, index) => `/srv/values/secret-${index}`),
    ]
    expect(await hits('')).toEqual(declared.sort())
    expect(
      await value1.say(
        'find /var/lib/capstan -name script; stat -c "%a %U" /var/lib/capstan /var/lib/capstan/runs/* /var/lib/capstan/runs/*/log | sort -u',
      ),
    ).toBe('600 root\n700 root\n')
  }, 150_000)
})
