import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AppState } from '#engine/deploy/inspect.ts'
import { digest, type Entry, manifestText, parseManifest, sorted } from '#engine/deploy/manifest.ts'
import { shipment } from '#engine/deploy/transfer.ts'

const name = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 12 })
  .map(text => Buffer.from(text).toString('latin1').replace(/[/\0]/g, '_'))
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map(parts => parts.join('/'))
const sha = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 64, maxLength: 64 })
const entry = fc.oneof(
  fc.record({
    type: fc.constant('file' as const),
    path,
    mode: fc.constantFrom(644 as const, 755 as const),
    sha256: sha,
    size: fc.nat(),
  }),
  fc.record({ type: fc.constant('directory' as const), path }),
  fc.record({ type: fc.constant('link' as const), path, target: name }),
)
const manifest = fc
  .uniqueArray(entry, { selector: one => one.path })
  .map((entries: Entry[]) => sorted(entries))

describe('a manifest', () => {
  it('is read as it was written, whatever its names hold', () => {
    fc.assert(fc.property(manifest, one => void expect(parseManifest(manifestText(one))).toEqual(one)))
  })

  it('has one line for each entry', () => {
    fc.assert(
      fc.property(manifest, one => void expect(manifestText(one).split('\n').length - 1).toBe(one.length)),
    )
  })

  it('is known by its content alone, whatever the order it was found in', () => {
    fc.assert(fc.property(manifest, one => void expect(digest(sorted([...one].reverse()))).toBe(digest(one))))
  })

  it.each(['', 'f\t644\tabc\t1\tx', 'd', 'x\ty', 'f\t777\t', 'l\ta'])('is not what has the line %j', line => {
    expect(() => parseManifest(`${line}\n`)).toThrow(RangeError)
  })
})

describe('what is sent', () => {
  const based = (one: readonly Entry[], more: readonly string[] = []): AppState['base'] => ({
    id: '20261122T204501Z-3f9a1c2',
    manifest: one,
    more: new Set(more),
  })

  it('is nothing at all where a kept release is the same', () => {
    fc.assert(
      fc.property(
        manifest,
        one => void expect(shipment(one, based(one))).toMatchObject({ changes: [], files: [], bytes: 0 }),
      ),
    )
  })

  it('are each content once, and none that a kept release has', () => {
    fc.assert(
      fc.property(manifest, manifest, (one, base) => {
        const { files } = shipment(one, based(base))
        const sent = files.map(({ sha256 }) => sha256)
        const had = new Set(base.flatMap(each => (each.type === 'file' ? [each.sha256] : [])))
        expect(new Set(sent).size).toBe(sent.length)
        expect(sent.filter(each => had.has(each))).toEqual([])
        const wanted = one.flatMap(each => (each.type === 'file' ? [each.sha256] : []))
        expect(wanted.every(each => had.has(each) || sent.includes(each))).toBe(true)
      }),
    )
  })

  it('are changes that lead from the base to the release', () => {
    fc.assert(
      fc.property(manifest, manifest, (one, base) => {
        const lines = new Map(
          manifestText(base)
            .split('\n')
            .slice(0, -1)
            .map(line => [line.slice(line.lastIndexOf('\t') + 1), line]),
        )
        for (const change of shipment(one, based(base)).changes)
          if (change.startsWith('-')) lines.delete(change.slice(1))
          else lines.set(change.slice(change.lastIndexOf('\t') + 1), change.slice(1))
        expect([...lines.values()].sort()).toEqual(manifestText(one).split('\n').slice(0, -1).sort())
      }),
    )
  })

  it('leaves out what a release beside the base has', () => {
    const file = { type: 'file', path: 'a', mode: 644, sha256: 'a'.repeat(64), size: 3 } as const
    expect(shipment([file], based([], [file.sha256])).files).toEqual([])
    expect(shipment([file], undefined)).toMatchObject({ base: undefined, bytes: 3, files: [file] })
  })
})
