import { afterAll, beforeAll, expect, it } from 'vitest'
import { itInFull } from './cases.ts'
import { scripts, source } from './deploy-app.ts'
import { kept } from './kept.ts'
import { type Machine, machine } from './machine.ts'
import { runHere } from './site.ts'

// status.mjs on a host that is well, and on the same host with something broken. These tests run in order.

const from = source()
let host: Machine
const vars = {
  site: { database: { password: 'of-hosts-that-are-kept' } },
  mysql: { bufferPool: '128m' },
  app: { workers: { mail: { command: 'tail -f /dev/null' } } },
}
interface Status {
  readonly state: string
  readonly findings: readonly {
    readonly name: string
    readonly state: string
    readonly text: string
    readonly cure?: string
  }[]
}

beforeAll(async () => {
  host = await machine('status12', 12, await kept('site', 12))
  const run = await runHere({ hosts: host, vars })
  expect(run.exitCode, run.stdout.slice(-3000)).toBe(0)
  expect((await scripts(host).deploy(from, { vars })).exitCode).toBe(0)
})
afterAll(() => {
  from.remove()
  host?.close()
})

async function status(): Promise<Status & { readonly exitCode: number | null }> {
  const { exitCode, lines, stdout, stderr } = await runHere({ script: 'status', hosts: host, vars })
  const [found] = lines as unknown as readonly Status[]
  if (!found) throw new Error(stdout + stderr)
  return { exitCode, ...found }
}
/** What is not good, as `name state text`. The memory and the disk are those of the machine that the test runs on. */
const wrong = ({ findings }: Status) =>
  findings
    .filter(({ state }) => state !== 'good')
    .map(({ name, state, text }) => `${name} ${state} ${text}`)
    .filter(line => !/^(memory|disk) \w+ (\d+ of|\/: )/.test(line))

it('A host that is well is healthy in every part.', async () => {
  const found = await status()
  expect(wrong(found)).toEqual([])
  expect(found.exitCode).toBe(Number(found.findings.some(({ state }) => state === 'bad')))
  const names = found.findings.map(({ name }) => name)
  for (const name of ['system', 'services', 'disk', 'memory', 'sockets', 'updates', 'reboot'])
    expect(names).toContain(name)
  for (const name of ['nginx', 'database', 'dns', 'certificate', 'site foobar']) expect(names).toContain(name)
})

const current = 'foobar@$(basename "$(readlink /srv/www/foobar/current)").service'
const certificate = '/etc/ssl/capstan/foobar.com'
const selfSigned = (days: number) =>
  `mkdir /root/kept && cp -a ${certificate}/. /root/kept/ && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days ${days} -subj /CN=foobar.com -keyout ${certificate}/privkey.pem -out ${certificate}/fullchain.pem 2>/dev/null`
// nginx takes the certificate when it gets to it.
const isServed = `of() { openssl x509 -noout -fingerprint 2>/dev/null; }
until [ "$(openssl s_client -connect 127.0.0.1:443 -servername foobar.com </dev/null 2>/dev/null | of)" = "$(of <${certificate}/fullchain.pem)" ]; do sleep 0.1; done`
const putBack = `cp -a /root/kept/. ${certificate}/ && rm -r /root/kept && systemctl reload nginx
${isServed}`
const listener =
  'use IO::Socket::INET; my $s = IO::Socket::INET->new(LocalPort => 8081, Listen => 1, ReuseAddr => 1) or die; sleep'

// What breaks it, a finding, the beginning of its cure, and what puts it right again.
const broken: readonly (readonly [what: string, how: string, finding: RegExp, cure: RegExp, back: string])[] =
  [
    [
      'a configuration that was edited by hand',
      'echo nonsense >>/etc/nginx/nginx.conf',
      /^nginx bad nginx would not start again: /,
      /site\.mjs -i \S+ -l status12 -t nginx/,
      "sed -i '/^nonsense$/d' /etc/nginx/nginx.conf",
    ],
    [
      'a worker that was stopped',
      'systemctl stop "foobar.mail@*"',
      /^site foobar bad mail: dead$/,
      /logs shows why/,
      'systemctl start "foobar.mail@$(basename "$(readlink /srv/www/foobar/current)").service"',
    ],
  ]
const others: typeof broken = [
  [
    'a service that was stopped',
    'systemctl stop nginx',
    /^services warning nginx.service is enabled and does not run$/,
    /run\.mjs .*status12 -- systemctl start nginx/,
    'systemctl start nginx',
  ],
  [
    'an app whose instance is gone',
    `systemctl stop "${current}"`,
    /^site foobar bad GET \/health of www\.foobar\.com: answered 502/,
    /app\.mjs -i \S+ logs shows why/,
    `systemctl start "${current}"`,
  ],
  [
    'a unit that failed',
    'systemd-run -q -u broken sh -c "exit 3"; until systemctl is-failed -q broken; do sleep 0.05; done',
    /^services bad broken.service has failed$/,
    /systemctl status broken.service/,
    'systemctl reset-failed broken',
  ],
  [
    'a full disk',
    'mkdir -p /mnt/full && mount -t tmpfs -o size=1m tmpfs /mnt/full && head -c 1040000 /dev/zero >/mnt/full/x',
    /^disk bad \/mnt\/full: (9[5-9]|100)% of its space used$/,
    /du -xh --max-depth=3 \/mnt\/full/,
    'umount /mnt/full',
  ],
  [
    'a disk without inodes',
    'mount -t tmpfs -o size=9m,nr_inodes=10 tmpfs /mnt/full && for n in 1 2 3 4 5 6 7 8 9; do : >/mnt/full/$n; done',
    /^disk bad \/mnt\/full: 100% of its inodes used$/,
    /du -x --inodes/,
    'umount /mnt/full',
  ],
  [
    'a socket that nobody declared',
    `systemd-run -q -u taker perl -e '${listener}'; until ss -Hltn sport = :8081 | grep -q .; do sleep 0.05; done`,
    /^sockets warning tcp port 8081 listens, and no role declares it$/,
    /sport = :8081/,
    'systemctl stop taker',
  ],
  [
    'a name server that was stopped',
    'systemctl stop pdns',
    /^sockets bad udp port 53 should listen and does not$/,
    /site\.mjs -i \S+ -l status12/,
    'systemctl start pdns',
  ],
  [
    'PowerDNS that does not answer',
    'systemctl stop pdns',
    /^dns bad PowerDNS does not answer/,
    /journalctl -u pdns/,
    'systemctl start pdns',
  ],
  [
    'a firewall that was flushed',
    'nft delete table inet capstan',
    /^sockets bad the firewall is not in force$/,
    /nft -f \/etc\/nftables\.conf/,
    'nft -f /etc/nftables.conf',
  ],
  [
    'a certificate that ends in three days',
    `${selfSigned(3)} && systemctl reload nginx
${isServed}`,
    /^certificate bad foobar\.com: [23] days left$/,
    /site\.mjs -i \S+ -l status12 -t tls/,
    putBack,
  ],
  [
    'a certificate that nginx does not serve',
    selfSigned(90),
    /^certificate bad foobar\.com: nginx serves another certificate/,
    /systemctl reload nginx/,
    putBack,
  ],
  [
    'a database that was stopped',
    'systemctl stop mariadb',
    /^database bad MariaDB does not answer: /,
    /journalctl -u mariadb/,
    'systemctl start mariadb',
  ],
  [
    'a site of which nothing is live',
    'mv /srv/www/foobar/current /srv/www/foobar/away',
    /^site foobar bad nothing is live$/,
    /deploy\.mjs /,
    'mv /srv/www/foobar/away /srv/www/foobar/current',
  ],
  [
    'a reboot that is due',
    'touch /run/reboot-required; echo linux-image-amd64 >/run/reboot-required.pkgs',
    /^reboot warning required by linux-image-amd64/,
    /systemctl reboot/,
    'rm /run/reboot-required*',
  ],
  [
    'a run that was killed before a handler',
    'mkdir -p /var/lib/capstan/pending && touch /var/lib/capstan/pending/aa',
    /^runs warning a run ended before it could run a handler$/,
    /site\.mjs -i \S+ -l status12/,
    'rm /var/lib/capstan/pending/aa',
  ],
  [
    'lists of packages that are old',
    'find /var/lib/apt/lists -type f -exec touch -d "10 days ago" {} +',
    /^updates warning the lists of packages are 10 days old$/,
    /apt-get update/,
    'find /var/lib/apt/lists -type f -exec touch {} +',
  ],
]

const shows = async ([, how, finding, cure, back]: (typeof broken)[number]) => {
  await host.say(how)
  try {
    const found = await status()
    const line = wrong(found).find(each => finding.test(each))
    expect(line, wrong(found).join('\n')).toBeDefined()
    expect(found.exitCode, wrong(found).join('\n')).toBe(
      Number(found.findings.some(({ state }) => state === 'bad')),
    )
    // A service that is stopped has other effects as well.
    if (line?.includes(' warning ') && !line.startsWith('services')) expect(wrong(found)).toEqual([line])
    const cures = found.findings.filter(({ state, text }) => state !== 'good' && line?.endsWith(text))
    expect(cures.map(each => each.cure)).toEqual([expect.stringMatching(cure)])
  } finally {
    await host.say(back)
  }
}
it.each(broken)('It shows %s.', (...each) => shows(each))
itInFull.each(others)('It shows %s.', (...each) => shows(each))

it('The host is healthy afterwards.', async () => {
  await expect.poll(async () => wrong(await status()), { timeout: 20_000 }).toEqual([])
})

it('A host that can’t be reached gives exit code 4, and the other one is still shown.', async () => {
  const gone = { connection: 'ssh', address: '127.0.0.1', port: 1 }
  const hosts = { [host.name]: { connection: 'sandbox', debian: 12 }, gone }
  const { exitCode, lines } = await runHere({ script: 'status', hosts, vars })
  expect(exitCode).toBe(4)
  expect(lines).toMatchObject([{ host: 'status12' }, { host: 'gone', state: 'bad', isUnreachable: true }])
})
