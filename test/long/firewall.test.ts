import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sandboxDown } from '#engine/sandbox/sandbox.ts'
import { type Call, declare, declaredCases } from '../sandbox/declared.ts'
import { type Machine, machine, root } from '../sandbox/machine.ts'

const web: Call = ['listens', 'perl-web', { tcp: [80, 8080], at: ['0.0.0.0'] }]
const server = `systemctl is-active -q perl-web || systemd-run -q --unit perl-web perl -e '
  use Socket; for (80, 8080, 9100) { socket my $s, AF_INET, SOCK_STREAM, 0; setsockopt $s, SOL_SOCKET, SO_REUSEADDR, 1; bind $s, pack_sockaddr_in($_, $_ == 9100 ? inet_aton("127.0.0.1") : INADDR_ANY) or die; listen $s, 5; push @s, $s } sleep'`

declaredCases('filters', 12, {
  'the firewall': {
    before: server,
    declare: [['apt', 'nftables'], ['firewall', { allow: [{ tcp: 9100, from: ['10.0.0.0/8'] }] }], web],
    holds:
      'nft list chain inet capstan input | grep -q "policy drop"; nft list chain inet capstan input | grep -q "tcp dport { 80, 8080, 8099 } accept"; nft -c -f /etc/nftables.conf; [ "$(systemctl is-enabled nftables)" = enabled ]; ! systemctl is-active -q capstan-firewall-undo.timer',
    byHand: 'nft add rule inet capstan input tcp dport 1234 accept',
    absent: [['firewall.absent']],
    gone: '! nft list table inet capstan 2>/dev/null; [ "$(systemctl is-enabled nftables)" = disabled ]; ! grep -q capstan /etc/nftables.conf',
  },
  'a service that listens some time after it was started': {
    before: `cat >/etc/systemd/system/late-web.service <<'END'
[Service]
ExecStart=perl -e 'use Socket; sleep 3; socket my $s, AF_INET, SOCK_STREAM, 0; bind $s, pack_sockaddr_in(8099, INADDR_ANY) or die; listen $s, 5; sleep'
END
systemctl daemon-reload`,
    declare: [
      ['service', 'late-web', { running: true }],
      ['listens', 'late-web', { tcp: 8099, at: ['0.0.0.0'] }],
    ],
    holds: 'grep -q ":1FA3 00000000:0000 0A" /proc/net/tcp',
    byHand: 'systemctl stop late-web',
    edited: 2,
  },
  'swap space': {
    before: 'touch /etc/fstab',
    declare: [['swap', '/var/swap-1', { size: '8m' }]],
    // A container has its machine's: the file is ready, and not in use.
    holds:
      '[ "$(stat -c "%s %a" /var/swap-1)" = "8388608 600" ]; [ "$(blkid -p -s TYPE -o value /var/swap-1)" = swap ]; grep -qx "/var/swap-1 none swap sw 0 0" /etc/fstab; [ -z "$(swapon --show --noheadings)" ] || ! swapon --show | grep -q swap-1',
    edited: 2,
    byHand: 'chmod 644 /var/swap-1; sed -i /swap-1/d /etc/fstab',
    absent: [['swap.absent', '/var/swap-1']],
    gone: '! [ -e /var/swap-1 ]; ! grep -q swap-1 /etc/fstab',
  },
})

describe('a firewall that would cut off its operator', () => {
  let host: Machine
  const firewall = (options: object) => declare(host, [['apt', 'nftables'], ['firewall', options], web])
  const table = () => host.say('nft -s -t list table inet capstan; cat /etc/nftables.conf')
  const logsIn = async () => (await machine('filter12', 12)).close()

  beforeAll(async () => {
    host = await machine('filter12', 12)
    await host.say(server)
    expect((await firewall({})).exitCode).toBe(0)
  }, 300_000)
  afterAll(async () => {
    host?.close()
    await sandboxDown({ root, say: () => {}, names: ['filter12'] })
  })

  it('is replaced by the one from before, and the run says why', async () => {
    const before = await table()
    const { exitCode, error, stdout } = await firewall({ rules: ['tcp dport 22 drop'] })
    expect(exitCode).toBe(1)
    expect(error().lines).toEqual(['no new login came through', 'the rules from before are in force again'])
    expect(stdout).toContain('a new login does not work')
    expect(await table()).toBe(before)
    await logsIn()
  })

  it('is undone by the host itself where the run is killed in between', async () => {
    const before = await table()
    const options = { from: ['203.0.113.0/24'] }
    const killed = firewall(options)
    await host.until('systemctl is-active -q capstan-firewall-undo.timer')
    await host.say(
      'until nft list table inet capstan | grep -q 203.0.113; do sleep 0.1; done; pkill -9 -f "^sh /var/lib/capstan/runs/.*/script"',
    )
    expect((await killed).exitCode).not.toBe(0)
    await host.until('! systemctl is-active -q capstan-firewall-undo.timer', 70)
    expect(await table()).toBe(before)
    await logsIn()
  })

  it('is refused where nft does not take it, and nothing changes', async () => {
    const before = await table()
    const { error } = await firewall({ rules: ['tcp dport 22 drp'] })
    expect(error().lines.join('\n')).toContain('syntax error')
    expect(await table()).toBe(before)
  })

  it('drops more new logins of one address than its rate allows, for a minute', async () => {
    await firewall({ rate: 3 })
    // What the tests' own logins counted, which come from the same address with some engines.
    await host.say('nft flush set inet capstan ssh_banned4; nft flush set inet capstan ssh_rate4')
    const probe = `bash -c 'for i in 1 2 3 4 5 6 7; do timeout 1 bash -c "exec 3<>/dev/tcp/${host.host.ip}/22" 2>/dev/null && echo in || echo out; done'`
    const { execFileSync } = await import('node:child_process')
    const said = execFileSync('sh', ['-c', probe]).toString().split('\n').filter(Boolean)
    expect([said[0], said.at(-1)]).toEqual(['in', 'out'])
    // What is established stays so.
    expect(await host.say('nft list set inet capstan ssh_banned4')).toContain('expires')
    await host.say('nft flush set inet capstan ssh_banned4; nft flush set inet capstan ssh_rate4')
  })
})
