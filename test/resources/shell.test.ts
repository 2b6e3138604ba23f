import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { here } from '#engine/resources/shell.ts'

const read = (shell: string, script: string) => execFileSync(shell, ['-c', script])

describe('a here-document', () => {
  it('feeds any bytes, in bash too', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), bytes => {
        const content = Buffer.from(bytes)
        expect(read('sh', here('cat', content))).toEqual(content)
      }),
      { numRuns: 30 },
    )
    const nasty = fc.string({ unit: fc.constantFrom(...'\t\n $`\\"\'END_aé'), maxLength: 60 })
    fc.assert(
      fc.property(nasty, text => {
        expect(read('sh', here('cat', `${text}\n`)).toString()).toBe(`${text}\n`)
      }),
      { numRuns: 30 },
    )
    const all = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
    for (const shell of ['sh', 'bash']) expect(read(shell, here('cat', all))).toEqual(all)
  })

  it.each([
    ['', true],
    ['one\ntwo\n', true],
    ['$(id) `id` $HOME \\ \\n \' "\n\n', true],
    ['END\nEOF\n\tEND_\n', true],
    ['no newline at its end', false],
    ['é\n', false],
    ['\r\n', false],
    ['\0\n', false],
  ])('feeds %j, as it is where it is lines of ASCII: %j', (content, plain) => {
    const script = here('cat', content)
    expect(script.includes('base64')).toBe(!plain)
    for (const shell of ['sh', 'bash']) expect(read(shell, script).toString()).toBe(content)
  })
})
