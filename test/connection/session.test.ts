import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openLocal } from '#engine/connection/local.ts'
import type { Session } from '#engine/connection/session.ts'
import { openSession, shells } from './shells.ts'

describe.each(shells)('a session over %s', shell => {
  let session: Session
  beforeEach(() => {
    session = openSession(shell)
  })
  afterEach(() => {
    session.close()
  })

  const cases: readonly [title: string, script: string, exitCode: number, stdout: string, stderr: string][] =
    [
      ['gives both streams and the exit code', 'echo out; echo err >&2; exit 3', 3, 'out\n', 'err\n'],
      ['keeps an output without a newline', 'printf x', 0, 'x', ''],
      ['keeps newlines at both ends', "printf '\\n\\nx\\n\\n'", 0, '\n\nx\n\n', ''],
      ['runs an empty script', '', 0, '', ''],
      ['runs a script that ends in a comment', 'echo a # b', 0, 'a\n', ''],
      ['runs a here-document', "cat <<'E'\n$a `b` 'c'\nE", 0, "$a `b` 'c'\n", ''],
      ['has an empty stdin', 'cat; echo end', 0, 'end\n', ''],
      ['knows the same surroundings everywhere', 'pwd; umask; echo "$LC_ALL$LANG"', 0, '/\n0022\nC\n', ''],
      ['splits words by the default IFS', "set -- $(printf 'a b\\tc\\nd'); echo $#", 0, '4\n', ''],
      ['stops at an error when asked to', 'set -e; false; echo not', 1, '', ''],
      ['tells what a signal ended', 'sh -c "kill -9 \\$\\$"', 137, '', ''],
      ['keeps characters of several bytes', 'echo é€😀', 0, 'é€😀\n', ''],
    ]
  it.each(cases)('%s', async (_title, script, exitCode, stdout, stderr) => {
    const outcome = await session.run(script)
    expect(outcome.stdout.toString()).toBe(stdout)
    expect(outcome.stderr.toString().replace(/.*Killed.*\n/, '')).toBe(stderr)
    expect(outcome.exitCode).toBe(exitCode)
  })

  it('keeps every byte, NUL and invalid UTF-8 too', async () => {
    const octal = Array.from({ length: 256 }, (_, byte) => `\\${byte.toString(8).padStart(3, '0')}`)
    const { stdout } = await session.run(`printf '${octal.join('')}'`)
    expect(stdout).toEqual(Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)))
  })

  it('keeps a character that comes in two pieces', async () => {
    const { stdout } = await session.run("printf '\\303'; sleep 0.05; printf '\\251'")
    expect(stdout.toString()).toBe('é')
  })

  it('runs nothing of a script with a syntax error, says where it is, and goes on', async () => {
    const broken = await session.run('echo one\nfi\necho two')
    expect(broken.exitCode).toBe(2)
    expect(broken.stdout.toString()).toBe('')
    expect(broken.stderr.toString()).toMatch(/syntax error.*fi/i)
    expect((await session.run('echo on')).stdout.toString()).toBe('on\n')
  })

  it.each(['echo "', "echo '", 'if true', '}', ')', 'cat <<E', '$(', '{'])(
    'is not poisoned by the unfinished script %s',
    async script => {
      expect((await session.run(script)).exitCode).not.toBe(0)
      expect((await session.run(script, { keep: true })).exitCode).not.toBe(0)
      expect((await session.run('echo on')).stdout.toString()).toBe('on\n')
    },
  )

  it('runs calls in the order they were made', async () => {
    const outcomes = await Promise.all([1, 2, 3].map(n => session.run(`sleep 0.0${4 - n}; echo ${n}`)))
    expect(outcomes.map(({ stdout }) => stdout.toString())).toEqual(['1\n', '2\n', '3\n'])
  })

  it('forgets what a script sets, unless it is kept', async () => {
    await session.run('X=1; cd /tmp')
    await session.run('Y=2; exec 9</dev/null', { keep: true })
    const { stdout } = await session.run('echo "$X,$Y"; pwd; readlink /proc/self/fd/9')
    expect(stdout.toString()).toBe(',2\n/\n/dev/null\n')
  })

  it('hands stdout on as it comes, a line at once', async () => {
    const seen: string[] = []
    const ended = session.run('echo one; sleep 0.3; printf two', {
      onOutput: chunk => seen.push(chunk.toString()),
    })
    await expect.poll(() => seen).toEqual(['one\n'])
    const { stdout } = await ended
    expect(seen.join('')).toBe('one\ntwo')
    expect(stdout.length).toBe(0)
  })

  it('is not misled by output that looks like its own marks', async () => {
    const text = '\\036 \\036abc 0\\n\\036'
    expect((await session.run(`printf '${text}'`)).stdout.toString()).toBe('\x1e \x1eabc 0\n\x1e')
  })

  it('goes on when a background process still writes, and does not hang on it', async () => {
    const { stdout } = await session.run('{ sleep 0.2; echo late; } & echo now')
    expect(stdout.toString()).toBe('now\n')
    await sleep(400)
    expect((await session.run('echo next')).stdout.toString()).toBe('next\n')
  })

  it('kills what a script runs at its deadline, stubborn children too, and goes on', async () => {
    const script = `trap '' TERM; sh -c 'trap "" TERM; exec sleep 98765.${process.pid}' & sleep 98765.${process.pid}`
    // The deadline is the script's, not that of the shell's start.
    await session.run('true')
    await expect(session.run(script, { deadline: 0.3 })).rejects.toMatchObject({
      code: 'deadline',
      hint: expect.stringContaining('were killed'),
    })
    const { stdout } = await session.run(`cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '`)
    expect(stdout.toString()).not.toContain(`sleep 98765.${process.pid}`)
  })

  it('gives up the shell that a kept script holds beyond its deadline', async () => {
    await expect(session.run('sleep 60', { keep: true, deadline: 0.2 })).rejects.toMatchObject({
      code: 'deadline',
    })
    expect(session.usable).toBe(false)
  })

  it('tells when a kept script ends the shell', async () => {
    const first = session.run('exit 7', { keep: true })
    const second = session.run('echo never')
    await expect(first).rejects.toMatchObject({ code: 'shell-ended', message: expect.stringContaining('7') })
    await expect(second).rejects.toMatchObject({ code: 'shell-ended' })
  })

  it('refuses a script that no shell can hold', async () => {
    await expect(session.run('echo \0')).rejects.toThrow(RangeError)
    expect((await session.run('echo on')).stdout.toString()).toBe('on\n')
  })

  it('runs a script of two megabytes', async () => {
    const value = 'ü0123456789'.repeat(200_000)
    const { stdout } = await session.run(`printf %s '${value}' | wc -c`)
    expect(Number(stdout)).toBe(Buffer.byteLength(value))
  })
})

describe('a session', () => {
  it('errs on 100 MB of output, in bounded memory, and goes on', async () => {
    const session = openSession('dash')
    const before = process.memoryUsage().arrayBuffers
    let most = 0
    const timer = setInterval(() => {
      most = Math.max(most, process.memoryUsage().arrayBuffers - before)
    }, 5)
    await expect(session.run('yes | head -c 100000000; echo last')).rejects.toMatchObject({
      code: 'output-too-long',
      lines: expect.arrayContaining(['last']),
    })
    clearInterval(timer)
    expect(most).toBeLessThan(100e6)
    expect((await session.run('echo on')).stdout.toString()).toBe('on\n')
    session.close()
  })

  it('keeps head and tail of a flood of stderr', async () => {
    const session = openSession('dash')
    const { stderr } = await session.run('{ echo first; head -c 5000000 /dev/zero; echo last; } >&2')
    expect(stderr.length).toBeLessThan(1.1 * 1024 * 1024)
    expect(stderr.toString('latin1')).toMatch(/^first\n.*bytes left out.*last\n$/s)
    session.close()
  })

  it('discards what a login shell says before our first script', async () => {
    const { Session } = await import('#engine/connection/session.ts')
    const channel = openLocal('echo noise; echo more >&2; printf tail; exec dash', '/bin/sh')
    const never = async () => false
    const session = new Session(channel, { host: 'here', explain: () => new Error() as never, kill: never })
    const { stdout, stderr } = await session.run('echo mine')
    expect([stdout.toString(), stderr.toString()]).toEqual(['mine\n', ''])
    session.close()
  })

  it.each(shells)('runs nothing of a script of which a part has come (%s)', async shell => {
    const script = `echo ran >&2\n`.repeat(3)
    const wire: Buffer[] = []
    const channel = openLocal('exec cat >/dev/null', '/bin/sh')
    const write = channel.stdin.write.bind(channel.stdin)
    channel.stdin.write = ((chunk: string) => {
      wire.push(Buffer.from(chunk))
      return write(chunk)
    }) as typeof channel.stdin.write
    const { Session } = await import('#engine/connection/session.ts')
    const session = new Session(channel, {
      host: 'here',
      explain: () => new Error('over') as never,
      kill: async () => false,
    })
    const lost = session.run(script).catch(() => {})
    await expect.poll(() => wire.length).toBe(2)
    session.close()
    await lost
    const [preamble, whole] = wire as [Buffer, Buffer]
    for (const length of [10, 30, 60, whole.length - 60, whole.length - 3, whole.length - 2]) {
      const half = openLocal(`exec ${shell}`, '/bin/sh')
      let said = ''
      half.stderr.on('data', (chunk: Buffer) => {
        said += chunk
      })
      half.stdout.resume()
      half.stdin.end(Buffer.concat([preamble, whole.subarray(0, length)]))
      await half.ended
      expect(said).not.toContain('ran\n')
    }
  })
})
