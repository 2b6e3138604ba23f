import { expect, test } from 'vitest'
import { debianSources, withOrigins } from '#engine/sandbox/sources.ts'

const signed = 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]'

const debian12 = [
  'http://deb.debian.org/debian/|bookworm|main|Debian',
  'http://deb.debian.org/debian/|bookworm-updates|main|Debian',
  'http://deb.debian.org/debian-security/|bookworm-security|main|Debian',
]

test('the archive of the machine is turned to the release of the host', () => {
  expect(debianSources(debian12.join('\n'), 'bookworm', 13)).toEqual([
    `${signed} http://deb.debian.org/debian trixie main`,
    `${signed} http://deb.debian.org/debian trixie-updates main`,
    `${signed} http://deb.debian.org/debian-security trixie-security main`,
  ])
})

test('sid is one suite, read after its week where this machine reads such lists too.', () => {
  const sid = (readsExpired: boolean) => debianSources(debian12.join('\n'), 'bookworm', 'sid', readsExpired)
  expect(sid(false)).toEqual([`${signed} http://deb.debian.org/debian sid main`])
  expect(sid(true)).toEqual([
    `${signed.replace(']', ' check-valid-until=no]')} http://deb.debian.org/debian sid main`,
  ])
})

test.each([
  [
    'a vendor under the codename of Debian',
    'https://download.docker.com/linux/debian/|bookworm|stable|Docker',
  ],
  ['a vendor in main', 'https://packages.sury.org/php/|bookworm|main|deb.sury.org'],
  ['a suite of its own', 'https://deb.nodesource.com/node_20.x/|nodistro|main|. nodistro'],
  ['a codename with more behind it', 'https://apt.postgresql.org/pub/|bookworm-pgdg|main|apt.postgresql.org'],
  ['backports', 'http://deb.debian.org/debian/|bookworm-backports|main|Debian'],
  ['another component', 'http://deb.debian.org/debian/|bookworm|contrib|Debian'],
])('%s is left out', (_, line) => {
  expect(debianSources([...debian12, line].join('\n'), 'bookworm', 12)).toEqual(
    debianSources(debian12.join('\n'), 'bookworm', 12),
  )
})

test('where an archive names no origin, the path of its address tells', () => {
  const targets = [
    'http://mirror.example/debian/|bookworm|main|$(ORIGIN)',
    'https://packages.example/php/|bookworm|main|$(ORIGIN)',
  ]
  expect(debianSources(targets.join('\n'), 'bookworm', 12)).toEqual([
    `${signed} http://mirror.example/debian bookworm main`,
  ])
})

test('a machine that names no Debian archive gets the public one', () => {
  expect(debianSources('', 'bookworm', 12)).toHaveLength(3)
  expect(debianSources('http://archive.ubuntu.com/ubuntu/|noble|main|Ubuntu', 'noble', 12)).toContain(
    `${signed} http://deb.debian.org/debian-security bookworm-security main`,
  )
})

// While another process fetches the lists, apt knows the origin of some.
test('the sources are those that are configured, however many of their lists have been fetched', () => {
  const configured = debian12.map(line => line.replace(/Debian$/, '$(ORIGIN)'))
  for (const fetched of [[], debian12.slice(0, 1), debian12])
    expect(debianSources(withOrigins(configured.join('\n'), fetched.join('\n')), 'bookworm', 12)).toEqual(
      debianSources(debian12.join('\n'), 'bookworm', 12),
    )
})

test('an origin that is known tells, whatever the path', () => {
  const configured = [
    'https://a.example/debian/|bookworm|main|$(ORIGIN)',
    'https://b.example/x/|bookworm|main|$(ORIGIN)',
  ]
  const fetched = [
    'https://a.example/debian/|bookworm|main|Vendor',
    'https://b.example/x/|bookworm|main|Debian',
  ]
  expect(debianSources(withOrigins(configured.join('\n'), fetched.join('\n')), 'bookworm', 12)).toEqual([
    `${signed} https://b.example/x bookworm main`,
  ])
})
