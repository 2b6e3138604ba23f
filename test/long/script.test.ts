import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type WireHost, wireHost } from '../sandbox/connection-host.ts'
import { type OnHost, ways } from '../sandbox/ways.ts'
import { local, uses } from '../script/uses.ts'

let on: WireHost
const directory = mkdtempSync(join(tmpdir(), 'capstan-script-'))
beforeAll(async () => {
  on = await wireHost()
})
afterAll(() => {
  rmSync(directory, { recursive: true })
  on.remove()
})

describe.each(Object.keys(ways))('every use of $ by %s', way => {
  let there: OnHost
  beforeAll(async () => {
    there = (await ways[way]?.(on)) as OnHost
  })
  afterAll(() => there.connection.close())

  it.each(uses(directory))('does what zx does here: %s', async (_, use) => {
    const here = await use(local)
    expect(await use(there.$)).toEqual(here)
  })
})

it('pipes a gigabyte from one host to another in less than 150 MiB', async () => {
  const [from, to] = [await ways['root']?.(on), await ways['root']?.(on)] as OnHost[]
  if (!from || !to) throw new Error('not connected')
  let most = 0
  const timer = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss)
  }, 50)
  const before = process.memoryUsage().rss
  const size = 2 ** 30
  const made = `head -c ${size} /dev/zero | openssl enc -aes-128-ctr -K 0 -iv 0`
  const sum = (await from.$`sh -c ${`${made} | sha256sum`}`).stdout
  const piped = await from.$`sh -c ${made}`.pipe(to.$`sha256sum`)
  clearInterval(timer)
  expect(piped.stdout).toBe(sum)
  expect((most - before) / 2 ** 20).toBeLessThan(150)
  await Promise.all([from.connection.close(), to.connection.close()])
})
