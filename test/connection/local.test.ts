import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Connection } from '#engine/connection/connection.ts'
import { connectLocal } from '#engine/connection/local.ts'

describe('a connection to this machine', () => {
  let here: Connection
  beforeAll(async () => {
    here = await connectLocal({ host: 'here', sudo: 'no' })
  })
  afterAll(() => here.close())

  it('counts its scripts as trips', async () => {
    const before = here.trips
    await here.run('true')
    const stream = await here.openStream('true')
    stream.stdin.end()
    await stream.done
    expect(here.trips - before).toBe(2)
  })

  it('streams any bytes through a script, both ways', async () => {
    const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, n) => (n * 7) % 256))
    const stream = await here.openStream('cat; exit 5')
    stream.stdin.end(bytes)
    const chunks: Buffer[] = []
    for await (const chunk of stream.stdout) chunks.push(chunk as Buffer)
    expect(Buffer.concat(chunks).equals(bytes)).toBe(true)
    expect((await stream.done).exitCode).toBe(5)
  })

  it('runs the script of a stream with the session’s surroundings and gives its stderr alone', async () => {
    const stream = await here.openStream("printf '%s' \"$(pwd) $(umask) $LC_ALL it's\"; echo err >&2")
    stream.stdin.end()
    expect(await text(stream.stdout)).toBe("/ 0022 C it's")
    expect((await stream.done).stderr.toString()).toBe('err\n')
  })

  it('runs nothing of a stream’s script that has a syntax error', async () => {
    const stream = await here.openStream('echo one\nfi')
    stream.stdin.end()
    expect(await text(stream.stdout)).toBe('')
    expect((await stream.done).exitCode).toBe(2)
  })

  it('holds what a stream opened until its stdin ends', async () => {
    const lock = '/tmp/capstan-test-lock-$PPID'
    const holder = await here.openStream(`exec 9>${lock}; flock -n 9 && echo held; cat >/dev/null`, {
      deadline: Number.POSITIVE_INFINITY,
    })
    const first = await new Promise<Buffer>(resolve => holder.stdout.once('data', resolve))
    expect(first.toString()).toBe('held\n')
    expect((await here.run(`flock -n -E 75 ${lock} true`)).exitCode).toBe(75)
    holder.stdin.end()
    await holder.done
    expect((await here.run(`flock -n -E 75 ${lock} true; c=$?; rm ${lock}; exit $c`)).exitCode).toBe(0)
  })

  it('kills the script of a stream at its deadline', async () => {
    const stream = await here.openStream(`sleep 87654.${process.pid}`, { deadline: 0.3 })
    stream.stdout.resume()
    await expect(stream.done).rejects.toMatchObject({ code: 'deadline' })
    const { stdout } = await here.run("cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '")
    expect(stdout.toString()).not.toContain(`sleep 87654.${process.pid}`)
  })

  it('opens a new shell after a deadline that the old one did not survive', async () => {
    const other = await connectLocal({ host: 'here', sudo: 'no' })
    await expect(other.run('exec sleep 60', { deadline: 0.2 })).rejects.toMatchObject({ code: 'deadline' })
    expect((await other.run('echo on')).stdout.toString()).toBe('on\n')
    await other.close()
  })

  it('refuses to go on when the shell that held something was killed', async () => {
    const other = await connectLocal({ host: 'here', sudo: 'no' })
    // The deadline is the script's, not that of the shell's start.
    await other.run('true')
    await expect(other.run('sleep 60', { keep: true, deadline: 0.2 })).rejects.toMatchObject({
      code: 'deadline',
    })
    await expect(other.run('echo on')).rejects.toMatchObject({ code: 'session-lost' })
    await other.close()
  })

  it('runs nothing after it was closed', async () => {
    const other = await connectLocal({ host: 'here', sudo: 'no' })
    await other.run('true')
    await other.close()
    await expect(other.run('true')).rejects.toMatchObject({ code: 'connection-lost' })
  })

  it('tells of a login shell that ends at once', async () => {
    const other = await connectLocal({ host: 'here', sudo: 'no', shell: '/usr/sbin/nologin' })
    await expect(other.run('echo on')).rejects.toMatchObject({
      code: 'no-shell',
      lines: ['This account is currently not available.'],
    })
    await other.close()
  })
})
