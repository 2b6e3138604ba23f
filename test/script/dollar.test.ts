import { createWriteStream, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { $ as zx } from 'zx'
import type { Connection } from '#engine/connection/connection.ts'
import { connectLocal } from '#engine/connection/local.ts'
import { type CommandEvent, type Dollar, type DollarOptions, dollar } from '#engine/script/dollar.ts'
import { Secret } from '#engine/secret.ts'

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
  it.each(uses())('does what zx does: %s', async (_, use) => {
    const here = await use(zx({ quiet: true }) as unknown as Dollar)
    expect(await use($)).toEqual(here)
  })
})

type Use = ($: Dollar) => Promise<unknown>

/** The uses of `$` that zx documents, each giving something that can be compared. */
function uses(): readonly (readonly [string, Use])[] {
  const odd = `it's $(id) \`x\` "y" \n é -rf * ~ \\ ;`
  const error = async (run: PromiseLike<unknown>) => {
    const { exitCode, signal, stdout, stderr } = (await run.then(
      () => ({}),
      thrown => thrown,
    )) as Record<string, unknown>
    return { exitCode, signal, stdout, stderr }
  }
  return [
    ['one word', async $ => (await $`printf %s ${odd}`).stdout],
    ['an array', async $ => (await $`printf '<%s>' ${['a b', '', "c'd"]} ${[]} ${7}`).stdout],
    ['another command as a value', async $ => (await $`echo ${await $`echo one; echo two`}`).stdout],
    ['a pending command as a value', async $ => (await $`echo ${$`echo later`}`).stdout],
    ['an error', async $ => error($`echo out; echo err >&2; exit 3`)],
    ['an unset variable', async $ => (await error($`echo $nothing_is_called_so`)).exitCode],
    ['a failing first half of a pipe', async $ => (await error($`exit 4 | cat`)).exitCode],
    ['nothrow', async $ => (await $`exit 4`.nothrow()).exitCode],
    ['nothrow of a preset', async $ => (await $({ nothrow: true })`exit 5`).exitCode],
    ['exitCode', async $ => $`exit 6`.exitCode],
    ['text', async $ => $`echo é`.text()],
    ['lines', async $ => $`printf 'a\nb\r\nc'`.lines()],
    ['lines by a delimiter', async $ => $`printf 'a:b:c'`.lines(':')],
    ['json', async $ => $`echo ${JSON.stringify({ a: [1, 'é'] })}`.json()],
    ['buffer', async $ => (await $`printf '\\001\\002é'`.buffer()).toString('hex')],
    ['valueOf', async $ => `${await $`echo '  trimmed  '`}`],
    ['input as text', async $ => (await $({ input: 'hello' })`wc -c`).stdout.trim()],
    ['input as bytes', async $ => (await $({ input: Buffer.from([0, 1, 2]) })`wc -c`).stdout.trim()],
    ['input of a command', async $ => (await $({ input: await $`echo of it` })`cat`).stdout],
    [
      'stdin that is written to',
      async $ => {
        const reading = $`read -r line; echo "got $line"`
        reading.stdin.write('one\n')
        reading.stdin.end()
        return (await reading).stdout
      },
    ],
    [
      'for await over lines',
      async $ => {
        const lines: string[] = []
        for await (const line of $`echo 1; sleep 0.05; echo 2; printf 3`) lines.push(line)
        return lines
      },
    ],
    ['a pipe to a command', async $ => (await $`printf 'b\na\n'`.pipe($`sort`)).stdout],
    ['a pipe to a template', async $ => (await $`printf 'b\na\n'`.pipe`sort`).stdout],
    ['a chain of pipes', async $ => (await $`seq 1 9`.pipe($`grep -v 5`).pipe($`wc -l`)).stdout.trim()],
    ['a pipe of stderr', async $ => (await $`echo err >&2; echo out`.pipe.stderr($`cat`)).stdout],
    [
      'a pipe to a file',
      async $ => {
        const file = createWriteStream(join(directory, 'piped'))
        await $`echo to a file`.pipe(file)
        await finished(file)
        return readFileSync(join(directory, 'piped'), 'utf8')
      },
    ],
    ['a pipe from a command that fails', async $ => (await error($`echo a; exit 7`.pipe($`cat`))).exitCode],
    [
      'a pipe of a finished command',
      async $ => {
        const done = $`echo kept`
        await done
        return (await done.pipe($`cat`)).stdout
      },
    ],
    ['timeout', async $ => (await $`sleep 30`.timeout('200ms').nothrow()).signal],
    ['timeout with a signal', async $ => (await $`sleep 30`.timeout('200ms', 'SIGKILL').nothrow()).signal],
    ['timeout of a preset', async $ => (await $({ timeout: '200ms', nothrow: true })`sleep 30`).signal],
    [
      'kill',
      async $ => {
        const sleeping = $`sleep 30`.nothrow()
        setTimeout(() => void sleeping.kill(), 100)
        return (await sleeping).signal
      },
    ],
    [
      'kill with a signal',
      async $ => {
        const sleeping = $`trap 'echo caught; exit 9' INT; echo up; sleep 30 & wait`.nothrow()
        for await (const line of sleeping) if (line === 'up') await sleeping.kill('SIGINT')
        return (await sleeping).exitCode
      },
    ],
    [
      'abort',
      async $ => {
        const ac = new AbortController()
        setTimeout(() => ac.abort('enough'), 100)
        const { cause, signal } = (await $({ ac, nothrow: true })`sleep 30`) as unknown as {
          cause: Error
          signal: string
        }
        return { name: cause.name, signal }
      },
    ],
    ['env', async $ => (await $({ env: { GIVEN: "it's", PATH: '/usr/bin:/bin' } })`echo $GIVEN`).stdout],
    ['cwd', async $ => (await $({ cwd: '/usr' })`pwd`).stdout],
    [
      'parallel commands',
      async $ => (await Promise.all([1, 2, 3].map(n => $`sleep 0.0${n}; echo ${n}`))).join(''),
    ],
    ['a long output', async $ => (await $`seq 1 200000`).stdout.length],
    ['a syntax error', async $ => ((await error($`fi`)).exitCode as number) > 0],
    ['a command that is not there', async $ => (await error($`no-such-command-here`)).exitCode],
  ]
}

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
  it('does not fill the memory', async () => {
    const begun = process.memoryUsage().rss
    let most = 0
    const timer = setInterval(() => {
      most = Math.max(most, process.memoryUsage().rss - begun)
    }, 50)
    const writer = $`head -c 200000000 /dev/zero`
    const sum = await writer.pipe($`wc -c`)
    clearInterval(timer)
    expect(sum.stdout.trim()).toBe('200000000')
    expect(most / 2 ** 20).toBeLessThan(100)
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
