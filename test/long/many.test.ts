import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sandboxDown } from '#engine/sandbox/sandbox.ts'
import { declare } from '../sandbox/declared.ts'
import { type Machine, machine, root } from '../sandbox/machine.ts'
import type { SiteRun } from '../sandbox/site.ts'
import { before, count, kinds, type Made } from './many.ts'

describe.each([12, 13] as const)(`${count} resources of a kind on Debian %i`, debian => {
  let host: Machine
  let made: Made
  beforeAll(async () => {
    host = await machine(`many${debian}`, debian)
    const [archive = '', commit = ''] = (await host.say(before, 900)).trim().split('\n').slice(-2)
    made = { archive, commit }
  })
  afterAll(async () => {
    host?.close()
    await sandboxDown({ root, say: () => {}, names: [`many${debian}`] })
  })

  it.each(Object.entries(kinds))(
    '%s: made, found the next time in two trips, repaired after a hand edit, and removed',
    async (name, { calls: given, byHand, edited = 1, holds, absent, gone }) => {
      const calls = given(made)
      const first = await declared(calls)
      const again = await declared(calls)
      expect(again.recap()).toMatchObject({ changed: 0, trips: 2 })
      expect(again.recap().ok).toBeGreaterThanOrEqual(count)
      await host.say(`set -e\n${holds}`)

      await host.say(byHand)
      expect((await host.run(`set -e\n${holds}`)).exitCode).not.toBe(0)
      const repair = await declared(calls)
      expect(repair.changes, repair.changes.join()).toHaveLength(edited)
      await host.say(`set -e\n${holds}`)

      let removal: SiteRun | undefined
      if (absent !== undefined) {
        removal = await declared(absent)
        await host.say(`set -e\n${gone}`)
        expect((await declared(absent)).recap()).toMatchObject({ changed: 0, trips: 2 })
      }
      const [apply, probe, remove] = [first, again, removal].map(
        run => run?.recap().seconds.toFixed(1) ?? '-',
      )
      process.stderr.write(
        `Debian ${debian}, ${count} × ${name}: made in ${apply} s, found in ${probe} s, removed in ${remove} s\n`,
      )
    },
  )

  async function declared(calls: Parameters<typeof declare>[1]): Promise<SiteRun> {
    const run = await declare(host, calls)
    expect(run.exitCode, run.stdout.slice(-3000) + run.stderr).toBe(0)
    return run
  }
})
