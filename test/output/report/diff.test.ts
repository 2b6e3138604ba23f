import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { unifiedDiff } from '#engine/output/difference.ts'
import { pagePart } from './page.ts'

interface Line {
  readonly number: number
  readonly text: string
}
interface Pair {
  readonly before?: Line
  readonly after?: Line
  readonly note?: string
}

const { pairs, parts } = (await pagePart('diff.js')) as {
  readonly pairs: (text: string) => readonly Pair[]
  readonly parts: (before: string, after: string) => readonly (readonly string[])[]
}
const diff = (before: string, after: string) =>
  unifiedDiff('file /x', { what: 'content', found: 'a', wanted: 'b', text: { before, after } })
    .slice(2)
    .join('\n')

describe('A diff side by side', () => {
  test('pairs what was removed with what was added, and numbers the lines of both.', () => {
    expect(pairs(diff('a\nb\nc\n', 'a\nB\nB2\nc\n'))).toEqual([
      { note: '@@ -1,3 +1,4 @@' },
      { before: { number: 1, text: 'a' }, after: { number: 1, text: 'a' }, isSame: true },
      { before: { number: 2, text: 'b' }, after: { number: 2, text: 'B' } },
      { before: undefined, after: { number: 3, text: 'B2' } },
      { before: { number: 3, text: 'c' }, after: { number: 4, text: 'c' }, isSame: true },
    ])
  })

  test('keeps what is no line of a file as a note.', () => {
    expect(pairs('[secret content hidden]')).toEqual([{ note: '[secret content hidden]' }])
    expect(pairs(diff('a', 'b')).map(({ note }) => note)).toContain('\\ No newline at end of file')
  })

  test('gives back every line of small texts, on its side and under its number.', () => {
    const lines = fc.array(fc.constantFrom('a', 'b', '-', '+', '@@', ' ', '[x]'), { maxLength: 6 })
    fc.assert(
      fc.property(lines, lines, (before, after) => {
        fc.pre(before.join() !== after.join())
        const text = (all: readonly string[]) => all.map(line => `${line}\n`).join('')
        const rows = pairs(diff(text(before), text(after)))
        for (const [side, all] of [
          ['before', before],
          ['after', after],
        ] as const)
          expect(rows.flatMap(row => row[side] ?? [])).toEqual(
            all.map((line, at) => ({ number: at + 1, text: line })),
          )
      }),
    )
  })

  test('marks what differs between two lines.', () => {
    expect(parts('  server_tokens on;', '  server_tokens off;')).toEqual([
      ['  server_tokens o', 'n', ';'],
      ['  server_tokens o', 'ff', ';'],
    ])
    fc.assert(
      fc.property(fc.string(), fc.string(), (before, after) => {
        const [left = [], right = []] = parts(before, after)
        expect([left.join(''), right.join('')]).toEqual([before, after])
        expect([left[0], left[2]]).toEqual([right[0], right[2]])
      }),
    )
  })
})
