import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { declare, typicalSite } from '#engine/converge/testing.ts'
import { readGivenPair } from '#engine/resources/certificate/files.ts'
import tls from '#roles/tls/role.ts'
import vars from '#roles/tls/vars.ts'
import { pairFolder } from '../pairs.ts'

const names = [typicalSite.domain, ...typicalSite.www]
const folder = pairFolder()
const root = folder.make({ names: ['Root'], ca: true })
const intermediate = folder.make({ names: ['Intermediate'], ca: true, by: root })
const good = folder.make({ names, by: intermediate })
const other = folder.make({ names })
afterAll(() => folder.remove())

describe('the tls role', () => {
  it('makes a certificate on the host by default.', () => {
    expect(declared({})).toEqual([
      'apt openssl',
      'file /etc/letsencrypt/capstan-challenge',
      'link /etc/ssl/capstan/foobar.com.ca',
      'file /etc/letsencrypt/renewal-hooks/deploy/capstan-foobar.com',
      'certificate foobar.com → reload nginx',
    ])
  })

  it('takes a given pair in its place.', () => {
    const files = { certificate: good.chain, key: good.key }
    expect(declared({ source: 'files', files })).toEqual(declared({}))
    expect(declared({ source: 'files', files: { certificate: other.chain, key: other.key } })).toHaveLength(5)
  })

  it('orders one by ACME, and has the renewal ready before it does.', () => {
    expect(declared({ source: 'acme', acme: { ca: root.certificate } })).toEqual([
      'apt openssl',
      'apt certbot',
      'file /etc/letsencrypt/capstan-ca.pem',
      'directory /etc/systemd/system/certbot.service.d',
      'unit certbot.service.d/capstan.conf',
      'directory /etc/letsencrypt/renewal-hooks',
      'directory /etc/letsencrypt/renewal-hooks/deploy',
      'file /etc/letsencrypt/renewal-hooks/deploy/capstan-foobar.com',
      'service certbot.timer',
      'file /etc/letsencrypt/capstan-challenge',
      'link /etc/ssl/capstan/foobar.com.ca',
      'certificate foobar.com → reload nginx',
    ])
  })

  it('has deploys check a certificate with the CAs of the system where browsers know its CA', () => {
    const labels = declared({ source: 'acme' })
    expect(labels).toContain('apt ca-certificates')
    expect(labels).toContain('file /etc/ssl/capstan/foobar.com.ca')
  })

  it('has a program publish the challenges of a name with *, and orders no name that it covers', () => {
    const site = { www: ['www.foobar.com', 'a.b.foobar.com', '*.foobar.com'] }
    const { labels, resources, text } = declare(tls, { vars: { source: 'acme' }, site })
    expect(labels.indexOf('file /etc/letsencrypt/capstan-challenge')).toBeLessThan(
      labels.indexOf('certificate foobar.com'),
    )
    const program = text('/etc/letsencrypt/capstan-challenge')
    expect(program).toMatch(/^#!\/usr\/bin\/perl\n.*\n\s*use strict; use Socket/s)
    const order = resources.find(({ label }) => label === 'certificate foobar.com')
    const shell = order?.kind.apply(order.wanted, { lineage: {}, now: new Date() })
    expect(shell).toMatch(/ foobar\.com a\.b\.foobar\.com '\*\.foobar\.com'\n$/)
  })

  it.each([
    ['an ordered certificate without one', { source: 'acme' }, {}, 'absent'],
    ['another source, without one', {}, {}, 'absent'],
    // Its lineage may still be renewed.
    ['another source', {}, { www: ['www.foobar.com', '*.foobar.com'] }, undefined],
  ])('removes that program with the last name with *: %s', (_, vars, site, type) => {
    const { resources } = declare(tls, { vars, site })
    const hook = resources.find(({ label }) => label.endsWith('capstan-challenge'))
    expect((hook?.wanted as { type: string } | undefined)?.type).toBe(type)
  })

  it.each([
    ['/etc/letsencrypt/renewal-hooks/deploy/capstan-foobar.com', 'hook'],
    ['/etc/systemd/system/certbot.service.d/capstan.conf', 'certbot.service.d.conf'],
  ])('writes %s.', async (path, golden) => {
    const text = catalog({ source: 'acme', acme: { ca: root.certificate } }).text(path)
    await expect(text).toMatchFileSnapshot(`tls/${golden}`)
  })
})

describe('its vars', () => {
  const given = (source: 'files', certificate?: string, key?: string) => ({
    source,
    files: { certificate, key },
  })
  const locked = folder.make({ names, passphrase: 'open sesame' })
  const elsewhere = folder.make({ names: ['foobar.com', 'foobar.org'] })
  const wildcard = folder.make({ names: ['foobar.com', '*.foobar.com'] })
  const text = (file: string) => readFileSync(file, 'utf8')
  const upsideDown = folder.write('upside-down', text(intermediate.chain) + text(good.certificate))
  const gap = folder.write('gap', text(good.certificate) + text(root.certificate))
  const garbled = folder.write('garbled', text(good.certificate).replace(/\n[A-Za-z0-9]{8}/, '\nAAAAAAAA'))

  it.each([
    [
      'no files',
      given('files'),
      'files.certificate',
      'expected a PEM file, since source is files; got nothing',
    ],
    [
      'no key',
      given('files', good.chain),
      'files.key',
      'expected a PEM file, since source is files; got nothing',
    ],
    ['a file that is not there', given('files', '/nowhere.pem', good.key), 'files.certificate', 'ENOENT'],
    [
      'another key',
      given('files', good.chain, other.key),
      'files.key',
      `expected the key of ${good.chain}, got another key`,
    ],
    [
      'a key with a passphrase',
      given('files', locked.chain, locked.key),
      'files.key',
      'without a passphrase',
    ],
    [
      'a key in place of the chain',
      given('files', good.key, good.key),
      'files.certificate',
      'expected a PEM certificate, got none',
    ],
    [
      'a certificate in place of the key',
      given('files', good.chain, good.chain),
      'files.key',
      'expected a PEM private key',
    ],
    [
      'a damaged certificate',
      given('files', garbled, good.key),
      'files.certificate',
      'expected PEM certificates, got',
    ],
    [
      'other names',
      given('files', elsewhere.chain, elsewhere.key),
      'files.certificate',
      'expected one for www.foobar.com, got DNS:foobar.com, DNS:foobar.org',
    ],
    ['the issuer first', given('files', upsideDown, good.key), 'files.key', 'got another key'],
    [
      'a link of the chain missing',
      given('files', gap, good.key),
      'files.certificate',
      'expected each certificate followed by its issuer’s, got another after the first',
    ],
    [
      'a directory without TLS',
      { source: 'acme', acme: { directory: 'http://ca/dir' } },
      'acme.directory',
      'expected the https:// URL of an ACME directory, got "http://ca/dir"',
    ],
    [
      'a CA that is none',
      { source: 'acme', acme: { ca: good.key } },
      'acme.ca',
      'expected PEM certificates, got none',
    ],
    [
      'another source',
      { source: 'letsencrypt' },
      'source',
      'expected self-signed or files or acme, got "letsencrypt"',
    ],
  ])('refuse %s.', (_, input, path, message) => {
    const parsed = vars.parse(input, typicalSite)
    if (parsed.ok) throw new Error('was accepted')
    expect(parsed.problems.map(problem => [problem.path.join('.'), problem.message])).toContainEqual([
      path,
      expect.stringContaining(message),
    ])
  })

  it.each([
    ['a chain with its intermediate', good],
    ['a wildcard', wildcard],
  ])('take %s.', (_, pair) => {
    expect(vars.parse(given('files', pair.chain, pair.key), typicalSite).ok).toBe(true)
  })

  it('refuse a certificate of one name below the domain in place of a wildcard.', () => {
    const wanted = ['foobar.com', '*.foobar.com']
    const read = (from: { readonly chain: string; readonly key: string }) =>
      readGivenPair({ certificate: from.chain, key: from.key }, wanted, new Date())
    expect(read(wildcard)).toHaveProperty('chain')
    expect(read(folder.make({ names: ['foobar.com', 'any.foobar.com'] }))).toEqual([
      { file: 'certificate', message: expect.stringContaining('expected one for *.foobar.com') },
    ])
  })

  it('refuse a certificate that is expired or not valid yet.', () => {
    const from = { certificate: good.chain, key: good.key }
    const on = (days: number) => readGivenPair(from, names, new Date(Date.now() + days * 86_400_000))
    expect(on(1)).toHaveProperty('chain')
    expect(on(91)).toEqual([
      { file: 'certificate', message: expect.stringContaining('got one that expired on') },
    ])
    expect(on(-1)).toEqual([
      { file: 'certificate', message: expect.stringContaining('got one that is valid from') },
    ])
  })

  it('keep the key to themselves.', () => {
    const parsed = vars.parse(given('files', good.chain, good.key), typicalSite)
    if (!parsed.ok) throw new Error('was refused')
    expect(JSON.stringify(parsed)).not.toContain(text(good.key).split('\n')[1])
    expect(parsed.value.given?.key.reveal()).toBe(text(good.key))
  })

  it('stop a run with a key that is another’s before anything is contacted.', async () => {
    let contacts = 0
    const server = createServer(socket => {
      contacts++
      socket.destroy()
    })
    await new Promise<void>(listening => server.listen(0, '127.0.0.1', listening))
    const { port } = server.address() as { port: number }
    const run = async (key: string) => {
      const inventory = folder.write(
        'inventory.yml',
        `hosts:\n  web1:\n    address: 127.0.0.1\n    port: ${port}\n    vars:\n      tls:\n        source: files\n` +
          `        files: { certificate: ${good.chain}, key: ${key} }\n`,
      )
      return ended(['scripts/site.mjs', '-t', 'tls', '-i', inventory])
    }
    const refused = await run(other.key)
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('got another key') })
    expect(refused.stderr).toContain('web1.vars.tls.files.key')
    expect(contacts).toBe(0)
    // With the right one it goes there: the count is able to move.
    expect(await run(good.key)).toMatchObject({ code: 4 })
    expect(contacts).toBeGreaterThan(0)
    server.close()
  }, 60_000)
})

const catalog = (vars: unknown) => declare(tls, { vars })

function declared(input: unknown): readonly string[] {
  return catalog(input).resources.map(({ label, notify }) =>
    [label, ...notify.map(({ name }) => `→ ${name}`)].join(' '),
  )
}

function ended(args: readonly string[]): Promise<{ code: number; stderr: string }> {
  const cwd = resolve(join(import.meta.dirname, '../..'))
  return new Promise(settle => {
    execFile(process.execPath, [...args], { cwd }, (error, _, stderr) => {
      settle({ code: typeof error?.code === 'number' ? error.code : 0, stderr })
    })
  })
}
