import { describe, expect, it } from 'vitest'
import { converge, type PlayWork, type RunResult } from '#engine/converge/converge.ts'
import type { HostWork } from '#engine/converge/host.ts'
import type { Role } from '#engine/converge/role.ts'
import { hostBatches, type Serial } from '#engine/converge/serial.ts'
import { HostError } from '#engine/errors.ts'
import type { Event } from '#engine/output/events.ts'
import type { Site } from '#engine/vars.ts'
import { vars } from '#engine/vars.ts'
import { value } from './declared.ts'
import { machine } from './machine.ts'

type Values = Record<string, string>

/** Hosts with a value for each role they have; `1` is as declared. `log` gets `HOST probed` and `HOST changed`. */
function fleet(hosts: Readonly<Record<string, Values>>, log: string[]): readonly HostWork[] {
  return Object.entries(hosts).map(([name, values]) => {
    const connection = machine(values, script => {
      if (/^print /m.test(script)) log.push(`${name} probed`)
      if (script.includes('setsid')) log.push(`${name} changed`)
      return undefined
    })
    const roles = Object.keys(values).map(role => ({ role: roleOf(role), vars: [{}] }))
    return {
      identity: { name, groups: [] },
      sites: [{} as Site],
      roles,
      connection: async () => connection,
    }
  })
}

function roleOf(name: string): Role {
  const wanted = { name, value: '1' }
  return { name, directory: '/', vars: vars({}), declare: into => into.declare(value, { name, wanted }) }
}

function play(roles: readonly string[], hosts: readonly string[], options: Partial<PlayWork> = {}): PlayWork {
  return { roles: new Map(hosts.map(name => [name, new Set(roles)])), ...options }
}

function run(
  works: readonly HostWork[],
  plays: readonly PlayWork[],
  events: Event[] = [],
  stop = new AbortController().signal,
): Promise<RunResult> {
  const identity = { runId: 'r', who: 'ann@laptop', url: undefined }
  const emit = (event: Event) => void events.push(event)
  return converge(works, { run: identity, check: false, diff: false, emit, forks: 10, plays, stop })
}

const web = ['web1', 'web2', 'web3']
const good = () => ({ app: '1', nginx: '1' })

describe('plays', () => {
  it('cost a converged fleet two trips a host, however many there are', async () => {
    const log: string[] = []
    const called = () => Promise.reject(new Error('called'))
    const plays = ['nginx', 'app', 'nginx', 'app'].map(role =>
      play([role], web, { before: called, after: called }),
    )
    const { hosts, exitCode } = await run(fleet({ web1: good(), web2: good(), web3: good() }, log), plays)
    expect(exitCode).toBe(0)
    for (const name of web) expect(hosts[name]).toMatchObject({ ok: 2, changed: 0, trips: 2 })
  })

  it('inspect every host before they change one, and go over those that differ alone, in order', async () => {
    const log: string[] = []
    const works = fleet({ web1: { nginx: '0', app: '0' }, web2: good(), web3: { nginx: '1', app: '0' } }, log)
    const hooks = (name: string) => ({
      before: async (host: string) => void log.push(`before ${name} ${host}`),
      after: async (host: string) => void log.push(`after ${name} ${host}`),
    })
    const plays = [
      play(['nginx'], web, { serial: 1, ...hooks('nginx') }),
      play(['app'], web, { serial: 1, ...hooks('app') }),
    ]
    const { exitCode, hosts } = await run(works, plays)
    expect(exitCode).toBe(0)
    expect(log).toEqual([
      ...web.map(name => `${name} probed`),
      ...['before nginx web1', 'web1 changed', 'web1 probed', 'after nginx web1'],
      ...['before app web1', 'web1 changed', 'web1 probed', 'after app web1'],
      ...['before app web3', 'web3 changed', 'web3 probed', 'after app web3'],
    ])
    expect(hosts['web1']).toMatchObject({ changed: 2, trips: 6 })
    expect(hosts['web3']).toMatchObject({ changed: 1, trips: 4 })
  })

  it('tell that a host waits for its turn, and of none that is done or has none', async () => {
    const values = () => ({ web1: { nginx: '0', app: '0' }, web2: good(), web3: { nginx: '1', app: '0' } })
    const told = async (plays: readonly PlayWork[]) => {
      const events: Event[] = []
      await run(fleet(values(), []), plays, events)
      const names = ['waiting', 'changing', 'finished']
      return events.flatMap(each =>
        'host' in each && names.includes(each.event) ? [`${each.host} ${each.event}`] : [],
      )
    }
    const lines = await told([play(['nginx'], web, { serial: 1 }), play(['app'], web, { serial: 1 })])
    expect(lines.slice(0, 3).toSorted()).toEqual(['web1 waiting', 'web2 finished', 'web3 waiting'])
    expect(lines.slice(3)).toEqual([
      ...['web1 changing', 'web1 waiting', 'web1 changing', 'web1 finished'],
      ...['web3 changing', 'web3 finished'],
    ])
    expect(await told([play(['nginx', 'app'], web)])).not.toContainEqual(expect.stringContaining('waiting'))
  })

  it.each(['before', 'after'] as const)(
    'stop at the batch whose %s fails, and leave the rest as it is',
    async hook => {
      const log: string[] = []
      const events: Event[] = []
      const values = {
        web1: { nginx: '0', app: '0' },
        web2: { nginx: '0', app: '0' },
        web3: { nginx: '0', app: '0' },
      }
      const error = new HostError('not-in-time', 'web2: not healthy')
      const fails = async (host: string) => {
        if (host === 'web2') throw error
      }
      const plays = [play(['nginx'], web, { serial: 1, [hook]: fails }), play(['app'], web)]
      const { exitCode, hosts } = await run(fleet(values, log), plays, events)
      expect(exitCode).toBe(1)
      expect(events.filter(({ event }) => event === 'failed')).toEqual([
        { event: 'failed', host: 'web2', error },
      ])
      expect(values.web3).toEqual({ nginx: '0', app: '0' })
      expect(values.web2.nginx).toBe(hook === 'before' ? '0' : '1')
      expect(values.web1).toEqual({ nginx: '1', app: '0' })
      expect(hosts['web2']).toMatchObject({ failed: 1 })
      expect(hosts['web1']).toMatchObject({ failed: 0 })
    },
  )

  it('go on with the other hosts where a play has no batches', async () => {
    const values = { web1: { nginx: '0' }, web2: { nginx: '0' }, web3: { nginx: '0' } }
    const before = async (host: string) => {
      if (host === 'web1') throw new HostError('x', 'web1: no')
    }
    const { exitCode } = await run(fleet(values, []), [play(['nginx'], web, { before })])
    expect(exitCode).toBe(1)
    expect(Object.values(values).map(({ nginx }) => nginx)).toEqual(['0', '1', '1'])
  })

  it('call no hook and change nothing once the run is to stop', async () => {
    const controller = new AbortController()
    const log: string[] = []
    const events: Event[] = []
    const values = { web1: { nginx: '0' }, web2: { nginx: '0' } }
    const before = async (host: string) => {
      log.push(`before ${host}`)
      controller.abort()
    }
    const plays = [play(['nginx'], ['web1', 'web2'], { serial: 1, before })]
    await run(fleet(values, log), plays, events, controller.signal)
    expect(log.filter(line => /before|changed/.test(line))).toEqual(['before web1'])
    expect(events.filter(({ event }) => event === 'failed')).toMatchObject([
      { error: { code: 'interrupted' } },
    ])
    expect(values.web2.nginx).toBe('0')
  })

  it('wait for what an earlier play makes known', async () => {
    const values: Record<string, Values> = { db1: { db: '0' }, web1: { app: '?' } }
    const after = async () => {
      values['web1'] = Object.assign(values['web1'] ?? {}, { app: '0' })
    }
    const plays = [play(['db'], ['db1'], { after }), play(['app'], ['web1'])]
    const { exitCode, hosts } = await run(fleet(values, []), plays)
    expect(exitCode).toBe(0)
    expect(hosts['web1']).toMatchObject({ changed: 1, failed: 0 })
  })
})

describe('the batches of a play', () => {
  const ten = Array.from({ length: 10 }, (_, n) => n)
  const sizes = (serial: Serial) => hostBatches(ten, serial).map(({ length }) => length)

  it.each([
    [1, [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]],
    [4, [4, 4, 2]],
    ['30%', [3, 3, 3, 1]],
    ['1%', [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]],
    ['100%', [10]],
    [
      [1, '50%'],
      [1, 5, 4],
    ],
    [
      [1, 2, 3],
      [1, 2, 3, 3, 1],
    ],
  ] as const)('by %j are %j', (serial, expected) => {
    expect(sizes(serial)).toEqual(expected)
  })

  it.each([0, -1, 1.5, '0%', '101%', 'x', []])('are refused by %j', serial => {
    expect(() => sizes(serial as Serial)).toThrow(RangeError)
  })
})
