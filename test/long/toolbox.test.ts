import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Machine, machine } from '../sandbox/machine.ts'
import { runHere, type SiteRun } from '../sandbox/site.ts'

// The role toolbox of test/fixtures/roles: a page of code that uses more than fifteen kinds of resources together.
const folder = mkdtempSync(join(tmpdir(), 'capstan-toolbox-'))
execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'web1', '-f', join(folder, 'web1')])
const [privateKey, publicKey] = ['web1', 'web1.pub'].map(name => readFileSync(join(folder, name), 'utf8'))
rmSync(folder, { recursive: true })

const login = `ssh -i /root/web1 -o BatchMode=yes -o IdentitiesOnly=yes -o StrictHostKeyChecking=no \\
  -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR keeper@127.0.0.1`
const asKeeper = 'runuser -u keeper --'
const runChecks = `${asKeeper} sh -c "$(sed -n 's/^[*].* keeper //p' /etc/cron.d/toolbox-checks)" || :`

let host: Machine
let first: SiteRun
const converge = (vars: object = {}) =>
  runHere({
    ...{ roles: ['toolbox'], hosts: host },
    vars: { toolbox: { keys: [publicKey?.trim()], timezone: 'Europe/Berlin', ...vars } },
  })

beforeAll(async () => {
  host = await machine('toolbox12', 12)
  await host.say('apt-get -qq update && apt-get -qq install -y nano >/dev/null 2>&1', 300)
  await host.say(`printf %s '${privateKey}' >/root/web1; chmod 600 /root/web1`)
  first = await converge()
})
afterAll(() => host?.close())

describe('the role toolbox', () => {
  it('changes a bare host by each kind that finds something to do there', () => {
    expect(first.exitCode, first.stdout.slice(-3000) + first.stderr).toBe(0)
    const nouns = first.changes.map(label => label.replace(/ .*/, ''))
    expect(nouns).toEqual(
      expect.arrayContaining([
        ...['apt', 'timezone', 'locale', 'hosts', 'group', 'user', 'authorizedKey', 'sudoers', 'directory'],
        ...['download', 'unit', 'service', 'template', 'file', 'mount', 'cron', 'setting', 'script', 'git'],
        ...['archive', 'link', 'lineInFile', 'block'],
      ]),
    )
  })

  it('finds nothing to do the next time, in two trips', async () => {
    const second = await converge()
    expect(second.exitCode, second.stdout.slice(-3000) + second.stderr).toBe(0)
    expect(second.changes).toEqual([])
    expect(second.recap()).toMatchObject({ changed: 0, failed: 0, trips: 2 })
  })

  it.each([
    [
      'the package that is not wanted is gone',
      "dpkg-query -W -f '${db:Status-Status}' nano 2>&1 || :",
      /^(config-files|.*no packages found.*)$/,
    ],
    ['the package is held', "dpkg-query -W -f '${Version} ${Status}' rsync", /^3\..* hold ok installed$/],
    ['the time zone is in force', 'date -d @0 +%H:%M', /^01:00$/],
    [
      'the locale is there',
      'LC_ALL=en_IE.UTF-8 locale currency_symbol; grep ^LANG= /etc/default/locale',
      /^€\nLANG=en_IE.UTF-8$/,
    ],
    ['the name resolves', 'getent hosts offsite', /^192\.0\.2\.7 +offsite\.internal offsite$/],
    ['the download is whole', 'sha256sum --check /etc/toolbox/canary.sha256', /^\/srv\/dumps\/canary: OK$/],
    [
      'the timer waits for its time',
      'systemctl list-timers --no-legend toolbox-prune.timer',
      / \d\d:00:00 .*toolbox-prune\.service/,
    ],
    ['cron runs with its option', 'systemctl status cron', /\/usr\/sbin\/cron -f -L 4$/m],
    [
      'the file system is mounted, now and at boot',
      "findmnt -no FSTYPE,OPTIONS /srv/page; stat -c '%a %U:%G' /srv/page; grep -c ' /srv/page tmpfs ' /etc/fstab",
      /^tmpfs .*noexec.*\n775 root:keepers\n1$/,
    ],
    [
      'the commit is checked out',
      'ls -A /opt/runbook; head -n 1 /opt/runbook/restore.md',
      /^restore\.md\n# Restore a dump$/,
    ],
    [
      'the link leads to a program of the archive',
      'readlink -e /usr/local/bin/bashtop; test -x /usr/local/bin/bashtop',
      /^\/opt\/bashtop\/bashtop$/,
    ],
    [
      'the line took the place of its comment',
      "grep -c '^#*compress$' /etc/logrotate.conf; grep -x compress /etc/logrotate.conf",
      /^1\ncompress$/,
    ],
    [
      'the block has one pair of comments',
      'grep -c "(Capstan)" /etc/bash.bashrc; bash -n /etc/bash.bashrc',
      /^2$/,
    ],
    ['a container gets no settings of the kernel', 'ls /etc/sysctl.d', /^(?![\s\S]*capstan)/],
  ])('%s', async (_title, script, output) => {
    expect((await host.say(script)).trim()).toMatch(output)
  })

  it('lets a host with a key send its dump', async () => {
    await host.say(`echo of web1 | gzip | ${login} 'cat >web1.gz'`)
    expect(
      await host.say("gunzip -c /srv/dumps/web1.gz; stat -c '%a %U:%G' /srv/dumps /srv/dumps/web1.gz"),
    ).toMatch(/^of web1\n750 keeper:keeper\n\d+ keeper:keeper\n$/)
  })

  it('removes old dumps for who may start that by sudo, and sudo allows no more', async () => {
    await host.say("touch -d '20 days ago' /srv/dumps/old.gz /srv/dumps/old")
    await host.say(`${asKeeper} sudo -n /usr/bin/systemctl start toolbox-prune.service`)
    expect(await host.say('ls /srv/dumps')).toBe('canary\nold\nweb1.gz\n')
    const refused = await host.run(`${asKeeper} sudo -n /usr/bin/systemctl stop toolbox-prune.timer`)
    expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('password is required') })
  })

  it('shows the result of the checks on a page that only the host itself reaches', async () => {
    await host.say(runChecks)
    expect(await host.say('busybox wget -qO- http://127.0.0.1:9180/checks.txt')).toMatch(
      /^\/srv\/dumps\/canary: OK\ndisk: \d+ % of at most 90 % in use\n/,
    )
    // 127.0.0.1:9180, and no other address; a bare host has no ss.
    const listening = 'awk \'$4 == "0A" && $2 ~ /:23DC$/ { print $2 }\' /proc/net/tcp /proc/net/tcp6'
    expect(await host.say(listening)).toBe('0100007F:23DC\n')
  })

  it('is repaired after hand edits, those parts alone that were edited', async () => {
    const edits: Readonly<Record<string, string>> = {
      'apt rsync': 'apt-mark -qq unhold rsync',
      // In Docker the file is a mount, which sed -i can't replace.
      'hosts /etc/hosts: offsite.internal IPv4':
        "sed 's/^192.0.2.7/192.0.2.8/' /etc/hosts >/run/hosts && cat /run/hosts >/etc/hosts",
      'user keeper': 'gpasswd -d keeper keepers >/dev/null',
      'sudoers keepers': "sed -i 's/NOPASSWD://' /etc/sudoers.d/keepers",
      'download /srv/dumps/canary': 'echo more >>/srv/dumps/canary',
      'service toolbox-prune.timer': 'systemctl -q disable --now toolbox-prune.timer',
      'template /etc/toolbox/toolbox.conf': "sed -i 's/90/100/' /etc/toolbox/toolbox.conf",
      'file /etc/toolbox/checks/disk': 'echo true >>/etc/toolbox/checks/disk',
      'tree /etc/toolbox/checks': 'cp /bin/true /etc/toolbox/checks/more',
      // The page needs it and stops first.
      'mount /srv/page': 'systemctl stop srv-page.mount',
      'service toolbox-page': '! systemctl is-active -q toolbox-page',
      'cron toolbox-checks': 'rm /etc/cron.d/toolbox-checks',
      'git /opt/runbook': 'echo more >>/opt/runbook/restore.md',
      'archive /opt/bashtop': 'rm -r /opt/bashtop/themes',
      'link /usr/local/bin/bashtop': 'ln -sf /bin/true /usr/local/bin/bashtop',
      'lineInFile /etc/logrotate.conf: compress': "sed -i 's/^compress$/#compress/' /etc/logrotate.conf",
      'block /etc/bash.bashrc: toolbox': "sed -i 's/alias checks/alias check/' /etc/bash.bashrc",
    }
    await host.say(
      Object.values(edits)
        .map(edit => `{ ${edit}; } || exit\n`)
        .join(''),
    )
    const repair = await converge()
    expect(repair.exitCode, repair.stdout.slice(-3000) + repair.stderr).toBe(0)
    expect([...repair.changes].sort()).toEqual(Object.keys(edits).sort())
    expect((await converge()).recap()).toMatchObject({ changed: 0, trips: 2 })
    await host.say(`${asKeeper} sudo -n /usr/bin/systemctl start toolbox-prune.service && ${runChecks}`)
    expect(await host.say('busybox wget -qO- http://127.0.0.1:9180/checks.txt')).toMatch(/canary: OK\ndisk: /)
  })

  it('moves the page to another port by one restart', async () => {
    const moved = await converge({ port: 9200 })
    expect(moved.exitCode, moved.stdout.slice(-3000) + moved.stderr).toBe(0)
    expect(moved.changes).toEqual(['unit toolbox-page.service', 'restart toolbox-page'])
    expect(await host.say('busybox wget -qO- http://127.0.0.1:9200/checks.txt')).toContain('canary: OK')
    expect((await converge({ port: 9200 })).recap()).toMatchObject({ changed: 0, trips: 2 })
  })
})
