import { describe, expect, it } from 'vitest'
import type { Manifest } from '#engine/deploy/manifest.ts'
import { migrationsDigest } from '#engine/deploy/migrations.ts'

const manifest = (files: Readonly<Record<string, string>>): Manifest =>
  Object.entries(files).map(([path, content]) => ({
    ...({ type: 'file', path, mode: 644, size: 1, sha256: content.padEnd(64, '0') } as const),
  }))
const settings = { migrate: 'python3 manage.py migrate', migrations: undefined, database: 'shop on /run/db' }
const django = { 'manage.py': 'a', 'shop/migrations/0001.py': 'b', 'shop/views.py': 'c' }

function digestOf(files: Readonly<Record<string, string>>, other: Partial<Given> = {}) {
  return migrationsDigest({ manifest: manifest(files), folder: 'site' }, { ...settings, ...other })
}
type Given = Parameters<typeof migrationsDigest>[1]

describe('the digest of a release’s migrations', () => {
  it('is absent where nothing migrates', () => {
    expect(digestOf(django, { migrate: undefined })).toBeUndefined()
    expect(digestOf({ ...django, 'deploy/migrate': 'm' }, { migrate: undefined })).toBeDefined()
  })

  it('changes with any file where nobody says what the migrations are made of', () => {
    expect(digestOf({ ...django, 'shop/migrations/0002.py': 'd' })).not.toBe(digestOf(django))
    expect(digestOf({ ...django, 'shop/views.py': 'd' })).not.toBe(digestOf(django))
  })

  it.each<[string, Readonly<Record<string, string>>, Partial<Given>]>([
    ['the named paths', django, { migrations: ['shop/migrations'] }],
    ['the folder migrations', { 'migrations/1.sql': 'b', 'shop/views.py': 'c' }, {}],
  ])('changes with %s alone where they are there', (_what, files, other) => {
    const before = digestOf(files, other)
    expect(digestOf({ ...files, 'shop/views.py': 'other' }, other)).toBe(before)
    const [first = ''] = Object.keys(files).filter(path => path.includes('migrations/'))
    expect(digestOf({ ...files, [first]: 'other' }, other)).not.toBe(before)
    expect(digestOf({ ...files, [`${first}.next`]: 'new' }, other)).not.toBe(before)
  })

  it('counts for one database and one command', () => {
    const before = digestOf(django)
    expect(digestOf(django, { database: 'other on /run/db' })).not.toBe(before)
    expect(digestOf(django, { migrate: 'python3 manage.py migrate shop' })).not.toBe(before)
  })

  it('refuses a path that the source does not have', () => {
    expect(() => digestOf(django, { migrations: ['shop/migrations', 'sql', 'shop/migr'] })).toThrow(
      'app.release.migrations: sql, shop/migr: not in site',
    )
  })
})
