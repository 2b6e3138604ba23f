import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pairFolder } from '../pairs.ts'
import { dns, nginx, type Options, type TlsHost, tlsHost } from './tls-host.ts'

const names = ['foobar.com', 'www.foobar.com']
const certificate = 'certificate foobar.com'
const at = '/etc/ssl/capstan/foobar.com'
const more = { www: ['www.foobar.com', 'shop.foobar.com'] }
const folder = pairFolder()
afterAll(() => folder.remove())

describe.each([12, 13] as const)('The certificate on Debian %i', debian => {
  let on: TlsHost

  beforeAll(async () => {
    on = await tlsHost(debian)
    const first = await on.converge({}, { before: [dns, nginx] })
    expect(first).toMatchObject({ args: '', exitCode: 0 })
  })
  afterAll(() => on?.remove())

  const inPlace = () => on.sh(`cat ${at}/fullchain.pem`)
  const serial = async () =>
    (await on.sh(`openssl x509 -in ${at}/fullchain.pem -noout -serial`)).replace('serial=', '')
  const nginxPid = () => on.sh('systemctl show -p MainPID --value nginx')
  /** nginx hands its new workers over in the background: wait for the one answer, 10 s at most. */
  const servesSerial = async (wanted: string) => {
    for (let tries = 0; tries < 50; tries++) {
      const { serial } = await on.serves('')
      if (BigInt(`0x${serial}`) === BigInt(`0x${wanted}`)) return true
      await new Promise(later => setTimeout(later, 200))
    }
    return false
  }

  describe('made on the host', () => {
    it('is the one that nginx started with, and a second run changes nothing in two trips.', async () => {
      expect(await on.converge()).toMatchObject({ changed: 0, trips: 2, exitCode: 0 })
      expect(await on.converge({}, { before: [dns, nginx] })).toMatchObject({ changed: 0, trips: 2 })
    })

    it('is accepted for its names by who trusts it, and for no other name, and by nobody else.', async () => {
      const ca = await inPlace()
      for (const name of names) expect(await on.serves(ca, name)).toMatchObject({ trusted: true })
      expect(await on.serves(folderCa(), 'www.foobar.com')).toMatchObject({ trusted: false })
      const asked = (name: string) =>
        on.sh(
          `curl -sS -o /dev/null --cacert ${at}/fullchain.pem --resolve ${name}:443:127.0.0.1 https://${name}/ 2>&1 || :`,
        )
      expect(await asked('www.foobar.com')).toBe('')
      expect(await asked('foobar.org')).not.toBe('')
    })

    it('lies where only root reads it.', async () => {
      expect(await on.sh(`stat -L -c '%a %U' ${at} ${at}/privkey.pem`)).toBe('700 root\n600 root')
      await on.sh(`chmod 0644 ${at}/privkey.pem`)
      const before = await serial()
      expect((await on.converge()).did).toEqual([certificate, 'reload nginx'])
      expect(await on.sh(`stat -L -c '%a %U' ${at} ${at}/privkey.pem`)).toBe('700 root\n600 root')
      expect(await serial()).toBe(before)
    })

    it('is made anew for other names, and nginx serves it without a restart.', async () => {
      const [before, pid] = [await serial(), await nginxPid()]
      const run = await on.converge({}, { site: more, before: [dns, nginx] })
      expect(run.did.slice(-2)).toEqual([certificate, 'reload nginx'])
      const now = await serial()
      expect(now).not.toBe(before)
      expect(await servesSerial(now)).toBe(true)
      expect(await nginxPid()).toBe(pid)
      expect(await on.serves(await inPlace(), 'shop.foobar.com')).toMatchObject({ trusted: true })
      expect(await on.converge({}, { site: more })).toMatchObject({ changed: 0 })
    })

    it('is made anew before it ends.', async () => {
      expect((await on.converge({ days: 3 })).did).toEqual([certificate, 'reload nginx'])
      expect(await on.converge({ days: 3 })).toMatchObject({ changed: 0 })
      const before = await serial()
      const ninety = await on.converge({ days: 90 })
      expect(ninety.did).toEqual([certificate, 'reload nginx'])
      expect(await serial()).not.toBe(before)
      expect(await on.sh(`openssl x509 -in ${at}/fullchain.pem -noout -checkend $((89 * 86400))`)).toMatch(
        /will not/,
      )
    })

    it.each([
      ['a key that is another’s', `openssl ecparam -name prime256v1 -genkey -noout -out ${at}/privkey.pem`],
      ['a certificate cut short', `truncate -s 100 ${at}/fullchain.pem`],
      ['an empty key', `: >${at}/privkey.pem`],
      ['no key', `rm ${at}/privkey.pem`],
      ['a plain directory in its place', `rm ${at}; mkdir ${at}`],
    ])('is mended: %s.', async (_, harm) => {
      await on.sh(harm)
      expect(await on.converge()).toMatchObject({ did: [certificate, 'reload nginx'], exitCode: 0 })
      expect(await on.converge()).toMatchObject({ changed: 0 })
      expect(
        await on.sh(
          `[ "$(openssl x509 -in ${at}/fullchain.pem -noout -pubkey)" = "$(openssl pkey -in ${at}/privkey.pem -pubout)" ]; echo $?`,
        ),
      ).toBe('0')
    })

    it('changes together with its key: who reads both in a row never finds a pair that does not match.', async () => {
      await on.sh(`rm -rf /root/stop /root/seen; mkdir /root/seen; cat >/root/watch <<'E'
until (-e "/root/stop") {
  chdir $ARGV[0] or die;
  $seen{join "", map { open my $in, "<", $_ or die; local $/; scalar <$in> } "fullchain.pem", "privkey.pem"}++;
  select undef, undef, undef, 0.001;
}
for (keys %seen) { open my $out, ">", "/root/seen/" . $n++; print $out $_ }
E
setsid perl /root/watch ${at} >/root/watch.log 2>&1 </dev/null &`)
      for (const site of [more, {}, more, {}, more, {}])
        expect(await on.converge({}, { site })).toMatchObject({
          args: '',
          did: [certificate, 'reload nginx'],
        })
      await on.sh('touch /root/stop; sleep 0.5')
      const seen = await on.sh(`cat /root/watch.log; for pair in /root/seen/*; do
        [ "$(openssl x509 -in $pair -noout -pubkey)" = "$(openssl pkey -in $pair -pubout)" ] && echo same || echo different
      done`)
      expect(seen.split('\n')).toEqual(Array(7).fill('same'))
      expect(await on.sh('ls -A /etc/ssl/capstan | grep -c "^.foobar.com.2"')).toBe('2')
    })
  })

  describe('given as files', () => {
    const ca = folder.make({ names: ['A root'], ca: true })
    const intermediate = folder.make({ names: ['An intermediate'], ca: true, by: ca })
    const pair = folder.make({ names, by: intermediate })
    const given = { source: 'files', files: { certificate: pair.chain, key: pair.key } }

    it('is served with its chain, after one reload, and a second run changes nothing.', async () => {
      expect(await on.converge(given)).toMatchObject({ did: [certificate, 'reload nginx'], exitCode: 0 })
      expect(await servesSerial(await serial())).toBe(true)
      expect(await on.serves(readFileSync(ca.certificate, 'utf8'))).toMatchObject({
        trusted: true,
        issuer: 'An intermediate',
      })
      expect(await on.converge(given)).toMatchObject({ changed: 0, trips: 2 })
    })

    it('leaves its key in one place of the host alone.', async () => {
      const line = readFileSync(pair.key, 'utf8').split('\n')[1] ?? ''
      const found = await on.sh(
        `grep -rlF -- ${line} /etc /var /root /tmp /run --exclude-dir=proc 2>/dev/null || :`,
      )
      expect(found.split('\n')).toEqual([
        expect.stringMatching(/^\/etc\/ssl\/capstan\/\.foobar\.com\.[^/]+\/privkey\.pem$/),
      ])
    })

    it('is taken back by one of the host’s own.', async () => {
      expect(await on.converge()).toMatchObject({ args: '', did: [certificate, 'reload nginx'] })
      expect(await on.serves(await inPlace())).toMatchObject({ trusted: true, issuer: 'foobar.com' })
    })
  })

  describe('ordered by ACME', () => {
    let given: unknown
    let root = ''
    const orders = async () =>
      Number(
        await on.sh(
          'journalctl --no-pager "_SYSTEMD_INVOCATION_ID=$(systemctl show -p InvocationID --value pebble)" | grep -c "POST /order-plz" || :',
        ),
      )
    const due = 's/.*renew_before_expiry.*/renew_before_expiry = 4000 days/'
    /** What certbot's timer does, when certbot finds that the time has come. */
    const renew = `sed -i '${due}' /etc/letsencrypt/renewal/foobar.com.conf; systemctl start certbot.service`

    beforeAll(async () => {
      await on.pebble()
      const file = folder.write(`api-${debian}.pem`, await on.sh('cat /etc/pebble/ca.pem'))
      given = { source: 'acme', acme: { directory: 'https://localhost:14000/dir', ca: file } }
      root = await on.sh('cat /etc/pebble/root.pem')
    })

    /** The run fails with these words; the certificate of before is still served, and its key beside it. */
    const failsWith = async (args: readonly (string | RegExp)[], options: Options = {}) => {
      const before = await serial()
      const run = await on.converge(given, options)
      expect(run).toMatchObject({ exitCode: 1, failed: 1 })
      for (const word of args) expect(run.args).toMatch(word)
      expect(run.args).toContain('the certificate in service stays; next: ')
      expect(await serial()).toBe(before)
      expect(await servesSerial(before)).toBe(true)
    }

    it('leaves the old one in service while the CA is down.', async () => {
      await on.sh('systemctl stop pebble')
      await failsWith(['Connection refused', "https://localhost:14000/dir can't be reached from this host"])
      await on.pebble()
      root = await on.sh('cat /etc/pebble/root.pem')
    })

    it('leaves the old one while the CA refuses nine nonces of ten.', async () => {
      await on.pebble(90)
      await failsWith([/invalid anti-replay nonce/, 'the CA has trouble of its own: run again later'])
      await on.pebble()
      root = await on.sh('cat /etc/pebble/root.pem')
    })

    it('is not asked for when port 80 gives something else.', async () => {
      await on.sh('systemctl stop nginx')
      const run = await on.converge(given)
      expect(run).toMatchObject({ exitCode: 1 })
      expect(run.args).toContain(
        'nothing answers on port 80 of this host, where the CA will look for foobar.com',
      )
      await on.sh(
        'cd /root && perl -MIO::Socket::INET -e \'my $s = IO::Socket::INET->new(LocalPort => 80, Listen => 5, ReuseAddr => 1) or die; for (1) { my $c = $s->accept; my $l = <$c>; print {$c} "HTTP/1.0 404 No\\r\\n\\r\\n" }\' >/dev/null 2>&1 &',
      )
      const other = await on.converge(given)
      expect(other.args).toMatch(/is answered with 404 on this host, not with the file in \/var\/www\/acme/)
      await on.sh('systemctl start nginx')
      expect(await orders()).toBe(0)
    })

    it('says that DNS lacks a name, and orders once.', async () => {
      // nginx knows the name; the zone doesn't, since the dns role is left out.
      const site = { www: ['www.foobar.com', 'nowhere.foobar.com'] }
      const args = ['Domain: nowhere.foobar.com', "the CA can't find these names in DNS"]
      await failsWith(args, { site, before: [nginx] })
      expect(await orders()).toBe(1)
    })

    it('is issued, stands up to its root, and a second run changes nothing in two trips.', async () => {
      const run = await on.converge(given, { before: [nginx] })
      expect(run).toMatchObject({ args: '', exitCode: 0 })
      expect(run.did.slice(-2)).toEqual([certificate, 'reload nginx'])
      expect(await servesSerial(await serial())).toBe(true)
      for (const name of names) expect(await on.serves(root, name)).toMatchObject({ trusted: true })
      expect(await on.converge(given)).toMatchObject({ changed: 0, trips: 2, exitCode: 0 })
      expect(await orders()).toBe(2)
    })

    it('is renewed by certbot’s own service, and nginx serves the new one.', async () => {
      expect(await on.sh('systemctl is-enabled certbot.timer; systemctl is-active certbot.timer')).toBe(
        'enabled\nactive',
      )
      const before = await serial()
      await on.sh('systemctl start certbot.service')
      expect(await serial()).toBe(before)
      await on.sh(renew)
      const now = await serial()
      expect(now).not.toBe(before)
      expect(await servesSerial(now)).toBe(true)
      expect(await on.serves(root)).toMatchObject({ trusted: true })
      expect(await on.converge(given)).toMatchObject({ changed: 0 })
    })

    it('is ordered again for other names, once.', async () => {
      const before = await orders()
      const run = await on.converge(given, { site: more, before: [dns, nginx] })
      expect(run).toMatchObject({ args: '', exitCode: 0 })
      expect(await orders()).toBe(before + 1)
      expect(await on.serves(root, 'shop.foobar.com')).toMatchObject({ trusted: true })
      expect(await on.converge(given, { site: more })).toMatchObject({ changed: 0 })
    })

    it('gives way to another source for good, and comes back without an order.', async () => {
      expect((await on.converge()).did).toEqual([
        'file /etc/letsencrypt/renewal-hooks/deploy/capstan-foobar.com',
        certificate,
        'reload nginx',
      ])
      const own = await serial()
      await on.sh(renew)
      expect(await serial()).toBe(own)
      const before = await orders()
      expect(await on.converge(given, { site: more })).toMatchObject({ exitCode: 0 })
      expect(await orders()).toBe(before)
      expect(await on.serves(root)).toMatchObject({ trusted: true })
    })

    it('is ordered again for a site that was removed and comes back, and a failed order leaves the files.', async () => {
      const live = () => on.sh('cd /etc/letsencrypt && ls live archive; cat live/foobar.com/fullchain.pem')
      await on.sh('rm /etc/letsencrypt/renewal/foobar.com.conf')
      const files = await live()
      const nowhere = { ...more, www: [...more.www, 'nowhere.foobar.com'] }
      await failsWith(['nowhere.foobar.com'], { site: nowhere, before: [nginx] })
      expect(await live()).toBe(files)
      const run = await on.converge(given, { site: more, before: [nginx] })
      expect(run).toMatchObject({ args: '', exitCode: 0 })
      expect(await live()).not.toContain('before')
      await on.sh(renew)
      expect(await servesSerial(await serial())).toBe(true)
      expect(await on.converge(given, { site: more })).toMatchObject({ changed: 0 })
    })
  })
})

function folderCa(): string {
  return readFileSync(folder.make({ names: ['Somebody else'], ca: true }).certificate, 'utf8')
}
