import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type WireHost, wireHost } from '../sandbox/connection-host.ts'
import { machine, root } from '../sandbox/machine.ts'
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
  const names = ['gigabyte1', 'gigabyte2']
  const machines = await Promise.all(names.map(name => machine(name, 12)))
  const inventory = join(directory, 'two.yml')
  const hosts = Object.fromEntries(names.map(name => [name, { connection: 'sandbox', debian: 12 }]))
  writeFileSync(inventory, JSON.stringify({ hosts }))
  try {
    // In a process of its own, as a script is run: what these tests have loaded takes as much.
    const script = join(root, 'test/fixtures/gigabyte.mjs')
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [script, '-i', inventory])
    const { isSame, most } = JSON.parse(stdout)
    expect(isSame, stderr).toBe(true)
    expect(most / 2 ** 20).toBeLessThan(150)
  } finally {
    for (const one of machines) one.close()
  }
})
