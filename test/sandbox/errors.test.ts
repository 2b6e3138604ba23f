import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { scripts, source } from './deploy-app.ts'
import { type Machine, machine } from './machine.ts'
import { runHere, runSite, type SiteRun } from './site.ts'

let err1: Machine
let err2: Machine
const directory = mkdtempSync(join(tmpdir(), 'capstan-errors-'))
beforeAll(async () => {
  ;[err1, err2] = await Promise.all([machine('err1', 12), machine('err2', 13)])
  await err1.say('rm -rf /srv/many')
  execFileSync('ssh-keygen', ['-qt', 'ed25519', '-N', '', '-f', join(directory, 'key')])
})
afterAll(() => {
  err1?.close()
  err2?.close()
  rmSync(directory, { recursive: true, force: true })
})

/** Ways to a host that lead nowhere, each with what has to be told of it. */
const ways: Readonly<Record<string, { settings: () => object; code: string; args: RegExp; hint: RegExp }>> = {
  unknown: {
    settings: () => ({ ...err1.through(err1.host.port), known_hosts: known('') }),
    code: 'host-key-unknown',
    args: /SHA256:/,
    hint: /known_hosts|ssh-keyscan|ssh /,
  },
  changed: {
    settings: () => {
      const other = execFileSync('ssh-keygen', ['-yf', join(directory, 'key')])
        .toString()
        .split(' ')
      return { ...err1.through(err1.host.port), known_hosts: known(`err1 ${other[0]} ${other[1]}`) }
    },
    code: 'host-key-changed',
    args: /SHA256:/,
    hint: /\S/,
  },
  wrongkey: {
    settings: () => ({ ...err1.through(err1.host.port), key: join(directory, 'key') }),
    code: 'auth-failed',
    args: /key/,
    hint: /authorized_keys|key/,
  },
  closed: {
    settings: () => ({ ...err1.through(1) }),
    code: 'unreachable-econnrefused',
    args: /127\.0\.0\.1/,
    hint: /sshd|port/,
  },
  nowhere: {
    settings: () => ({ connection: 'ssh', address: 'no-such-host.invalid' }),
    code: 'unreachable',
    args: /no-such-host\.invalid/,
    hint: /\S/,
  },
}

function known(line: string): string {
  const file = join(mkdtempSync(join(directory, 'k')), 'known_hosts')
  writeFileSync(file, `${line}\n`)
  return file
}

describe('a deploy to a host where the app is not set up', () => {
  it('changes nothing, and says what sets it up', async () => {
    const from = source()
    const bare = await scripts(err1).deploy(from)
    from.remove()
    expect(bare.exitCode).toBe(1)
    expect(bare.error()).toMatchObject({ code: 'not-set-up', hint: expect.stringContaining('site.mjs') })
    expect((await err1.run('test -e /srv/www/foobar')).exitCode).toBe(1)
  })
})

describe('hosts that can’t be reached', () => {
  let run: SiteRun
  let text: SiteRun
  beforeAll(async () => {
    const hosts = {
      fine: err1.through(err1.host.port),
      ...Object.fromEntries(Object.entries(ways).map(([name, { settings }]) => [name, settings()])),
    }
    const site = { roles: ['many'], hosts, vars: { many: { count: 3 } } }
    run = await runHere(site)
    text = await runSite({ ...site, text: true })
  }, 120_000)

  it('harm no other host, and end the run with 4', async () => {
    expect(run.exitCode).toBe(4)
    expect(run.recap('fine')).toMatchObject({ ok: 4, changed: 4, failed: 0, unreachable: 0 })
    expect(text.exitCode).toBe(4)
    expect(text.stdout).toMatch(/^fine\s+: ok=4 changed=0/m)
    expect(await err1.say('ls /srv/many | wc -l')).toBe('3\n')
  })

  it.each(Object.entries(ways))('say what is wrong and what to do: %s', (name, { code, args, hint }) => {
    const error = run.error(name)
    expect(error.code).toContain(code)
    expect([error.message, ...error.lines].join('\n')).toMatch(args)
    expect([error.hint, ...error.lines].join('\n')).toMatch(hint)
    expect(run.recap(name)).toMatchObject({ ok: 0, changed: 0, failed: 0, unreachable: 1, trips: 0 })
    // Its lines, up to the next host's: a few, and no stack.
    const lines = text.stdout.split('\n')
    const from = lines.findIndex(line => line.startsWith(`${name} `) && line.includes('unreachable  '))
    const length = lines.slice(from + 1).findIndex(line => !/^(hint )? {2,}/.test(line)) + 1
    expect([from > 0, length >= 2 && length <= 8]).toEqual([true, true])
    expect(text.stdout).not.toMatch(/^\s+at \S+/m)
  })
})

describe('a host that is no Debian', () => {
  beforeAll(async () => {
    await err2.say(
      'rm -rf /srv/many /var/lib/capstan; printf \'ID=alpine\\nVERSION_ID=3.20.1\\nPRETTY_NAME="Alpine Linux v3.20"\\n\' >/run/os; mount --bind /run/os /etc/os-release',
    )
  })
  afterAll(() => err2.run('umount /etc/os-release; rm -f /run/os'))

  it('is refused with what is managed, untouched, and harms no other', async () => {
    const hosts = { err1: { connection: 'sandbox', debian: 12 }, err2: { connection: 'sandbox', debian: 13 } }
    const run = await runHere({ roles: ['many'], hosts, vars: { many: { count: 3 } } })
    expect(run.exitCode).toBe(1)
    expect(run.error('err2')).toMatchObject({
      code: 'host-unsupported',
      message: 'err2: Alpine Linux v3.20 is not a system Capstan manages',
      hint: expect.stringMatching(/debian 12.*-l/),
    })
    expect(run.recap('err1')).toMatchObject({ ok: 4, failed: 0 })
    expect(run.recap('err2')).toMatchObject({ ok: 0, failed: 1, unreachable: 0 })
    expect(await err2.say('ls -d /srv/many /var/lib/capstan 2>/dev/null || :')).toBe('')
  })
})

describe('what is wrong before a host is contacted', () => {
  it.each<[string, Parameters<typeof runSite>[0], RegExp]>([
    ['a flag that isn’t there', { roles: ['many'], hosts: {}, args: ['--chek'] }, /--chek/],
    ['a host pattern that matches none', { roles: ['many'], hosts: { a: {} }, args: ['-l', 'b'] }, /"b"/],
    ['a role that no play has', { roles: ['many'], hosts: { a: {} }, args: ['-t', 'mny'] }, /"mny".*many/],
    [
      'a var of another type',
      { roles: ['many'], hosts: { a: { vars: { many: { count: 'x' } } } } },
      /many\.count: expected .*"x"/,
    ],
    ['a var that no role has', { roles: ['many'], hosts: { a: { vars: { many: { cuont: 1 } } } } }, /cuont/],
  ])('ends with 2: %s', async (_what, options, args) => {
    const { exitCode, stdout, stderr } = await runHere(options)
    expect(exitCode).toBe(2)
    expect(stderr).toMatch(args)
    expect(stdout).toBe('')
  })
})
