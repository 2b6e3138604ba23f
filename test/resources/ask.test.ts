import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { afterAll, describe, expect, it } from 'vitest'
import { ask } from '#engine/resources/release/script.ts'
import { type Pair, pairFolder } from '../pairs.ts'

const domain = 'www.foobar.com'
const folder = pairFolder()
const root = folder.make({ names: ['A root'], ca: true })
const otherRoot = folder.make({ names: ['Another root'], ca: true })
const own = folder.make({ names: ['foobar.com', domain] })
const signed = folder.make({ names: [domain], by: root })
const ofOther = folder.make({ names: ['www.other.com'], by: root })
afterAll(() => folder.remove())

/** What is said of a site that answers well with this pair, asked for so many seconds with these CAs. */
async function asked(
  pair: Pair,
  ca: string,
  seconds: number,
): Promise<{ readonly exitCode: number; readonly said: string }> {
  const server = createServer(
    { cert: readFileSync(pair.chain), key: readFileSync(pair.key) },
    (_request, response) => response.end('well'),
  )
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const way = `tls:127.0.0.1:${(server.address() as AddressInfo).port}`
  const args = [way, '/', domain, '1', '0', '1', String(seconds), ca]
  try {
    return await new Promise(resolve =>
      execFile('perl', ['-e', ask, '--', ...args], (error, stdout) =>
        resolve({ exitCode: Number(error?.code ?? 0), said: stdout }),
      ),
    )
  } finally {
    server.close()
  }
}

describe('a site that is asked over TLS', () => {
  it.each([
    ['its own certificate', own, own.chain],
    ['one of the expected CA', signed, root.certificate],
    ['one that is expected itself, its CA not', signed, signed.certificate],
  ])('is good with %s', async (_what, pair, ca) => {
    expect(await asked(pair, ca, 20)).toMatchObject({
      exitCode: 0,
      said: expect.stringMatching(/^200 in \d+ ms/),
    })
  })

  it.each([
    [
      'the right name of another CA',
      signed,
      otherRoot.certificate,
      /self.signed certificate in certificate chain/,
    ],
    ['the right name of itself', own, root.certificate, /self.signed certificate/],
    ['the right name of a CA that no system knows', signed, '/nonexistent', /self.signed certificate/],
    [
      'another name of the expected CA',
      ofOther,
      root.certificate,
      /of CN ?= ?www\.other\.com: hostname mismatch/i,
    ],
  ])('is refused with %s', async (_what, pair, ca, why) => {
    const { exitCode, said } = await asked(pair, ca, 3)
    expect([exitCode, said]).toEqual([1, expect.stringMatching(why)])
    expect(said).toMatch(/^GET \/ of www\.foobar\.com: a browser would refuse the certificate/)
  })
})
