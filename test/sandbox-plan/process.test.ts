import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { withLock } from '#engine/sandbox/lock.ts'
import { run } from '#engine/sandbox/process.ts'

const folder = mkdtempSync(join(tmpdir(), 'capstan-process-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const isFree = async (path: string) => (await run('flock', ['-n', path, 'true'])).code === 0

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
  })
})

function fail(line: string): void {
  throw new Error(`waited: ${line}`)
}
