import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { debians } from './cases.ts'
import { type Machine, machine } from './machine.ts'
import { runHere, type SiteRun } from './site.ts'

/** A call of a noun, as the role `declared` of test/fixtures takes it. */
export type Call = readonly [string, ...unknown[]]

/** Something that a role declares, and how a test looks at it on the host. Shell runs as root; a check exits with 0. */
export interface Case {
  /** Before the first run. */
  readonly before?: string
  readonly declare: readonly Call[]
  /** Holds after each run that declares it. */
  readonly holds: string
  /** What somebody does by hand; absent: nothing is changed. */
  readonly byHand?: string
  /** How many resources that changes; absent: one. */
  readonly edited?: number
  /** Declared afterwards, where the kind knows absence. */
  readonly absent?: readonly Call[]
  /** Holds after that. */
  readonly gone?: string
}

/** Runs what is declared on a host: `changes` are the labels of what changed. */
export function declare(
  host: Machine,
  calls: readonly Call[],
  args: readonly string[] = [],
): Promise<SiteRun> {
  const vars = { declared: { calls: calls.map(call => JSON.stringify(call)) } }
  return runHere({ roles: ['declared'], hosts: host, vars, args })
}

/** Tests of the cases, all in the same runs: made, found, repaired after a hand edit, and removed. */
export function declaredCases(name: string, debian: 12 | 13, cases: Readonly<Record<string, Case>>): void {
  describe.each(debians(debian))(`${name} on Debian %i`, debian => {
    const all = Object.values(cases)
    const calls = all.flatMap(one => one.declare)
    let host: Machine
    beforeAll(async () => {
      host = await machine(`${name}${debian}`, debian)
      await host.say(all.map(one => `(\n${one.before ?? ':'}\n) || exit\n`).join(''), 300)
    })
    afterAll(() => host?.close())

    it('are made, each as declared, and found the next time in two trips', async () => {
      const first = await declare(host, calls)
      expect(first.exitCode, first.stdout.slice(-3000) + first.stderr).toBe(0)
      expect(await failing(host, cases, one => one.holds)).toEqual([])
      expect((await declare(host, calls)).recap()).toMatchObject({ changed: 0, failed: 0, trips: 2 })
    })

    it('are repaired after a hand edit, those alone that were edited', async () => {
      const edited = all.filter(one => one.byHand !== undefined)
      await host.say(edited.map(one => `(\n${one.byHand}\n) || exit\n`).join(''))
      const { exitCode, changes, stdout, stderr } = await declare(host, calls)
      expect(exitCode, stdout.slice(-3000) + stderr).toBe(0)
      expect(changes, changes.join()).toHaveLength(edited.reduce((sum, one) => sum + (one.edited ?? 1), 0))
      expect(await failing(host, cases, one => one.holds)).toEqual([])
      expect((await declare(host, calls)).recap()).toMatchObject({ changed: 0, trips: 2 })
    })

    it('are removed where they are declared absent', async () => {
      const absent = all.flatMap(one => one.absent ?? [])
      const run = await declare(host, absent)
      expect(run.exitCode, run.stdout.slice(-3000) + run.stderr).toBe(0)
      expect(await failing(host, cases, one => one.gone ?? ':')).toEqual([])
      expect((await declare(host, absent)).recap()).toMatchObject({ changed: 0, trips: 2 })
    })
  })
}

/** The names of the cases whose check fails on the host. */
async function failing(
  host: Machine,
  cases: Readonly<Record<string, Case>>,
  check: (one: Case) => string,
): Promise<readonly string[]> {
  const script = Object.entries(cases).map(
    ([name, one]) => `cat >/run/check <<'END_OF_CHECK'\n${strict(check(one))}\nEND_OF_CHECK
sh -ex /run/check >&2 || printf '%s\\n' '${name.replaceAll("'", '')}'\n`,
  )
  const { stdout, stderr } = await host.run(script.join(''))
  const names = stdout.split('\n').filter(Boolean)
  // The last line that was traced is the one that failed.
  return names.length === 0 ? [] : [...names, stderr]
}

/** The check as one that ends at the first command that fails: `set -e` overlooks one that begins with `!`. */
function strict(check: string): string {
  return check.replace(/(^|[;\n])(\s*)! ([^;\n]+)/g, '$1$2if $3; then exit 1; fi')
}
