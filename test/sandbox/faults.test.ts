import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { lockScript } from '#engine/host/lock.ts'
import { quote } from '#engine/quote.ts'
import { openWire } from '../connection/wire.ts'
import { describeInFull, itInFull, some } from './cases.ts'
import { type Machine, machine } from './machine.ts'
import { type RunningSite, runHere, type SiteOptions, startSite } from './site.ts'

let fault1: Machine
beforeAll(async () => {
  fault1 = await machine('fault1', 12)
})
afterAll(() => fault1?.close())
const clean =
  'pkill -9 -f /var/lib/capstan/runs/; rm -rf /srv/gates /run/gates /var/lib/capstan /run/capstan; mkdir -p /run/gates'
beforeEach(() => fault1.say(clean))

/** Another run takes the lock, by a shell of its own: the watcher of its lease kills that shell, for no heartbeat comes. */
const lock = (seconds: number) =>
  fault1.run(
    `sh -c ${quote(lockScript('host', { runId: 'another', who: 'ann@laptop', url: undefined }, seconds))}`,
  )

const site = () => ({ hosts: fault1, roles: ['gates'] })
const go = (name = '') => fault1.say(`: >/run/gates/go${name === '' ? '' : `-${name}`}`)
const held = (name: string) => fault1.until(`[ -e /run/gates/at-${name} ]`)
/** What the host has to show: the gates that were passed, and a line for each time the handler ran. */
const passed = () => fault1.say('cd /srv/gates 2>/dev/null && ls -x | tr -s " " && cat log 2>/dev/null || :')
const stage = 'cat /run/capstan/stage'
/** The stage and all that it runs. */
const killAll = `pkill -9 -s $(${stage})`

describe('a run that is killed', () => {
  it('on the host, between a change and its handler, leaves the handler to the next run', async () => {
    const run = startSite(site())
    await go('one')
    await held('two')
    // What a step prints is told while it goes on.
    await run.until(line => line.event === 'output' && /two is held/.test(line.text ?? ''))
    await fault1.say(killAll)
    const { exitCode, error, lines } = await run.done
    expect(exitCode).toBe(1)
    expect(error()).toMatchObject({
      code: 'stage-killed',
      message: 'fault1: the run was ended on the host during gate two',
      hint: expect.stringContaining('/var/lib/capstan/runs/'),
    })
    expect(error().lines).toContain('two is held')
    expect(lines.filter(line => line.event === 'skipped')).toEqual([])
    await go()
    const next = await runHere(site())
    expect(next.changes).toEqual(['gate two', 'tell'])
    expect(await passed()).toBe('log one two\nhandled\n')
    expect((await runHere(site())).recap()).toMatchObject({ changed: 0, trips: 2 })
  })

  itInFull('after its last change and before its handler, too, though nothing differs any more', async () => {
    const run = startSite({
      ...site(),
      vars: {
        gates: {
          handler: 'until [ -e /run/gates/go-tell ]; do sleep 0.02; done; echo handled >>/srv/gates/log',
        },
      },
    })
    await go('one')
    await go('two')
    await run.until(line => line.event === 'changing' && line.handler === true)
    await fault1.say(killAll)
    expect((await run.done).error().message).toMatch(/during tell$/)
    expect((await runHere(site())).changes).toEqual(['tell'])
    expect(await passed()).toMatch(/\nhandled\n$/)
  })

  it('as the controller, goes on to its end on the host; the next run waits for it, and finds all done', async () => {
    const run = startSite(site())
    await held('one')
    run.child.kill('SIGKILL')
    await run.done
    const next = startSite(site())
    const waiting = await next.until(line => line.event === 'progress')
    expect(waiting.message).toMatch(/^waiting up to 30 s: the host is locked by \S+@\S+ since 20/)
    await go()
    expect((await next.done).recap()).toMatchObject({ ok: 2, changed: 0 })
    expect(await passed()).toBe('log one two\nhandled\n')
  })

  itInFull('leaves no run beside a step of its that was not killed', async () => {
    const run = startSite(site())
    await held('one')
    run.child.kill('SIGKILL')
    await run.done
    await fault1.say(`leader=$(${stage}); kill -9 $leader $(pgrep -P $leader)`)
    const next = startSite(site())
    expect((await next.until(line => line.event === 'progress')).message).toMatch(
      /a step of an earlier run that still runs: process \d+/,
    )
    await go()
    expect((await next.done).exitCode).toBe(0)
    expect(await passed()).toBe('log one two\nhandled\n')
  })

  it('on the host, is reported once the step that it was at has ended', async () => {
    const run = startSite(site())
    await held('one')
    await fault1.say(`leader=$(${stage}); kill -9 $leader $(pgrep -P $leader)`)
    const ended = run.done.then(() => 'ended')
    expect(await Promise.race([ended, fault1.say('sleep 1').then(() => 'waits')])).toBe('waits')
    await go()
    expect((await run.done).error()).toMatchObject({ code: 'stage-killed' })
    expect(await passed()).toBe('one\n')
  })
})

describe('a controller that is told to stop', () => {
  const interrupted = async (run: RunningSite, signal: NodeJS.Signals) => {
    await held('one')
    run.child.kill(signal)
    await run.until(line => line.event === 'warning' && /stopping/.test(line.message ?? ''))
  }

  it.each(
    some(
      [
        ['SIGINT', 130],
        ['SIGTERM', 143],
      ] as const,
      1,
    ),
  )('by %s lets the step end, runs no further one, and says what is pending', async (signal, code) => {
    const run = startSite(site())
    await interrupted(run, signal)
    await fault1.until('[ -e /var/lib/capstan/runs/*/stop ]')
    await go()
    const { exitCode, error, changes, lines, recap } = await run.done
    expect(exitCode).toBe(code)
    expect(changes).toEqual(['gate one'])
    expect(error()).toMatchObject({
      code: 'interrupted',
      hint: expect.stringContaining('pending handlers are kept'),
    })
    expect(lines.filter(line => line.event === 'skipped').map(line => line.resource)).toEqual(['gate two'])
    expect(recap()).toMatchObject({ ok: 1, changed: 1, failed: 1, skipped: 1 })
    expect(await passed()).toBe('one\n')
    expect((await runHere(site())).changes).toEqual(['gate two', 'tell'])
  })

  itInFull('twice leaves at once, and the host ends its step alone', async () => {
    const run = startSite(site())
    await interrupted(run, 'SIGINT')
    await fault1.until('[ -e /var/lib/capstan/runs/*/stop ]')
    run.child.kill('SIGINT')
    expect((await run.done).exitCode).toBe(130)
    await go()
    await fault1.until('[ -e /srv/gates/one ] && ! [ -e /run/capstan/stage ]')
    expect(await passed()).toBe('one\n')
  })
})

describe('a connection that is reset', () => {
  it.each(
    some(
      [
        ['in the middle of a stage', 1],
        ['twice', 2],
      ],
      1,
    ),
  )('%s is re-established, and the run ends well and holds the lock', async (_how, times) => {
    const wire = await openWire(fault1.host.port)
    try {
      const run = startSite({ ...site(), hosts: { fault1: fault1.through(wire.port) } })
      await held('one')
      for (let time = 0; time < times; time++) {
        wire.reset()
        await run.until(line => line.event === 'warning' && /connection was lost/.test(line.message ?? ''))
        while (wire.accepted() < time + 2) await new Promise(resolve => setTimeout(resolve, 20))
        await fault1.until('[ "$(pgrep -fc "perl -e.*/var/lib/capstan/runs")" -ge 1 ]')
      }
      await go()
      const { exitCode, changes, lines } = await run.done
      expect(lines.filter(line => line.event === 'failed')).toEqual([])
      expect(exitCode).toBe(0)
      expect(changes).toEqual(['gate one', 'gate two', 'tell'])
      expect(await passed()).toBe('log one two\nhandled\n')
    } finally {
      wire.close()
    }
  })

  itInFull.each(['reset', 'cut'] as const)(
    '(%s) while the host’s state is read is re-established, and the state read again',
    async how => {
      const wire = await openWire(fault1.host.port)
      try {
        await fault1.say(': >/run/gates/hold; : >/run/gates/go')
        const run = startSite({ ...site(), hosts: { fault1: fault1.through(wire.port) } })
        await held('probe')
        wire[how]()
        await fault1.say('rm /run/gates/hold')
        const { exitCode, changes, stdout } = await run.done
        expect(exitCode, stdout.slice(-3000)).toBe(0)
        expect(changes).toEqual(['gate one', 'gate two', 'tell'])
      } finally {
        wire.close()
      }
    },
  )

  itInFull(
    'without the host’s being told leaves a session there that holds the lock: it is ended, and the lock taken',
    async () => {
      const wire = await openWire(fault1.host.port)
      try {
        const run = startSite({ ...site(), hosts: { fault1: fault1.through(wire.port) } })
        await held('one')
        const session = (await fault1.say('sed -n 2p /run/capstan/holder')).trim()
        wire.cut()
        await run.until(line => line.event === 'warning')
        await go()
        expect((await run.done).exitCode).toBe(0)
        expect((await fault1.run(`kill -0 ${session}`)).exitCode).not.toBe(0)
        expect(await fault1.say('sed -n 2p /run/capstan/holder')).not.toBe(`${session}\n`)
        expect((await runHere(site())).recap()).toMatchObject({ changed: 0, trips: 2 })
      } finally {
        wire.close()
      }
    },
  )

  itInFull(
    'and not re-established leaves the stage to end by itself, and says where its log is',
    async () => {
      const wire = await openWire(fault1.host.port)
      const run = startSite({ ...site(), hosts: { fault1: fault1.through(wire.port) } })
      await held('one')
      wire.reset()
      wire.close()
      await run.until(line => line.event === 'warning')
      run.child.kill('SIGINT')
      const { exitCode, error } = await run.done
      expect(exitCode).toBe(130)
      expect(error()).toMatchObject({
        code: 'lost-for-good',
        hint: expect.stringMatching(/The log of what it does is \/var\/lib\/capstan\/runs\//),
      })
      await go()
      await fault1.until('[ -e /srv/gates/two ]')
    },
  )
})

describeInFull.each([
  ['without a password', 'deploy', {}],
  ['with one', 'asker', { CAPSTAN_SUDO_PASSWORD: `it's "$(id)" é` }],
] as const)('a login that becomes root by sudo, %s, on Debian 13', (_how, user, env) => {
  let fault2: Machine
  beforeAll(async () => {
    fault2 = await machine('fault2', 13)
    await fault2.say(`${clean}
      id ${user} 2>/dev/null >&2 || useradd --create-home --shell /bin/bash ${user}
      install -d -m 700 -o ${user} /home/${user}/.ssh
      install -m 600 -o ${user} /root/.ssh/authorized_keys /home/${user}/.ssh/authorized_keys
      printf '%s\\n' ${quote(`asker:${`it's "$(id)" é`}`)} | { [ ${user} = deploy ] || chpasswd; }
      echo '${user} ALL=(ALL) ${user === 'deploy' ? 'NOPASSWD: ' : ''}ALL' >/etc/sudoers.d/${user}`)
  })
  afterAll(async () => {
    await fault2?.run(`rm -f /etc/sudoers.d/${user}; userdel -rf ${user}`)
    fault2?.close()
  })

  it('has its connection reset in the middle of a stage, and ends well', async () => {
    const wire = await openWire(fault2.host.port)
    try {
      const hosts = { fault2: { ...fault2.through(wire.port), user } }
      const run = startSite({ roles: ['gates'], hosts, env })
      await fault2.until('[ -e /run/gates/at-one ]')
      wire.reset()
      await run.until(line => line.event === 'warning')
      await fault2.say(': >/run/gates/go')
      const { exitCode, changes } = await run.done
      expect([exitCode, changes]).toEqual([0, ['gate one', 'gate two', 'tell']])
      expect(await fault2.say('stat -c %U /srv/gates/one; cat /srv/gates/log')).toBe('root\nhandled\n')
      const again = await runHere({ roles: ['gates'], hosts, env })
      expect(again.recap()).toMatchObject({ changed: 0, trips: 2 })
    } finally {
      wire.close()
    }
  })
})

describe('two runs at once', () => {
  it('change the host one after the other', async () => {
    const first = startSite(site())
    await held('one')
    const second = startSite(site())
    await second.until(line => line.event === 'progress')
    await go()
    expect((await first.done).recap()).toMatchObject({ changed: 2 })
    expect((await second.done).recap()).toMatchObject({ changed: 0 })
    expect(await passed()).toBe('log one two\nhandled\n')
  })

  it('do not wait for ever: who has the host is known', async () => {
    const first = runHere(site())
    await held('one')
    const { exitCode, stderr } = await lock(1)
    expect(exitCode).toBe(75)
    expect(stderr).toMatch(/^\S+@\S+ since 20\S+\n$/)
    await go()
    expect((await first).exitCode).toBe(0)
    // The host hears a moment later that the run is gone.
    expect((await lock(2)).exitCode).toBe(0)
  })
})

describeInFull('a controller that is stopped', () => {
  it('keeps the host for no longer than its lease', async () => {
    const stopped = startSite(site())
    await held('one')
    stopped.child.kill('SIGSTOP')
    await go()
    const next = await runHere(site())
    expect(next.exitCode, next.stdout.slice(-3000)).toBe(0)
    expect(next.recap().seconds).toBeLessThan(35)
    expect(await passed()).toBe('log one two\nhandled\n')
    stopped.child.kill('SIGCONT')
    await stopped.done
    expect((await runHere(site())).recap()).toMatchObject({ changed: 0, trips: 2 })
  })

  it('and whose step goes on keeps it: another run ends with 75 after half a minute, and says who has it', async () => {
    const first = startSite(site())
    await held('one')
    const { exitCode, error, recap } = await runHere(site())
    expect([exitCode, error().code]).toEqual([75, 'locked'])
    expect(error().message).toMatch(/^fault1: the host is locked by \S+@\S+ since /)
    expect(recap().seconds).toBeGreaterThan(25)
    await go()
    expect((await first.done).exitCode).toBe(0)
  })
})

describe('a disk that is full', () => {
  const big = (bytes: number) => runHere({ hosts: fault1, roles: ['disk'], vars: { disk: { bytes } } })
  beforeAll(() => fault1.say('mkdir -p /srv/disk; mount -t tmpfs -o size=64k tmpfs /srv/disk'))
  afterAll(() => fault1.run('umount /srv/disk; umount /var/lib/capstan; rm -rf /srv/disk'))

  it('keeps the old file whole and says so', async () => {
    expect((await big(1000)).exitCode).toBe(0)
    const { exitCode, error } = await big(200_000)
    expect(exitCode).toBe(1)
    expect(error().lines.join('\n')).toMatch(/^\/srv\/disk\/big: No space left on device/m)
    expect(await fault1.say('cd /srv/disk; ls -A; stat -c %s big')).toBe('big\n1000\n')
    expect((await big(2000)).exitCode).toBe(0)
  })

  it('where the run’s own files go begins nothing', async () => {
    await fault1.say('mkdir -p /var/lib/capstan; mount -t tmpfs -o size=16k tmpfs /var/lib/capstan')
    const { exitCode, error } = await big(3000)
    expect(exitCode).toBe(1)
    expect(error()).toMatchObject({ code: 'not-begun', hint: expect.stringContaining('disk is full') })
    expect(await fault1.say('umount /var/lib/capstan; stat -c %s /srv/disk/big')).toBe('2000\n')
  })

  it('has what a run that was killed half-way left behind cleared by the next', async () => {
    await fault1.say(
      'echo half >/srv/disk/.capstan.big; mkdir -p /var/lib/capstan/runs/old /etc/.capstan-1-x; echo secret >/var/lib/capstan/runs/old/script; echo /etc/.capstan-1-x >/var/lib/capstan/leftovers',
    )
    expect((await big(1500)).exitCode).toBe(0)
    expect(
      await fault1.say(
        'ls -A /srv/disk; ls -d /etc/.capstan* /var/lib/capstan/leftovers /var/lib/capstan/runs/*/script 2>/dev/null || :',
      ),
    ).toBe('big\n')
  })
})

describe('packages', () => {
  const packages = (): SiteOptions => ({ hosts: fault1, roles: ['packages'], seconds: 200 })
  beforeEach(() => fault1.say('dpkg --purge hello 2>/dev/null || :', 120), 150_000)

  it('wait for a lock that another apt holds, then are reported with how far apt is', async () => {
    const lock = fault1.run(
      `perl -e 'use Fcntl; open F, ">>/var/lib/dpkg/lock-frontend"; $l = pack "s s l l i", F_WRLCK, 0, 0, 0, 0; $l = pack "s s x4 q q i x4", F_WRLCK, 0, 0, 0, 0; fcntl F, F_SETLK, $l or die $!; open G, ">/run/gates/locked"; until (-e "/run/gates/go") { select undef, undef, undef, 0.05 }'`,
    )
    await fault1.until('[ -e /run/gates/locked ]')
    const run = startSite(packages())
    await run.until(line => line.event === 'changing')
    await fault1.until('pgrep -x apt-get')
    await new Promise(resolve => setTimeout(resolve, 1500))
    await go()
    await lock
    const { changes, lines, stdout } = await run.done
    expect(changes).toEqual(['apt hello'])
    expect(lines.filter(({ event }) => event === 'working')).toContainEqual({
      ...{ event: 'working', host: 'fault1', resource: 'apt hello' },
      ...{ doing: expect.stringContaining('hello'), percent: expect.any(Number) },
    })
    expect(stdout).not.toMatch(/(?:pm|dl)status:/)
  }, 220_000)

  itInFull(
    'are repaired first where dpkg was interrupted',
    async () => {
      await fault1.say(
        'cd /tmp && apt-get -qq download hello && dpkg --unpack hello_*.deb >/dev/null && rm -f hello_*.deb && touch /var/lib/dpkg/updates/0001 && dpkg-query -W -f "\\${db:Status-Status}" hello | grep -q unpacked',
        120,
      )
      const { exitCode, changes } = await runHere(packages())
      expect([exitCode, changes]).toEqual([0, ['apt hello']])
      expect(await fault1.say('dpkg-query -W -f "\\${db:Status-Status}" hello; dpkg --audit')).toBe(
        'installed',
      )
    },
    220_000,
  )

  itInFull(
    'that no source has are an error with apt’s words',
    async () => {
      const { exitCode, error } = await runHere({
        hosts: fault1,
        roles: ['packages'],
        vars: { packages: { names: ['no-such-package-here'] } },
        seconds: 150,
      })
      expect(exitCode).toBe(1)
      expect(error()).toMatchObject({ message: 'fault1: apt no-such-package-here ended with 100' })
      expect(error().lines.join('\n')).toMatch(/Unable to locate package no-such-package-here/)
    },
    220_000,
  )
})
