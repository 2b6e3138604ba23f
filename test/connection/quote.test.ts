import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { quoteAll } from '#engine/quote.ts'
import { openSession, shells } from './shells.ts'

const nasty = fc.constantFrom(
  ...["'", '"', '$', '`', '\\', ';', '&', '|', '<', '>', '*', '?', '~', '!', '#', '%', '\r', '\n', '\t'],
  ...['é', '😀', '', ' ', '-rf', '--', '\x01', '\x7f', '\x1e', '\x81', '$(id)', '${A}', "'\\''", 'a'],
)
const word = fc.oneof(
  fc.array(nasty, { maxLength: 8 }).map(parts => parts.join('')),
  fc.string({ unit: 'binary', maxLength: 20 }).map(text => text.replaceAll('\0', '')),
)

describe.each(shells)('a quoted word in %s', shell => {
  it('arrives as it was, whatever it holds', async () => {
    const session = openSession(shell)
    const law = fc.asyncProperty(fc.array(word, { minLength: 1, maxLength: 5 }), async args => {
      const { stdout } = await session.run(`printf '%s\\0' ${quoteAll(args)}`)
      expect(stdout.toString().split('\0').slice(0, -1)).toEqual(args)
    })
    await fc.assert(law, { numRuns: 300 })
    session.close()
  })
})
