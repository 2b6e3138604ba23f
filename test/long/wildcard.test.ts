import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { typicalSite } from '#engine/converge/testing.ts'
import { checkScript } from '#engine/status/checks.ts'
import tls from '#roles/tls/role.ts'
import { pairFolder } from '../pairs.ts'
import { dns, nginx, type Options, type TlsHost, tlsHost } from './tls-host.ts'

// Certificates for names with * by DNS-01, from Let's Encrypt's test CA, which asks the PowerDNS of the host.
// These tests run in order: each one begins where the one before it ended.
describe.each([12, 13] as const)('A wildcard certificate on Debian %i', debian => {
  const folder = pairFolder()
  const www = ['www.foobar.com', '*.foobar.com']
  const at = '/etc/ssl/capstan/foobar.com'
  const zone = '/var/lib/powerdns/challenges/_acme-challenge.foobar.com.zone'
  let on: TlsHost
  let given: { readonly acme: object; readonly source: string }
  let root = ''

  beforeAll(async () => {
    on = await tlsHost(debian)
    await on.sh('apt-get update -q >/dev/null; apt-get install -qy --no-install-recommends bind9-dnsutils')
    await on.pebble()
    const ca = folder.write(`api-${debian}.pem`, await on.sh('cat /etc/pebble/ca.pem'))
    given = { source: 'acme', acme: { directory: 'https://localhost:14000/dir', ca } }
    root = await on.sh('cat /etc/pebble/root.pem')
  })
  afterAll(async () => {
    folder.remove()
    await on?.remove()
  })

  const converge = (dnssec: boolean, options: Options = {}) =>
    on.converge(given, { site: { www }, before: [dns, nginx], vars: { dns: { dnssec } }, ...options })
  const serial = async () => (await on.sh(`openssl x509 -in ${at}/fullchain.pem -noout -serial`)).slice(7)
  const serves = async (wanted: string) => {
    const isServed = async () => BigInt(`0x${(await on.serves(root)).serial}`) === BigInt(`0x${wanted}`)
    for (let tries = 0; tries < 50 && !(await isServed()); tries++)
      await new Promise(later => setTimeout(later, 200))
    expect(await isServed()).toBe(true)
  }
  /** What certbot's timer does, when certbot finds that the time has come. */
  const renew = `sed -i 's/.*renew_before_expiry.*/renew_before_expiry = 4000 days/' /etc/letsencrypt/renewal/foobar.com.conf
    systemctl start certbot.service`
  const renewed = async () => {
    const before = await serial()
    const asked = await on.sh(`grep SOA ${zone}`)
    await on.sh(renew)
    const now = await serial()
    expect(now).not.toBe(before)
    await serves(now)
    expect(await on.sh(`grep SOA ${zone}`)).not.toBe(asked)
    // The challenges are gone, from the file and from the server.
    expect(await on.sh(`grep -c '^@ IN TXT ' ${zone} || :`)).toBe('0')
    expect(await on.sh('dig +short @127.0.0.1 _acme-challenge.foobar.com TXT')).toBe('')
  }
  const delv = async (name: string, type: string) =>
    on.sh(`set -- $(pdnsutil export-zone-ds foobar.com 2>/dev/null | grep ' 13 2 ')
      echo "trust-anchors { \\"foobar.com.\\" static-ds $4 $5 $6 \\"$7\\"; };" >/root/anchors
      delv @127.0.0.1 -a /root/anchors +root=foobar.com ${name} ${type} 2>&1 || :`)
  const status = async () => {
    const sites = [{ site: { ...typicalSite, www }, vars: {} }]
    const [check] = tls.status?.(sites) ?? []
    return (await on.sh(checkScript(check ?? { name: '', script: '' }))).replaceAll('\0', ' ')
  }

  it('is issued for the wildcard and the names beside it; a second run changes nothing in two trips', async () => {
    expect(await converge(false)).toMatchObject({ args: '', exitCode: 0 })
    const names = await on.sh(`openssl x509 -in ${at}/fullchain.pem -noout -ext subjectAltName`)
    expect(names.match(/DNS:[^,\s]+/g)?.sort()).toEqual(['DNS:*.foobar.com', 'DNS:foobar.com'])
    await serves(await serial())
    for (const name of ['foobar.com', 'www.foobar.com', 'tenant.foobar.com'])
      expect(await on.serves(root, name)).toMatchObject({ trusted: true })
    expect(await converge(false)).toMatchObject({ changed: 0, trips: 2, exitCode: 0 })
  })

  it('is renewed by the service of certbot’s timer, and the run after it changes nothing', async () => {
    await renewed()
    expect(await converge(false)).toMatchObject({ changed: 0, trips: 2, exitCode: 0 })
  })

  it('is renewed in a signed zone, which stays valid, and its delegation with it', async () => {
    expect(await converge(true)).toMatchObject({ args: '', exitCode: 0 })
    expect(await converge(true)).toMatchObject({ changed: 0, trips: 2, exitCode: 0 })
    await renewed()
    for (const name of ['www.foobar.com', 'any.foobar.com'])
      expect(await delv(name, 'A')).toContain('; fully validated')
    // The proof that the challenges' zone has no DS record: its answers are taken as those of an unsigned zone.
    await on.sh(
      `CERTBOT_DOMAIN=foobar.com CERTBOT_VALIDATION=proof /etc/letsencrypt/capstan-challenge publish`,
    )
    const said = await delv('_acme-challenge.foobar.com', 'TXT')
    expect(said).toMatch(/; unsigned answer\n.*"proof"/)
    await on.sh(
      `CERTBOT_DOMAIN=foobar.com CERTBOT_VALIDATION=proof /etc/letsencrypt/capstan-challenge remove`,
    )
    expect(await converge(true)).toMatchObject({ changed: 0, trips: 2, exitCode: 0 })
  })

  it('is renewed by a certbot.service that may write to little', async () => {
    await on.sh(`mkdir -p /etc/systemd/system/certbot.service.d
      printf '%s\\n' '[Service]' ProtectSystem=strict ProtectHome=yes PrivateTmp=yes PrivateDevices=yes NoNewPrivileges=yes \\
        'ReadWritePaths=/etc/letsencrypt /etc/ssl/capstan /var/lib/letsencrypt /var/log/letsencrypt /var/www/acme /var/lib/powerdns/challenges /var/log/nginx /run' \\
        >/etc/systemd/system/certbot.service.d/strict.conf
      mkdir -p /var/lib/letsencrypt; systemctl daemon-reload`)
    await renewed()
    await on.sh('rm /etc/systemd/system/certbot.service.d/strict.conf; systemctl daemon-reload')
  })

  it('stays in service when a renewal fails, which status.mjs shows until one succeeds', async () => {
    const before = await serial()
    expect(await status()).toMatch(/^good foobar\.com: \d+ days left/)
    await on.sh('systemctl stop pebble')
    await on.sh(`${renew} || :`)
    expect(await serial()).toBe(before)
    await serves(before)
    expect(await status()).toMatch(/^warning foobar\.com: \d+ days left, and its last renewal failed: \S+/)
  })

  it('is not ordered where a name leads to another host, unless that is left unchecked', async () => {
    await on.sh("echo '198.51.100.9 foobar.com' >>/etc/hosts")
    const site = { www: [...www, '*.shop.foobar.com'], address: '192.0.2.7' }
    const before = await serial()
    const run = await converge(true, { site })
    expect(run).toMatchObject({ exitCode: 1, failed: 1 })
    expect(run.args).toContain(
      'foobar.com leads to 198.51.100.9; expected 192.0.2.7; no certificate was ordered',
    )
    expect(run.args).toContain('set tls.acme.checkAddresses to false')
    expect(await serial()).toBe(before)
    // The CA is down still: an order is made, and gets no further.
    const unchecked = { ...given, acme: { ...given.acme, checkAddresses: false } }
    const options = { site, before: [dns, nginx], vars: { dns: { dnssec: true } } }
    expect((await on.converge(unchecked, options)).args).toContain('Connection refused')
    await on.sh("sed 's/198.51.100.9/192.0.2.7/' /etc/hosts >/root/hosts; cat /root/hosts >/etc/hosts")
    expect((await converge(true, { site })).args).toContain('Connection refused')
    await on.sh("sed '/192.0.2.7/d' /etc/hosts >/root/hosts; cat /root/hosts >/etc/hosts")
  })

  it('says what to do where the name server does not publish the challenge', async () => {
    await on.pebble()
    root = await on.sh('cat /etc/pebble/root.pem')
    const site = { www: [...www, '*.shop.foobar.com'] }
    await on.sh('rm -f /var/lib/powerdns/challenges/_acme-challenge.shop.foobar.com.zone')
    const run = await converge(true, { site, before: [nginx] })
    expect(run.args).toContain('the role dns creates it')
    expect(run.args).toContain('converge the name server first (role dns)')
    const whole = await converge(true, { site })
    expect(whole).toMatchObject({ args: '', exitCode: 0 })
    expect(await on.serves(root, 'a.shop.foobar.com')).toMatchObject({ trusted: true })
    expect(await converge(true, { site })).toMatchObject({ changed: 0, trips: 2 })
  })
})
