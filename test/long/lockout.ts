import { expect, it } from 'vitest'
import { type Machine, machine } from '../sandbox/machine.ts'
import { runHere, type SiteRun } from '../sandbox/site.ts'

/** A way to lock oneself out by vars of the role base, and what becomes of it. */
export interface Lockout {
  readonly vars: Readonly<Record<string, unknown>>
  /** Before the run, as root. */
  readonly before?: string
  /** After it. */
  readonly after?: string
  /** `refused`: nothing was changed. `undone`: it was changed, and put back within a minute. */
  readonly outcome: 'refused' | 'undone'
  /** The code or a part of the error. */
  readonly says: string | RegExp
}

const ssh = (vars: object) => ({ ssh: vars })
const option = (...options: readonly string[]) => ssh({ options })
const rules = (...all: readonly string[]) => ({ firewall: { rules: all } })
const undone = { outcome: 'undone', says: 'no new login came through' } as const
const locked = { outcome: 'refused', says: 'this would lock you out' } as const
const invalid = { outcome: 'refused', says: 'base.' } as const

export const lockouts: Readonly<Record<string, Lockout>> = {
  'another port of sshd': { vars: ssh({ ports: [2222] }), ...locked },
  'networks that the operator is not in': { vars: ssh({ from: ['203.0.113.0/24'] }), ...locked },
  'users that the operator is none of': { vars: ssh({ users: ['alice'] }), ...locked },
  'root, as which the operator logs in': { vars: ssh({ root: 'no' }), ...locked },
  'no key of the operator': {
    // This login works by a file that only sshd's command line names.
    before:
      'cp /root/.ssh/authorized_keys /etc/ssh/keys; rm /root/.ssh/authorized_keys; echo SSHD_OPTS="-o AuthorizedKeysFile=/etc/ssh/keys" >/etc/default/ssh; systemctl restart ssh',
    after:
      'cp /etc/ssh/keys /root/.ssh/authorized_keys; rm /etc/ssh/keys /etc/default/ssh; systemctl restart ssh',
    vars: {},
    ...locked,
  },
  'a port that is none': { vars: ssh({ ports: [99_999] }), ...invalid },
  'a network that is none': {
    vars: ssh({ from: ['10.0.0.0/33'] }),
    outcome: 'refused',
    says: 'a network such as',
  },
  'a rate of no connection': { vars: ssh({ rate: 0 }), ...invalid },
  'a key that is none': { vars: { deploy: { user: 'ci', keys: ['ssh-rsa'] } }, ...invalid },
  'an option that sshd does not know': {
    vars: option('PermitRootLogn yes'),
    ...{ outcome: 'refused', says: 'Bad configuration option' },
  },
  'an option with a bad value': {
    vars: option('Port 99999'),
    outcome: 'refused',
    says: /[Bb]ad(ly formatted)? port/,
  },
  'a block that takes in all that follows': {
    vars: option('Match User alice'),
    ...{ outcome: 'refused', says: 'not allowed within a Match block' },
  },
  'a deny of the operator’s user': { vars: option('DenyUsers root'), ...undone },
  'an allow of another user': { vars: option('AllowUsers alice'), ...undone },
  'no login by key': { vars: option('PubkeyAuthentication no'), ...undone },
  'keys in a file that is not there': { vars: option('AuthorizedKeysFile /none'), ...undone },
  'sshd on another port, past the var for it': { vars: option('Port 2222'), ...undone },
  'sshd on loopback alone': { vars: option('ListenAddress 127.0.0.1'), ...undone },
  'a command in place of the shell': { vars: option('ForceCommand /bin/false'), ...undone },
  'key exchange that no client has': { vars: option('KexAlgorithms diffie-hellman-group14-sha1'), ...undone },
  'a firewall that drops everything': { vars: rules('drop'), ...undone },
  'a firewall that drops ssh': { vars: rules('tcp dport 22 drop'), ...undone },
  'a chain that drops everything before': {
    vars: rules('} chain first { type filter hook input priority -10; policy drop;'),
    ...{ outcome: 'refused', says: 'syntax error' },
  },
  'a rule that nft does not know': {
    vars: rules('tcp dport 22 drp'),
    outcome: 'refused',
    says: 'syntax error',
  },
  'a sudo rule for more than it seems': {
    vars: { deploy: { user: 'ci', commands: ['/usr/bin/systemctl *'] } },
    ...{ outcome: 'refused', says: 'without wildcards' },
  },
  'a sudo rule that sudo cannot read': {
    vars: { deploy: { user: 'ci', commands: ['/usr/bin/id', 'ALL=(ALL'] } },
    ...{ outcome: 'refused', says: 'expected an absolute path' },
  },
  'an account for CI that is the operator’s': { vars: { deploy: { user: 'root' } }, ...invalid },
  'a clock that is a year ahead': {
    // All programs that start from here on, sshd's sessions among them: a container may not set the clock of its machine.
    before: `apt-get -qq install -y --no-install-recommends faketime >/dev/null 2>&1; now=$(date +%s)
      echo +365d >/etc/faketimerc; ls /usr/lib/*/faketime/libfaketime.so.1 >/etc/ld.so.preload
      systemctl restart ssh && [ "$(date +%s)" -gt "$((now + 31000000))" ]`,
    after: 'rm /etc/ld.so.preload /etc/faketimerc; systemctl restart ssh',
    vars: option('DenyUsers root'),
    ...undone,
  },
  'a full disk': {
    before:
      'mount -t tmpfs -o size=16k none /etc/ssh/sshd_config.d; head -c 20000 /dev/zero >/etc/ssh/sshd_config.d/full 2>/dev/null || :',
    after: 'umount /etc/ssh/sshd_config.d',
    vars: option('MaxSessions 9'),
    ...{ outcome: 'refused', says: /[Nn]o space left/ },
  },
}

/** A test of each: the run fails and says why, what lets the operator in is as before, and a new login works. */
export function lockoutTests(names: readonly string[], host: () => Machine): void {
  const site = (base: object): Promise<SiteRun> => runHere({ roles: ['base'], hosts: host(), vars: { base } })
  // The rules of nft as they are listed: without what the sets hold.
  const state = () =>
    host().say(
      'cat /etc/ssh/sshd_config.d/* /etc/nftables.conf 2>/dev/null; nft -s -t list ruleset; ls /etc/sudoers.d',
    )

  it.each(names)('%s', async name => {
    const { vars, before = ':', after = ':', outcome, says } = lockouts[name] as Lockout
    const was = await state()
    await host().say(before, 300)
    const began = performance.now()
    const run = await site(vars)
    const seconds = (performance.now() - began) / 1000
    await host().say(after)
    expect(run.exitCode).not.toBe(0)
    expect(`${run.stdout}${run.stderr}`).toMatch(says)
    if (outcome === 'refused')
      expect(run.changes.filter(one => !/^(user|authorizedKey)/.test(one))).toEqual([])
    expect(seconds).toBeLessThan(60)
    expect(await state()).toBe(was)
    const again = await machine(host().name, host().host.debian)
    again.close()
    expect((await site({})).recap()).toMatchObject({ failed: 0 })
  })
}
