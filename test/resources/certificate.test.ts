import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { buildCatalog } from '#engine/converge/catalog.ts'
import { acme, renewalHook } from '#engine/resources/certificate/acme.ts'
import { files } from '#engine/resources/certificate/files.ts'
import { type FoundPair, pair } from '#engine/resources/certificate/pair.ts'
import { placeholder, selfSigned } from '#engine/resources/certificate/self-signed.ts'
import { certificate } from '#engine/resources/certificate.ts'
import { Secret } from '#engine/secret.ts'
import { type Pair, pairFolder } from '../pairs.ts'

const domain = 'foobar.com'
const names = ['foobar.com', 'www.foobar.com']
const directory = 'https://ca/dir'
const folder = pairFolder()
const ca = folder.make({ names: ['A root'], ca: true })
const own = folder.make({ names, days: 90 })
const signed = folder.make({ names, days: 90, by: ca })
const other = folder.make({ names, days: 90, by: ca })
const text = (file: string) => readFileSync(file, 'utf8')
const publicKey = (of: Pair) =>
  found(of).leaf?.publicKey.export({ type: 'spki', format: 'pem' }).toString() ?? ''
afterAll(() => folder.remove())

interface Host {
  readonly daysLater?: number
  readonly key?: Pair
  readonly access?: string
  readonly openssl?: '0' | '1'
  readonly lineage?: Pair
  readonly server?: string
}

/** The eight fields that the probe prints for a host with this pair. */
function printed(of: Pair | undefined, host: Host = {}): Buffer {
  const time = Math.floor(Date.now() / 1000 + (host.daysLater ?? 0) * 86_400)
  const there = of !== undefined
  const values = [
    String(time),
    host.openssl ?? '1',
    there ? text(of.chain) : '',
    there ? '1' : '0',
    there ? (host.key ? publicKey(host.key) : keyOf(of)) : '',
    there ? (host.access ?? '0700 0600 root') : '',
    host.lineage ? text(host.lineage.chain) : '',
    host.lineage ? (host.server ?? directory) : '',
  ]
  return Buffer.from(values.map(value => `${value}\0`).join(''))
}

function found(of: Pair | undefined, host: Host = {}): FoundPair {
  const [state] = pair.parse(printed(of, host), [{ domain }])
  if (!state?.known) throw new Error('not known')
  return state.value
}

function keyOf(of: Pair): string {
  const [state] = pair.parse(Buffer.from(`1\x001\0${text(of.chain)}\x001\0\0\0\0\0`), [{ domain }])
  if (!state?.known || !state.value.leaf) throw new Error('no certificate')
  return state.value.leaf.publicKey.export({ type: 'spki', format: 'pem' }).toString()
}

describe('a pair as it was found', () => {
  it('is not known while openssl, which reads keys, is not there.', () => {
    expect(pair.parse(printed(own, { openssl: '0' }), [{ domain }])).toEqual([
      { known: false, reason: 'openssl is not installed yet' },
    ])
    expect(pair.parse(printed(undefined, { openssl: '0' }), [{ domain }])[0]?.known).toBe(true)
  })

  it('is refused when a domain is missing from what was printed.', () => {
    expect(() => pair.parse(printed(own), [{ domain }, { domain: 'foobar.org' }])).toThrow(
      /2 certificates were probed, 1/,
    )
  })
})

describe('a self-signed certificate', () => {
  const wanted = { domain, names, days: 90 }
  const differences = (state: FoundPair, want = wanted) =>
    selfSigned.diff(want, state).map(one => `${one.what}: ${one.found} → ${one.wanted}`)

  it.each([
    ['nothing there', undefined, {}, ['state: absent → present']],
    ['as declared', own, {}, []],
    ['with 31 days left', own, { daysLater: 59 }, []],
    ['with less than a third left', own, { daysLater: 60.5 }, ['expires: in 29 days → in more than 30 days']],
    [
      'expired',
      own,
      { daysLater: 95 },
      [expect.stringMatching(/^expires: [45] days ago → in more than 30 days$/)],
    ],
    [
      'from a time when the clock was ahead',
      own,
      { daysLater: -2 },
      [expect.stringMatching(/^valid: in [12] days? → now$/)],
    ],
    ['another’s key', own, { key: other }, ['key: another’s → the certificate’s']],
    [
      'a key that others read',
      own,
      { access: '0700 0644 root' },
      ['access: 0700 0644 root → 0700 0600 root'],
    ],
    ['a CA’s in its place', signed, {}, ['issuer: CN=A root → itself']],
  ] as const)('%s', (_, of, host, expected) => {
    expect(differences(found(of, host))).toEqual(expected)
  })

  it('of other names is made anew, in whatever order they are declared.', () => {
    expect(differences(found(own), { ...wanted, names: [...names].reverse() })).toEqual([])
    expect(differences(found(own), { ...wanted, names: ['foobar.com'] })).toEqual([
      'names: foobar.com www.foobar.com → foobar.com',
    ])
  })

  it('whose key others read keeps it, and is closed.', () => {
    const shell = selfSigned.apply(wanted, found(own, { access: '0755 0644 root' }))
    expect(shell).toContain('chmod 0600')
    expect(shell).not.toContain('openssl')
  })
})

describe('a placeholder', () => {
  const wanted = { domain, names, days: 365 }

  it.each([
    ['a CA’s', signed, {}],
    ['expired', own, { daysLater: 1000 }],
    ['another’s key', own, { key: other }],
    ['open to others', own, { access: '0755 0644 www-data' }],
  ])('never touches what is there: %s.', (_, of, host) => {
    expect(placeholder.diff(wanted, found(of, host))).toEqual([])
  })

  it('is made where nothing is, and stands beside the certificate in the catalog.', () => {
    expect(placeholder.diff(wanted, found(undefined))).toHaveLength(1)
    const catalog = buildCatalog()
    const declare = certificate(catalog.role('tls').declare)
    declare.placeholder(domain, names)
    declare.selfSigned(domain, names)
    expect(catalog.resources.map(({ label }) => label)).toEqual([
      'placeholder certificate foobar.com',
      'certificate foobar.com',
    ])
  })

  it.each(['', 'Foobar.com', 'foo bar', '../etc', 'a..b', '-rf', 'x\ny'])('is refused for %j.', name => {
    const declare = certificate(buildCatalog().role('tls').declare)
    expect(() => declare.placeholder(name, [name])).toThrow(RangeError)
  })
})

describe('given files', () => {
  const wanted = { domain, chain: text(signed.chain), key: new Secret(text(signed.key)) }

  it.each([
    ['these', signed, {}, []],
    ['these, with a key that others read', signed, { access: '0700 0640 root' }, ['access']],
    ['others', other, {}, ['certificate']],
    ['the right certificate with another’s key', signed, { key: other }, ['key']],
    ['none', undefined, {}, ['state']],
  ] as const)('%s', (_, of, host, expected) => {
    expect(files.diff(wanted, found(of, host)).map(({ what }) => what)).toEqual(expected)
  })

  it('differ without a word of their key.', () => {
    const line = text(signed.key).split('\n')[1] ?? ''
    expect(JSON.stringify([wanted, files.diff(wanted, found(other))])).not.toContain(line)
  })
})

describe('an ordered certificate', () => {
  const unchecked = { hook: undefined, address: undefined, checksAddresses: false }
  const wanted = {
    domain,
    names,
    directory,
    email: 'a@foobar.com',
    webroot: '/var/www/acme',
    ca: undefined,
    ...unchecked,
  }
  const differences = (state: FoundPair, want = wanted) => acme.diff(want, state).map(({ what }) => what)
  const orders = (state: FoundPair, want = wanted) =>
    acme.apply(want, state).includes('\ncertificate_order foobar.com')

  it.each([
    ['never ordered', signed, {}, ['certificate'], true],
    ['as declared', signed, { lineage: signed }, [], false],
    ['three tenths left', signed, { lineage: signed, daysLater: 62.9 }, [], false],
    ['less than three tenths left', signed, { lineage: signed, daysLater: 63.1 }, ['expires'], true],
    ['from a time when the clock was ahead', signed, { lineage: signed, daysLater: -2 }, ['valid'], true],
    ['valid within a day: the host’s clock is late', signed, { lineage: signed, daysLater: -0.9 }, [], false],
    [
      'from another directory',
      signed,
      { lineage: signed, server: 'https://staging/dir' },
      ['directory'],
      true,
    ],
    ['ordered, not in its place', own, { lineage: signed }, ['certificate'], false],
    ['ordered, nothing in its place', undefined, { lineage: signed }, ['state'], false],
    ['in its place with another’s key', signed, { lineage: signed, key: other }, ['key'], false],
  ] as const)('%s', (_, of, host, expected, ordered) => {
    expect(differences(found(of, host))).toEqual(expected)
    if (expected.length > 0) expect(orders(found(of, host))).toBe(ordered)
  })

  it('of other names is ordered anew.', () => {
    const more = { ...wanted, names: [...names, 'shop.foobar.com'] }
    expect(differences(found(signed, { lineage: signed }), more)).toEqual(['names'])
    expect(orders(found(signed, { lineage: signed }), more)).toBe(true)
  })

  it('has a hook that minds its own lineage alone.', () => {
    expect(renewalHook('foobar.com', '')).toContain('= /etc/letsencrypt/live/foobar.com ] || exit 0\n')
  })
})

describe('the names of an order', () => {
  // An address is a name that leads to itself.
  const said = (address: string, ...names: readonly string[]) =>
    spawnSync('sh', ['-c', '. "$0"; certificate_addresses "$@"', shell, address, ...names]).stderr.toString()

  it.each([
    ['2001:db8:0:0:0::7', '2001:db8::7'],
    ['2001:DB8::7', '2001:db8::7'],
    ['192.0.2.7', '192.0.2.7'],
    // As /etc/hosts has it for the name of the host.
    ['192.0.2.7', '127.0.1.1'],
    ['2001:db8::7', '::1'],
  ])('may lead to %s by %s', (address, name) => {
    expect(said(address, name)).toBe('')
  })

  it.each([
    ['2001:db8::7', '2001:db8::8'],
    ['192.0.2.7', '192.0.2.8'],
  ])('may not lead to %s by %s', (address, name) => {
    expect(said(address, name)).toContain(`${name} leads to ${name}; expected `)
  })
})

const shell = fileURLToPath(new URL('../../scripts/engine/resources/certificate/make.sh', import.meta.url))

describe('the next step after a failed order', () => {
  // As certbot prints them: from pebble, and from Let's Encrypt's own texts.
  it.each([
    [
      'Type:   connection\n  Detail: Get "http://x:80/": could not resolve URL "http://x:80/"',
      /find these names in DNS/,
    ],
    [
      'Type:   dns\n  Detail: DNS problem: NXDOMAIN looking up A for x - check that a DNS record exists',
      /in DNS/,
    ],
    [
      'Type:   connection\n  Detail: 192.0.2.1: Fetching http://x/: Timeout during connect (likely firewall problem)',
      /reach port 80/,
    ],
    ['Type:   connection\n  Detail: 192.0.2.1: Fetching http://x/: Connection refused', /reach port 80/],
    [
      'Type:   unauthorized\n  Detail: 192.0.2.1: Invalid response from http://x/.well-known/acme-challenge/y: 404',
      /another server answers/,
    ],
    ['Type:   caa\n  Detail: CAA record for x prevents issuance', /CAA record of the domain forbids/],
    [
      'acme.messages.Error: urn:ietf:params:acme:error:rateLimited :: There were too many requests of a given type',
      /wait as long/,
    ],
    [
      'too many failed authorizations (5) for "x" in the last 1h0m0s, retry after 2026-11-22 21:00:00 UTC',
      /wait as long/,
    ],
    ['ValueError: Requesting localhost/dir: Connection refused', /https:..ca.dir can't be reached/],
    [
      'HTTPSConnectionPool(host=x, port=443): Max retries exceeded (Caused by SSLError(CERTIFICATE_VERIFY_FAILED))',
      /tls\.acme\.ca/,
    ],
    ['JWS has an invalid anti-replay nonce: 9oa6mC1', /run again later/],
    ['Another instance of Certbot is already running.', /certbot is at work/],
    [
      'acme.messages.Error: urn:ietf:params:acme:error:accountDoesNotExist :: unknown',
      /accounts on the host/,
    ],
    ['something else', /letsencrypt\.log/],
  ])('%s', (said, next) => {
    const file = folder.write('said', `${said}\n`)
    const advice = execFileSync('sh', ['-c', '. "$0"; certificate_advice "$1" https://ca/dir', shell, file])
    expect(advice.toString()).toMatch(/^the certificate in service stays; next: /)
    expect(advice.toString()).toMatch(next)
  })
})
