import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, describe, expect, it } from 'vitest'
import { run, runSync, start } from '#engine/program.ts'
import { withLock } from '#engine/sandbox/lock.ts'
import { zx } from '#engine/zx.ts'

const folder = mkdtempSync(join(tmpdir(), 'capstan-process-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const isFree = async (path: string) => (await run('flock', ['-n', path, 'true'])).code === 0

describe('a program of this machine', () => {
  const odd = ['a b', "it's", '$HOME', '`id`', '"', '*', '-n', 'ü\n€', '']

  it('gets its arguments byte for byte', async () => {
    const { code, stdout } = await run('printf', ['%s\\0', ...odd])
    expect([code, stdout]).toEqual([0, `${odd.join('\0')}\0`])
    expect(runSync('printf', ['%s\\0', ...odd]).stdout).toBe(stdout)
  })

  it('reads its input to the end, and nothing without one', async () => {
    expect((await run('cat', [], { input: 'a\n€' })).stdout).toBe('a\n€')
    expect((await run('cat', [])).stdout).toBe('')
    expect((await run('true', [], { input: 'x'.repeat(1e6) })).code).toBe(0)
  })

  it('may print a character in two parts', async () => {
    const parts = "printf '\\342\\202'; sleep 0.2; printf '\\254\\n'"
    expect((await run('sh', ['-c', parts])).stdout).toBe('€\n')
  })

  it.each([
    ['exits with its own code', 'sh', ['-c', 'echo why >&2; exit 3'], 3, /^why\n$/],
    ['ends by a signal', 'sh', ['-c', 'kill -9 $$'], null, /^$/],
    ['is not installed', 'capstan-no-such-program', [], 127, /capstan-no-such-program: not found/],
  ] as const)('%s', async (_, program, args, code, stderr) => {
    const outcomes = [await run(program, args), runSync(program, args)]
    for (const outcome of outcomes) {
      expect(outcome.code).toBe(code)
      expect(outcome.stderr).toMatch(stderr)
    }
  })

  it('has an environment in English, a directory, and its lines of stderr as they come', async () => {
    const lines: string[] = []
    const script = 'pwd; echo $LC_ALL $A; echo one >&2; printf two >&2; echo >&2'
    const { stdout } = await run('sh', ['-c', script], {
      ...{ cwd: '/', env: { A: 'b' } },
      onLine: line => void lines.push(line),
    })
    expect([stdout, lines]).toEqual(['/\nC b\n', ['one', 'two']])
  })

  it('is not affected by what a script set for zx', async () => {
    const $ = zx()
    const before = { prefix: $.prefix, verbose: $.verbose, nothrow: $.nothrow }
    Object.assign($, { prefix: 'echo ', verbose: true, nothrow: false })
    try {
      expect(await run('sh', ['-c', 'echo out; exit 2'])).toEqual({ code: 2, stdout: 'out\n', stderr: '' })
    } finally {
      Object.assign($, before)
    }
  })

  it('is not affected by a command of a host, whose settings zx has while it starts', async () => {
    const outcomes: unknown[] = []
    const spawn = () => {
      outcomes.push(runSync('cat', []).code, start('true', []).pid, run('cat', []))
      throw new Error('starts nothing itself')
    }
    const options = { spawn, input: 'of the host', nothrow: true, shell: '/bin/sh', quote: String }
    await (zx()(options as never) as unknown as ReturnType<typeof zx>)`true`
    expect(await Promise.all(outcomes)).toEqual([0, expect.any(Number), { code: 0, stdout: '', stderr: '' }])
  })

  it('that is started has streams that nobody else reads', async () => {
    const child = start('sh', ['-c', 'cat; echo end'], { cwd: '/' })
    child.stdin.end('begin ')
    expect(await text(child.stdout)).toBe('begin end\n')
  })
})

describe.runIf(process.platform === 'linux')('a lock that a program is given to hold', () => {
  it('is held until the program ends', async () => {
    const path = join(folder, 'held')
    await withLock(path, fail, async hold => {
      const running = run('sleep', ['1'], { detached: true, hold })
      expect(await isFree(path)).toBe(false)
      await running
    })
    expect(await isFree(path)).toBe(true)
  })

  // As podman's first start of a container leaves aardvark-dns.
  it('is not held by a daemon that the program leaves', async () => {
    const path = join(folder, 'daemon')
    const left = await withLock(path, fail, hold =>
      run('sh', ['-c', 'setsid sleep 20 >/dev/null 2>&1 & echo $!'], { detached: true, hold }),
    )
    expect(left.code).toBe(0)
    expect(await isFree(path)).toBe(true)
    process.kill(Number(left.stdout), 'SIGKILL')
  })
})

describe.runIf(process.platform === 'linux')('a program that takes too long', () => {
  it('is ended with all that it started, its lock freed', async () => {
    const path = join(folder, 'late')
    const done = await withLock(path, fail, hold =>
      run('sleep', ['20'], { detached: true, hold, deadline: 0.2 }),
    )
    expect(done.code).toBeNull()
    expect(await isFree(path)).toBe(true)
    expect(runSync('sleep', ['20'], { deadline: 0.2 }).code).toBeNull()
  })
})

function fail(line: string): void {
  throw new Error(`waited: ${line}`)
}
