import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Connection } from '#engine/connection/connection.ts'
import { connectLocal } from '#engine/connection/local.ts'
import { type Dollar, dollar } from '#engine/script/dollar.ts'
import type { CommandEvent, DollarOptions } from '#engine/script/dollar-host.ts'
import { Secret } from '#engine/secret.ts'
import { local, uses } from './uses.ts'

let connection: Connection
let $: Dollar
const told: CommandEvent[] = []
const directory = mkdtempSync(join(tmpdir(), 'capstan-dollar-'))

beforeAll(async () => {
  connection = await connectLocal({ host: 'here', sudo: 'no' })
  $ = dollar({
    name: 'here',
    start: (script, options) => connection.start(script, options),
    tell: event => void told.push(event),
    check: false,
  })
})
afterAll(async () => {
  await connection.close()
  rmSync(directory, { recursive: true })
})

describe('the tag $ of a host', () => {
  it.each(uses(directory))('does what zx does: %s', async (_, use) => {
    const here = await use(local)
    expect(await use($)).toEqual(here)
  })
})

describe('a secret', () => {
  const secret = new Secret("hunter22 it's")

  it('arrives as it is, and is in no text of the command', async () => {
    told.length = 0
    const command = $`printf '%s|' ${secret} ${['a', secret]}`
    expect((await command).stdout).toBe("hunter22 it's|a|hunter22 it's|")
    expect(
      JSON.stringify([String(command.cmd), told.filter(({ state }) => state !== 'printed')]),
    ).not.toContain('hunter22')
    expect(told[0]?.command).toBe("printf '%s|' *** a ***")
  })

  it('is masked in the error of a command that prints it', async () => {
    const failed = await $`printf %s ${secret} >&2; exit 1`.catch(error => error)
    expect(failed.message).toContain('***')
    expect(failed.message).not.toContain('hunter22')
  })

  it('can be the input', async () => {
    expect((await $({ input: secret })`cat`).stdout).toBe("hunter22 it's")
  })

  it.each([
    ['mysql', ($: Dollar) => $`mysql -p${secret}`],
    ['curl', ($: Dollar) => $`if true; then curl -H ${secret} x; fi`],
    ['env', ($: Dollar) => $`printf x | env A=${secret} sh`],
    ['sh', ($: Dollar) => $`A=${secret} sh -c true`],
    ['export', ($: Dollar) => $`export A=${secret}`],
    ['tool', ($: Dollar) => $`echo "$(tool ${secret})"`],
    ['/opt/a', ($: Dollar) => $`${'/opt/a'} ${['x', secret]}`],
  ])('is refused as an argument of %s', (program, run) => {
    expect(() => run($)).toThrow(
      expect.objectContaining({ code: 'secret-in-argv', message: expect.stringContaining(program) }),
    )
  })

  it.each([
    ['a builtin in a pipe', ($: Dollar) => $`printf %s ${secret} | cat`],
    ['a builtin in a substitution', ($: Dollar) => $`x=$(printf %s ${secret}); printf %s "$x"`],
    ['an assignment', ($: Dollar) => $`x=${secret}; printf %s "$x"`],
    ['a here-string', ($: Dollar) => $`cat <<< ${secret}`],
  ])('goes to %s', async (_, run) => {
    expect((await run($)).stdout.trimEnd()).toBe("hunter22 it's")
  })
})

describe('a command', () => {
  it.each([undefined, null, {}, [undefined]])('refuses %s as a value', value => {
    expect(() => $`rm -rf ${value}`).toThrow(TypeError)
  })

  it('has an empty stdin where nobody feeds it', async () => {
    expect((await $`cat; echo end`).stdout).toBe('end\n')
  })

  it('says where it was written when it fails', async () => {
    const failed = await $`exit 1`.catch(error => error)
    expect(failed.message).toMatch(/test\/script\/dollar\.test\.ts:\d+/)
  })

  it('is told of with what it prints and how it ended', async () => {
    told.length = 0
    await $({ readOnly: true })`echo said; exit 2`.nothrow()
    expect(told).toMatchObject([
      { state: 'begun', command: 'echo said; exit 2', readOnly: true },
      { state: 'printed', text: 'said\n', isShown: false },
      { state: 'ended', exitCode: 2 },
    ])
  })

  it('is shown and not run with --check, unless it only reads', async () => {
    const events: CommandEvent[] = []
    const checked: Dollar = dollar({
      name: 'here',
      start: (script, options) => connection.start(script, options),
      tell: event => void events.push(event),
      check: true,
    })
    expect((await checked`echo no; exit 1`).stdout).toBe('')
    expect((await checked({ readOnly: true })`echo yes`).stdout).toBe('yes\n')
    expect(events.map(({ state, command }) => `${state} ${command}`)).toContain('planned echo no; exit 1')
  })

  it('has no synchronous form', () => {
    expect(() => $({ sync: true } as DollarOptions)`true`).toThrow(TypeError)
  })

  it('queues where more run than the host allows', async () => {
    const all = await Promise.all(Array.from({ length: 30 }, (_, n) => $`echo ${n}`))
    expect(all.map(one => Number(one.stdout))).toEqual(Array.from({ length: 30 }, (_, n) => n))
  })
})

describe('a long pipe', () => {
  it('does not fill the memory while the reader is slow', async () => {
    let most = 0
    const reader = $`sleep 2; wc -c`
    const timer = setInterval(() => {
      most = Math.max(most, reader.stdin?.writableLength ?? 0)
    }, 20)
    const sum = await $`head -c 200000000 /dev/zero`.pipe(reader)
    clearInterval(timer)
    expect(sum.stdout.trim()).toBe('200000000')
    expect(most / 2 ** 20).toBeGreaterThan(0.5)
    expect(most / 2 ** 20).toBeLessThan(4)
  })

  it('into a file has been written when it is awaited', async () => {
    await $`head -c 1000000 /dev/zero`.pipe(join(directory, 'long'))
    expect(statSync(join(directory, 'long')).size).toBe(1_000_000)
  })

  it('ends the writer when the reader ends', async () => {
    const writer = $`cat /dev/zero`
    expect((await writer.pipe($`head -c 10 | wc -c`)).stdout.trim()).toBe('10')
    const { signal } = await writer.catch(error => error)
    expect(signal).toBe('SIGPIPE')
  })

  it('refuses to keep an output without end', async () => {
    await expect($`head -c 40000000 /dev/zero`).rejects.toMatchObject({ code: 'output-too-long' })
  })
})
