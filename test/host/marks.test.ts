import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Mark, markReader } from '#engine/host/marks.ts'

const nonce = '0123456789abcdef'

function read(log: Buffer, cuts: readonly number[]): Mark[] {
  const marks: Mark[] = []
  const push = markReader(nonce, mark => {
    const last = marks.at(-1)
    // How the text is cut is not told by what it is.
    if (mark.word === 'text' && last?.word === 'text')
      marks[marks.length - 1] = { word: 'text', text: last.text + mark.text }
    else marks.push(mark)
  })
  const ends = [...new Set(cuts)].sort((a, b) => a - b)
  for (const [index, end] of [...ends, log.length].entries()) push(log.subarray(ends[index - 1] ?? 0, end))
  return marks
}

const line = (args: string) => `\n${nonce} ${args}\n`

describe('the reader of a stage’s log', () => {
  it.each<[string, Mark]>([
    ['begin 3', { word: 'begin', index: 3 }],
    ['end 3 127', { word: 'end', index: 3, code: 127 }],
    ['tested 1 1 copy', { word: 'tested', index: 1, code: 1, on: 'copy' }],
    ['tested 1 0 place', { word: 'tested', index: 1, code: 0, on: 'place' }],
    ['before 1 1', { word: 'before', index: 1, code: 1 }],
    ['installed 2', { word: 'installed', index: 2 }],
    ['putback 2', { word: 'putback', index: 2 }],
    ['refused 2', { word: 'refused', index: 2 }],
    ['again 4 0', { word: 'again', index: 4, code: 0 }],
    ['stopped', { word: 'stopped' }],
    ['done 1', { word: 'done', code: 1 }],
  ])('reads %s', (args, mark) => {
    expect(read(Buffer.from(line(args)), [])).toEqual([mark])
  })

  it('throws on a mark that it does not know', () => {
    expect(() => read(Buffer.from(line('dance 1')), [])).toThrow('dance')
  })

  it('gives the same marks and text wherever the log is cut', () => {
    const piece = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.constantFrom('\n', '\n\n', `\n${nonce}`, nonce, ` ${nonce} `, 'é', '😀', `\n${nonce.slice(0, 9)}`),
    )
    const text = fc
      .array(piece, { maxLength: 6 })
      .map(pieces => pieces.join(''))
      .filter(said => !said.includes(`\n${nonce} `))
    const log = fc.array(fc.tuple(text, fc.nat(99), fc.nat(255)), { maxLength: 6 })
    fc.assert(
      fc.property(log, fc.array(fc.nat(400)), (entries, cuts) => {
        const whole = Buffer.from(
          entries.map(([said, step, code]) => said + line(`end ${step} ${code}`)).join(''),
        )
        const inside = cuts.filter(cut => cut < whole.length)
        const expected = read(whole, [])
        expect(read(whole, inside)).toEqual(expected)
        expect(expected.filter(mark => mark.word === 'end')).toEqual(
          entries.map(([, index, code]) => ({ word: 'end', index, code })),
        )
        const said = expected.map(mark => (mark.word === 'text' ? mark.text : '')).join('')
        expect(said).toBe(Buffer.from(entries.map(([text]) => text).join('')).toString())
      }),
    )
  })

  it('hands text on as it comes, but for what may begin a mark', () => {
    const told: string[] = []
    const push = markReader(nonce, mark => mark.word === 'text' && told.push(mark.text))
    for (const chunk of ['Unpacking', ' nginx', ' …\n', `\n${nonce.slice(0, 4)}`, 'x'])
      push(Buffer.from(chunk))
    expect(told).toEqual(['Unpacking', ' nginx', ' …', '\n', `\n${nonce.slice(0, 4)}x`])
  })
})
