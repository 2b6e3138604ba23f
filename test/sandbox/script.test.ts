import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { SshTarget } from '#engine/connection/target.ts'
import { ConnectionLost } from '#engine/errors.ts'
import { mask, Secret } from '#engine/secret.ts'
import { openWire } from '../connection/wire.ts'
import { local, uses } from '../script/uses.ts'
import { some as cases, isInFull } from './cases.ts'
import { type WireHost, wireHost } from './connection-host.ts'
import { connected, type OnHost, ways } from './ways.ts'

let on: WireHost
const directory = mkdtempSync(join(tmpdir(), 'capstan-script-'))
const open: OnHost[] = []

beforeAll(async () => {
  on = await wireHost()
})
afterAll(async () => {
  await Promise.all(open.map(({ connection }) => connection.close()))
  rmSync(directory, { recursive: true })
  on.remove()
})

async function login(target: SshTarget, user?: string): Promise<OnHost> {
  const there = await connected(target, user)
  open.push(there)
  return there
}

/** All uses as root; by the other ways, where little is different, those of the streams, the end and the user. */
const some = [
  'one word',
  'an error',
  'stdin that is written to',
  'a pipe of stderr',
  'timeout',
  'a long output',
]

describe.each(cases(Object.keys(ways), 2))('$ by %s', way => {
  let there: OnHost
  beforeAll(async () => {
    there = (await ways[way]?.(on)) as OnHost
    open.push(there)
  })

  const all = uses(directory).filter(([name]) => way === 'root' || some.includes(name))
  it.each(all)('does what zx does here: %s', async (_, use) => {
    const here = await use(local)
    expect(await use(there.$)).toEqual(here)
  })
})

describe('$ on a host', () => {
  it('is root, or another user with its groups and home', async () => {
    const { $ } = await login(on.target('free'))
    expect((await $`id -un; pwd; echo "$HOME"`).stdout).toBe('root\n/\n/root\n')
    const other = await login(on.target('root'), 'free')
    expect((await other.$`id -un; id -gn; echo "$HOME"; umask`).stdout).toBe('free\nfree\n/home/free\n0022\n')
    const nobody = await login(on.target('root'), 'no-such-user')
    await expect(nobody.$`id`).rejects.toMatchObject({ code: 'no-such-user' })
  })

  it('brings odd words byte for byte, and shows a secret to no other process, log or error', async () => {
    const { $, told } = await login(on.target('root'))
    const secret = `s3cret-${randomBytes(8).toString('hex')} it's`
    const canary = `canary-${randomBytes(8).toString('hex')}`
    await $`printf '%s\\n' ${new Secret(secret.slice(0, 20))} ${canary} >/run/spy-for`
    // Looks at all processes for as long as it is not told to stop.
    const spy = $({ readOnly: true })`cd /proc; n=0
      until [ -e /run/spy-stop ]; do
        n=$((n + 1))
        cat [0-9]*/cmdline [0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | grep -oF -f /run/spy-for || :
      done
      echo "$n looks"`.nothrow()
    // What is an argument is seen.
    await $`sh -c ${'sleep 2; :'} ${canary}`
    const word = fc.string({ unit: 'binary', maxLength: 20 }).map(text => text.replaceAll('\0', ''))
    const args = fc.sample(fc.array(word, { minLength: 1, maxLength: 6 }), isInFull ? 200 : 8)
    const errors: string[] = []
    for (const some of args) {
      const run = $`printf '%s\\0' ${some} ${new Secret(secret)} ${['x', new Secret(secret)]}; sleep 0.01; exit ${some.length % 2}`
      const { stdout } = await run.catch(error => {
        errors.push(String(error.message))
        return error
      })
      expect(stdout).toBe([...some, secret, 'x', secret, ''].join('\0'))
    }
    await $`touch /run/spy-stop`
    const looks = (await spy).stdout
    await $`rm /run/spy-stop /run/spy-for`
    const seen = looks.trim().split('\n')
    expect(Number.parseInt(seen.pop() ?? '', 10)).toBeGreaterThan(20)
    expect([...new Set(seen)]).toEqual([canary])
    expect(mask(JSON.stringify(told.filter(({ state }) => state !== 'printed')))).not.toContain('s3cret')
    expect(JSON.stringify(told.filter(({ state }) => state !== 'printed'))).not.toContain('s3cret')
    expect(errors.join('')).not.toContain('s3cret')
  })

  it('queues within the sessions that sshd allows, and fails none', async () => {
    const { $ } = await login(on.target('root'))
    const all = await Promise.all(Array.from({ length: 40 }, (_, n) => $`sleep 0.1; echo ${n}`))
    expect(all.map(one => Number(one.stdout))).toEqual(Array.from({ length: 40 }, (_, n) => n))
  })

  it('gives a host of one session to commands and scripts in turn', async () => {
    const { connection, $ } = await login(on.target('single'))
    expect((await connection.run('echo a')).stdout.toString()).toBe('a\n')
    expect((await $`echo b`).stdout).toBe('b\n')
    expect((await connection.run('echo c')).stdout.toString()).toBe('c\n')
  })

  it('gives up a command that a host of one session can be sent no signal for', async () => {
    const { $ } = await login(on.target('single'))
    await expect($`sleep 5`.timeout('200ms')).rejects.toMatchObject({ code: 'not-killed' })
  })

  it('settles all that is pending when the connection is lost, with nothrow too', async () => {
    const wire = await openWire(on.host.port)
    const through = {
      port: wire.port,
      knownHostsFile: on.knownHosts(`wire ${on.hostKey}`),
      hostKeyAlias: 'wire',
    }
    const { $ } = await login(on.target('root', through))
    const pending = [$`sleep 60`, $`sleep 60`.nothrow(), $`sleep 60`.pipe($`cat`)]
    const settled = Promise.allSettled(pending)
    await $`true`
    wire.cut()
    for (const one of (await settled).slice(0, 2)) {
      expect(one.status).toBe('rejected')
      expect((one as PromiseRejectedResult).reason).toBeInstanceOf(ConnectionLost)
    }
    wire.close()
  })

  it('kills what a command has started, and nothing else', async () => {
    const { $ } = await login(on.target('root'))
    const mark = `31${process.pid}`
    const other = $`sleep 60.${mark}`.nothrow()
    const tree = $`(sleep 61.${mark} & sleep 62.${mark} & wait) & sleep 63.${mark}`.nothrow()
    await $`until [ $(pgrep -fc "^sleep 6..${mark}") = 4 ]; do sleep 0.05; done`
    await tree.kill()
    expect((await tree).signal).toBe('SIGTERM')
    expect((await $`pgrep -fa "^sleep 6..${mark}"`).stdout).toMatch(/^\d+ sleep 60[^\n]*\n$/)
    await other.kill()
    await other
  })
})
