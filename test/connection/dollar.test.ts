import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import type { Connection } from '#engine/connection/connection.ts'
import { dollar } from '#engine/connection/dollar.ts'
import { connectLocal } from '#engine/connection/local.ts'
import { Recorder } from '#engine/connection/recorder.ts'
import { quoteAll } from '#engine/quote.ts'
import { Secret } from '#engine/secret.ts'
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
    const law = fc.asyncProperty(fc.array(word, { minLength: 1, maxLength: 5 }), async words => {
      const { stdout } = await session.run(`printf '%s\\0' ${quoteAll(words)}`)
      expect(stdout.toString().split('\0').slice(0, -1)).toEqual(words)
    })
    await fc.assert(law, { numRuns: 300 })
    session.close()
  })
})

describe('the tag $', () => {
  const open: Connection[] = []
  afterAll(() => Promise.all(open.map(connection => connection.close())))
  const local = async () => {
    const connection = await connectLocal({ host: 'here', sudo: 'no' })
    open.push(connection)
    return dollar(connection)
  }

  it('gives a value as one word, an array as many, and an empty one as none', async () => {
    const $ = await local()
    const { stdout } = await $`for w in ${'a b'} ${['c d', '']} ${[]} --x=${7}; do echo "<$w>"; done`
    expect(stdout).toBe('<a b>\n<c d>\n<>\n<--x=7>')
  })

  it('throws with the command and what it said, the secret masked', async () => {
    const $ = await local()
    await expect($`echo ${new Secret('hunter22')} why >&2; exit 3`).rejects.toMatchObject({
      code: 'command',
      message: 'here: echo *** why >&2; exit 3 exited with 3',
    })
  })

  it('hands a secret to the host', async () => {
    const $ = await local()
    expect((await $`printf %s ${new Secret("it's hunter22")}`).stdout).toBe("it's hunter22")
  })

  it('gives the exit code where it is asked not to throw', async () => {
    const $ = await local()
    expect(await $.nothrow`echo out; exit 4`).toEqual({ stdout: 'out', stderr: '', exitCode: 4 })
  })

  it('refuses a value that is no word', async () => {
    const $ = dollar(new Recorder())
    await expect($`echo ${undefined as never}`).rejects.toThrow(TypeError)
  })
})
