import { afterAll, beforeAll, expect, it } from 'vitest'
import { sandboxDown } from '#engine/sandbox/sandbox.ts'
import { kept } from '../sandbox/kept.ts'
import { type Machine, machine, root } from '../sandbox/machine.ts'
import { runHere, type SiteRun } from '../sandbox/site.ts'

// A database host, and two others with a client: one is declared, and one is not.
const names = ['tlsserver', 'tlsclient', 'tlsother'] as const
const password = 'of-the-remote-app'
const quiet = { root, say: () => {} }
let [server, client, other] = [] as unknown as [Machine, Machine, Machine]

const vars = (more: object = {}) => ({
  mysql: {
    password,
    listen: [server.host.ip],
    from: ['localhost', client.host.ip],
    bufferPool: '128m',
    ...more,
  },
})
const converge = (more?: object, args: readonly string[] = []): Promise<SiteRun> =>
  runHere({ roles: ['base', 'mysql'], hosts: server, vars: vars(more), args })

/** What a client that connects to the server's address gets, or its error. */
async function connect(from: Machine, ...args: readonly string[]): Promise<string> {
  const said = await from.run(
    `MYSQL_PWD=${password} timeout 10 mariadb --no-defaults --connect-timeout=5 -BN -h ${server.host.ip} -u foobar ${args.join(' ')} ` +
      '-e "SELECT CURRENT_USER(); SHOW STATUS LIKE \'Ssl_cipher\'" 2>&1; true',
  )
  return said.stdout
}
// EINTR, ETIMEDOUT or EINPROGRESS.
const noAnswer = /^ERROR 200[23] \(HY000\): .*\((4|110|115)\)\n$/
const verified = ['--ssl-ca=/root/ca.pem', '--ssl-verify-server-cert']

beforeAll(async () => {
  for (const name of names) await sandboxDown({ ...quiet, names: [name] }).catch(() => {})
  const image = await kept('data', 12)
  for (const name of names) {
    const made = await machine(name, 12, image)
    if (name === 'tlsserver') server = made
    else if (name === 'tlsclient') client = made
    else other = made
  }
}, 1_800_000)
afterAll(async () => {
  for (const each of [server, client, other]) each?.close()
  await sandboxDown({ ...quiet, names: [...names] })
})

it('is set up in one run, and found in two trips.', async () => {
  const first = await converge()
  expect(first.exitCode, first.stdout.slice(-3000)).toBe(0)
  expect(first.changes).toContain('mysql certificate /etc/mysql/tls')
  expect((await converge()).recap()).toMatchObject({ changed: 0, failed: 0, trips: 2 })
  const ca = await server.say('cat /etc/mysql/tls/ca.pem')
  for (const each of [client, other]) await each.say(`cat >/root/ca.pem <<'E'\n${ca}E\n`)
})

it('lets a declared host in that verifies the server, over TLS.', async () => {
  expect(await connect(client, ...verified)).toMatch(
    new RegExp(`^foobar@${client.host.ip.replaceAll('.', '\\.')}\nSsl_cipher\tTLS_`),
  )
})

it('refuses a connection without TLS, to the account and by the server.', async () => {
  expect(await connect(client, '--skip-ssl')).toMatch(/^ERROR (1045|3159) /)
  const loopback = `MYSQL_PWD=${password} mariadb --no-defaults -h 127.0.0.1 -u foobar -e 'SELECT 1' 2>&1; true`
  expect(await server.say(loopback)).toMatch(/^ERROR /)
})

it('is not taken for the server by a client with another CA.', async () => {
  await client.say(
    'openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=x -keyout /dev/null -out /root/wrong.pem 2>/dev/null',
  )
  expect(await connect(client, '--ssl-ca=/root/wrong.pem', '--ssl-verify-server-cert')).toMatch(
    /^ERROR 2026 .*certificate/,
  )
})

it('is out of reach of a host that is not declared.', async () => {
  expect(await connect(other, ...verified)).toMatch(noAnswer)
  // Without the firewall, the server refuses it.
  await server.say(
    'nft add rule inet capstan input tcp dport 3306 accept && nft flush chain inet capstan input && nft add rule inet capstan input accept',
  )
  expect(await connect(other, ...verified)).toMatch(/^ERROR .*\b(1045|1130)\b/)
  const repair = await converge()
  expect(repair.changes).toEqual(['firewall nftables'])
})

it.each([
  ['the names of the server change', 'echo other >/etc/mysql/tls/names'],
  [
    'its key is another than that of its certificate',
    'openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out /etc/mysql/tls/server-key.pem',
  ],
])('keeps its CA when %s, and its certificate is created again.', async (_, change) => {
  const hash = 'sha256sum /etc/mysql/tls/ca.pem /etc/mysql/tls/server.pem'
  const [ca, pair] = (await server.say(hash)).split('\n')
  await server.say(change)
  const again = await converge()
  expect(again.changes).toEqual(['mysql certificate /etc/mysql/tls', 'restart mariadb'])
  const [sameCa, otherPair] = (await server.say(hash)).split('\n')
  expect(sameCa).toBe(ca)
  expect(otherPair).not.toBe(pair)
  expect(await connect(client, ...verified)).toMatch(/^foobar@/)
})

it('is closed to a former client, and open to a new one, by a run with --tags.', async () => {
  const moved = await converge({ from: ['localhost', other.host.ip] }, ['-t', 'base,mysql'])
  expect(moved.exitCode, moved.stdout.slice(-3000)).toBe(0)
  expect(moved.changes).toContain('firewall nftables')
  expect(await connect(client, ...verified)).toMatch(noAnswer)
  expect(await connect(other, ...verified)).toMatch(/^foobar@/)
  expect((await converge({}, ['-t', 'base,mysql'])).exitCode).toBe(0)
  expect(await connect(client, ...verified)).toMatch(/^foobar@/)
})

it('has a CA and a certificate with the longest of host names.', async () => {
  const name = (await server.say('hostname')).trim()
  await server.say(`rm /etc/mysql/tls/ca-key.pem; hostname ${'h'.repeat(64)}`)
  const renamed = await converge()
  await server.say(`hostname ${name}`)
  expect(renamed.exitCode, renamed.stdout.slice(-3000)).toBe(0)
  const subject = await server.say(
    'openssl x509 -in /etc/mysql/tls/ca.pem -noout -subject -nameopt multiline',
  )
  expect(subject).toContain(`= MySQL CA of ${'h'.repeat(52)}\n`)
})

it('is closed again when no other host is declared.', async () => {
  const closed = await converge({ listen: [], from: ['localhost'] })
  expect(closed.exitCode, closed.stdout.slice(-3000)).toBe(0)
  expect(await server.say("ss -Hltn | awk '{ print $4 }' | grep :3306")).toBe('127.0.0.1:3306\n')
  expect(await server.say(`mariadb -BNe "SELECT Host FROM mysql.global_priv WHERE User = 'foobar'"`)).toBe(
    'localhost\n',
  )
  expect((await converge({ listen: [], from: ['localhost'] })).recap()).toMatchObject({
    changed: 0,
    trips: 2,
  })
})

it('is refused where only one half of it is declared, and nothing is changed.', async () => {
  const half = await converge({ listen: [] })
  expect(half.error()).toMatchObject({ code: 'mysql-clients' })
  expect(half.changes).toEqual([])
})
