import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { wantedFile } from '#engine/resources/file.ts'
import { type FoundPath, path, type WantedPath } from '#engine/resources/path.ts'
import { Secret } from '#engine/secret.ts'

const directory = mkdtempSync(join(tmpdir(), 'capstan-path-'))
afterAll(() => rmSync(directory, { recursive: true }))

// Whoever runs the tests owns the files that they make.
const [owner = '', group = ''] = execFileSync('sh', ['-c', 'id -un; id -gn']).toString().split('\n')
const wanted = (name: string, content?: string | Buffer | Secret, mode = '0644'): WantedPath =>
  wantedFile(join(directory, name), { mode, owner, group, ...(content === undefined ? {} : { content }) })

/** The probe's own shell, run by this machine's sh: what it says of these paths. */
function probed(items: readonly WantedPath[], diff = false): readonly FoundPath[] {
  const output = execFileSync('sh', ['-s'], { input: path.probe(items, { diff }), timeout: 20_000 })
  return path.parse(output, items).map(state => {
    if (!state.known) throw new Error(state.reason)
    return state.value
  })
}

function put(name: string, content: string | Buffer, mode = 0o644) {
  writeFileSync(join(directory, name), content)
  chmodSync(join(directory, name), mode)
}

describe('the probe of paths', () => {
  it('tells files, directories, links and absence', () => {
    put('file', 'x', 0o600)
    mkdirSync(join(directory, 'directory'))
    chmodSync(join(directory, 'directory'), 0o751)
    symlinkSync('to nowhere', join(directory, 'link'))
    const [file, folder, link, absent] = probed([
      wanted('file', 'x'),
      wanted('directory'),
      wanted('link'),
      wanted('absent'),
    ])
    expect(file).toMatchObject({ type: 'file', mode: '0600', owner, group })
    expect(file?.sha256).toHaveLength(64)
    expect(folder).toMatchObject({ type: 'directory', mode: '0751' })
    expect(link).toMatchObject({ type: 'link', target: 'to nowhere' })
    expect(absent).toMatchObject({ type: 'absent' })
  })

  it('reads a thousand files, each with its own hash', () => {
    const items = Array.from({ length: 1000 }, (_, index) => {
      put(`many-${index}`, `file ${index % 999}`)
      return wanted(`many-${index}`, `file ${index}`)
    })
    const different = probed(items).flatMap((found, index) =>
      path.diff(items[index] as WantedPath, found).length > 0 ? [index] : [],
    )
    expect(different).toEqual([999])
  })

  it('gives back what is in a file for --diff, where it differs, and of a secret nothing', () => {
    put('a', 'old\n')
    put('s', 'old secret\n')
    const items = [wanted('a', 'new\n'), wanted('s', new Secret('new secret\n')), wanted('a', 'old\n')]
    const [changed, secret, same] = probed(items, true)
    expect(changed?.content?.toString()).toBe('old\n')
    expect([secret?.content, same?.content]).toEqual([undefined, undefined])
  })

  it('finds any bytes under any name as they are', () => {
    const name = fc
      .string({ unit: 'binary', minLength: 1, maxLength: 40 })
      .filter(text => Buffer.from(text).toString() === text)
      .map(text => `n${text.replace(/[/\0]/g, '_')}`)
    const content = fc.uint8Array({ maxLength: 300 }).map(bytes => Buffer.from(bytes))
    fc.assert(
      fc.property(fc.dictionary(name, content, { maxKeys: 5, noNullPrototype: true }), files => {
        for (const [one, bytes] of Object.entries(files)) put(one, bytes)
        const items = Object.entries(files).map(([one, bytes]) => wanted(one, bytes))
        probed(items).forEach((found, index) => {
          expect(path.diff(items[index] as WantedPath, found)).toEqual([])
        })
      }),
      { numRuns: 40 },
    )
  })
})

const found = (other: Partial<FoundPath> = {}): FoundPath => ({
  ...{ type: 'file', mode: '0644', owner, group, sha256: '', target: '', content: undefined },
  ...other,
})

describe('what differs', () => {
  it.each<[string, WantedPath, FoundPath, unknown[]]>([
    ['a mode', wanted('a', undefined, '0600'), found(), [{ what: 'mode', found: '0644', wanted: '0600' }]],
    [
      'an owner and group',
      wanted('a'),
      found({ owner: 'www', group: 'other' }),
      [
        { what: 'owner', found: 'www', wanted: owner },
        { what: 'group', found: 'other', wanted: group },
      ],
    ],
    ['a kind', { type: 'absent', path: '/x' }, found(), [{ what: 'state', found: 'file', wanted: 'absent' }]],
    [
      'a target',
      { type: 'link', path: '/x', target: 'b' },
      found({ type: 'link', target: 'a' }),
      [{ what: 'target', found: 'a', wanted: 'b' }],
    ],
    [
      'content, with both texts where the old one was read',
      wanted('a', 'new'),
      found({ content: Buffer.from('old') }),
      [expect.objectContaining({ what: 'content', text: { before: 'old', after: 'new' } })],
    ],
    [
      'bytes',
      wanted('a', Buffer.from([0, 1])),
      found({ content: Buffer.from('old') }),
      [expect.objectContaining({ what: 'content', text: 'binary' })],
    ],
  ])('is told: %s', (_what, one, state, differences) => {
    expect(path.diff(one, state)).toEqual(differences)
  })

  it('tells neither text nor hash of a secret, and has it written for root alone', () => {
    const secret = wantedFile('/x', { content: new Secret('s3cret') })
    expect(secret).toMatchObject({ mode: '0600', secret: true })
    for (const state of [found({ mode: '0600', sha256: 'ab'.repeat(32) }), found({ type: 'absent' })]) {
      const [difference] = path.diff(secret, state)
      expect(difference?.text).toBe('secret')
      expect(JSON.stringify(difference)).not.toMatch(/[0-9a-f]{12}/)
    }
  })

  it('is nothing where a file only has to exist', () => {
    expect(path.diff(wanted('a'), found({ sha256: '' }))).toEqual([])
  })
})

describe('the shell that changes a path', () => {
  it('writes content through stdin alone, and quotes the rest', () => {
    const script = path.apply(
      wantedFile(`/srv/it's $(id)`, { content: 'top $(id) secret' }),
      found({ type: 'absent' }),
    )
    expect(script).not.toContain('top $(id) secret')
    expect(script).toContain(`put '/srv/it'\\''s $(id)' 0644 root root 16`)
  })

  it('leaves the content alone where only attributes differ', () => {
    const content = 'x'
    const sha256 = '2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881'
    expect(path.apply(wanted('a', content, '0600'), found({ sha256 }))).toMatch(/^attributes /)
  })
})
