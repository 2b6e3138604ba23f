import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { factsScript, parseFacts } from '#engine/converge/facts.ts'

const said = {
  'os.id': 'debian',
  'os.version': '12',
  'os.codename': 'bookworm',
  'os.name': 'Debian GNU/Linux 12 (bookworm)',
  architecture: 'x86_64',
  hostname: 'web1',
  cpus: '2',
  memory: '3907',
  address: ['10.0.0.5', 'fe80::1'],
  systemd: 'yes',
}

function facts(other: Readonly<Record<string, string | readonly string[]>> = {}) {
  const pairs = Object.entries({ ...said, ...other }).flatMap(([key, values]) =>
    [values].flat().flatMap(value => [key, value]),
  )
  return parseFacts(Buffer.from(pairs.map(field => `${field}\0`).join('')), 'web1')
}

describe('facts', () => {
  it('are read from pairs, each key as often as it is said', () => {
    expect(facts({ live: 'shop', pending: ['nginx/reload nginx', 'tls/x'] })).toEqual({
      os: { id: 'debian', version: '12', codename: 'bookworm', name: 'Debian GNU/Linux 12 (bookworm)' },
      architecture: 'x86_64',
      hostname: 'web1',
      cpus: 2,
      memory: 3907,
      addresses: ['10.0.0.5', 'fe80::1'],
      system: 'debian 12',
      isContainer: false,
      ssh: undefined,
      live: ['shop'],
      sites: [],
      pending: ['nginx/reload nginx', 'tls/x'],
    })
  })

  it('know which site a host is set up for', () => {
    expect(facts({ site: 'shop shop.com' }).sites).toEqual([
      { app: 'shop', domain: 'shop.com', isRemoved: false },
    ])
    expect(facts({ site: 'shop shop.com removed' }).sites).toEqual([
      { app: 'shop', domain: 'shop.com', isRemoved: true },
    ])
  })

  it('know how the run is logged in, and whether sshd looks for keys elsewhere', () => {
    const login = { port: 22, client: '192.0.2.9', user: 'deploy' }
    expect(facts({ ssh: '22 192.0.2.9 deploy a+/=,b' }).ssh).toEqual({ ...login, keys: ['a+/=', 'b'] })
    expect(facts({ ssh: '22 192.0.2.9 deploy none' }).ssh).toEqual({ ...login, keys: [] })
    expect(facts({ ssh: '22 192.0.2.9 deploy ' }).ssh).toEqual({ ...login, keys: undefined })
  })

  it('take a release without a number for the unstable one', () => {
    expect(facts({ 'os.version': '' }).os.version).toBe('sid')
  })

  it.each([
    [
      'another system',
      { 'os.id': 'alpine', 'os.version': '3.20', 'os.name': 'Alpine Linux v3.20' },
      /^web1: Alpine Linux v3.20 is not a system/,
    ],
    [
      'a release that is too old',
      { 'os.version': '10', 'os.name': 'Debian GNU/Linux 10 (buster)' },
      /buster/,
    ],
    ['a host that says nothing', { 'os.id': '', 'os.version': '', 'os.name': '' }, /an unknown system/],
    ['another init', { systemd: [] }, /without systemd/],
  ])('refuse %s, naming it and what is managed', (_what, other, args) => {
    expect(() => facts(other)).toThrow(
      expect.objectContaining({
        code: 'host-unsupported',
        message: expect.stringMatching(args),
        hint: expect.stringContaining('debian 12'),
      }),
    )
  })
})

describe('the sites that a host has been set up for', () => {
  /** What the script reads where the host's files are these: a text by path, or the target of a link. */
  const sitesOf = (files: Readonly<Record<string, string | { readonly link: string }>>) => {
    const folder = mkdtempSync(join(tmpdir(), 'capstan-facts-'))
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      if (typeof content === 'string') writeFileSync(join(folder, path), content)
      else symlinkSync(content.link, join(folder, path))
    }
    const script = factsScript.replaceAll(
      /\/(?:var\/lib\/capstan|srv\/www|etc\/ssl\/capstan)\b/g,
      `${folder}$&`,
    )
    const values = execFileSync('sh', { input: script }).toString().split('\0')
    rmSync(folder, { recursive: true })
    return facts({ site: values.filter((_value, at) => values[at - 1] === 'site') }).sites
  }
  const live = (app: string) => ({ [`srv/www/${app}/current`]: { link: 'releases/1' } })
  const certificate = (domain: string) => ({ [`etc/ssl/capstan/${domain}/fullchain.pem`]: 'PEM' })
  const shop = { app: 'shop', domain: 'shop.com', isRemoved: false }

  it('are those of its own list, whatever its folders are', () => {
    const list = 'shop shop.com\nblog blog.shop.com removed\n'
    expect(sitesOf({ 'var/lib/capstan/site': list, ...live('other'), ...certificate('other.com') })).toEqual([
      shop,
      { app: 'blog', domain: 'blog.shop.com', isRemoved: true },
    ])
    expect(sitesOf({ 'var/lib/capstan/site': '', ...live('other'), ...certificate('other.com') })).toEqual([])
  })

  it('are read from the lines of a list that have its form', () => {
    const list = 'shop\n\nshop shop.com gone\n shop shop.com\nshop shop.com\nblog blog.com'
    expect(sitesOf({ 'var/lib/capstan/site': list })).toEqual([
      shop,
      { app: 'blog', domain: 'blog.com', isRemoved: false },
    ])
  })

  it('are the one of its app and its certificate on a host that is older than that list', () => {
    expect(sitesOf({ ...live('shop'), ...certificate('shop.com') })).toEqual([shop])
  })

  it.each([
    ['there is nothing', {}],
    ['no release is live', { 'srv/www/shop/current/x': '', ...certificate('shop.com') }],
    ['there is no certificate', live('shop')],
    ['there are two apps', { ...live('shop'), ...live('blog'), ...certificate('shop.com') }],
    [
      'there are two certificates',
      { ...live('shop'), ...certificate('shop.com'), ...certificate('blog.com') },
    ],
  ])('are unknown on an older host where %s', (_what, files) => {
    expect(sitesOf(files)).toEqual([])
  })
})

describe('/etc/os-release', () => {
  /** What the script reads of such a file, in place of the machine's own. */
  const read = (text: string) => {
    const folder = mkdtempSync(join(tmpdir(), 'capstan-facts-'))
    const [file, proof] = [join(folder, 'os-release'), join(folder, 'proof')]
    writeFileSync(file, text.replaceAll('PROOF', proof))
    const script = factsScript.replaceAll('/etc/os-release', file)
    const values = execFileSync('sh', { input: script }).toString().split('\0')
    const ran = existsSync(proof)
    rmSync(folder, { recursive: true })
    const of = (key: string) => values[values.indexOf(key) + 1]
    return {
      id: of('os.id'),
      version: of('os.version'),
      codename: of('os.codename'),
      name: of('os.name'),
      ran,
    }
  }

  it('is read with its three kinds of quotes', () => {
    const text = `PRETTY_NAME="Debian \\"GNU\\"/Linux 12 (bookworm)"\nVERSION_ID='12'\n# ID=other\nVERSION_CODENAME=bookworm\nID=debian\n`
    const name = 'Debian "GNU"/Linux 12 (bookworm)'
    expect(read(text)).toEqual({ id: 'debian', version: '12', codename: 'bookworm', name, ran: false })
  })

  it.each([
    'PRETTY_NAME="$(touch PROOF)"',
    'PRETTY_NAME=`touch PROOF`',
    'ID=debian; touch PROOF',
    'touch PROOF',
    'ID=$(touch PROOF)',
  ])('runs nothing: %s', line => {
    expect(read(`${line}\nVERSION_ID=12\n`)).toMatchObject({ version: '12', ran: false })
  })
})
