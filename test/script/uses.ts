import { createWriteStream, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { $ as zx } from 'zx'
import type { Dollar } from '#engine/script/dollar.ts'

// A first bash whose stdin is a socket takes itself for a remote login and reads ~/.bashrc; the level says it is no first.
const level = { SHLVL: '5' }

/** zx's own `$` on this machine. */
export const local = zx({ quiet: true, env: { ...process.env, ...level } }) as unknown as Dollar

export type Use = ($: Dollar) => Promise<unknown>

/** The uses of `$` that zx documents, each giving something that can be compared; `directory` is of this machine. */
export function uses(directory: string): readonly (readonly [string, Use])[] {
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
        const sleeping =
          $`trap 'echo caught; exit 9' INT; echo up; while :; do sleep 0.1 || :; done`.nothrow()
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
    [
      'env',
      async $ => (await $({ env: { GIVEN: "it's", PATH: '/usr/bin:/bin', ...level } })`echo $GIVEN`).stdout,
    ],
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
