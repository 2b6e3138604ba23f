import { describe, expect, it } from 'vitest'
import type { Recorder } from '#engine/connection/recorder.ts'
import type { RoleDeclarations } from '#engine/converge/catalog.ts'
import { converge } from '#engine/converge/converge.ts'
import { convergeHost } from '#engine/converge/host.ts'
import { UnreachableError } from '#engine/errors.ts'
import type { Event } from '#engine/output/events.ts'
import { value } from './declared.ts'
import { machine, work } from './machine.ts'

const names = (count: number) => Array.from({ length: count }, (_, index) => `v${index}`)
const declareAll = (all: readonly string[]) => (into: RoleDeclarations) => {
  for (const name of all) into.declare(value, { name, wanted: { name, value: '1' } })
}

const identity = { runId: 'r', who: 'ann@laptop', url: undefined }

function run(options: { check?: boolean; stop?: AbortSignal } = {}) {
  const events: Event[] = []
  const emit = (event: Event) => void events.push(event)
  return { events, options: { run: identity, check: false, diff: false, emit, ...options } }
}

describe('the convergence of one host', () => {
  it('takes two trips where all is as declared, for 500 things as for one', async () => {
    for (const count of [1, 500]) {
      const connection = machine(Object.fromEntries(names(count).map(name => [name, '1'])))
      const result = await convergeHost(work(connection, declareAll(names(count))), run().options)
      expect(result).toMatchObject({
        ok: count,
        changed: 0,
        failed: 0,
        skipped: 0,
        trips: 2,
        error: undefined,
      })
      expect(connection.closed).toBe(true)
    }
  })

  it('takes four where something differs: it changes it and looks again', async () => {
    const host: Record<string, string> = { v0: '1' }
    const { events, options } = run()
    const result = await convergeHost(work(machine(host), declareAll(names(3))), options)
    expect(result).toMatchObject({ ok: 3, changed: 2, trips: 4, error: undefined })
    expect(host).toEqual({ v0: '1', v1: '1', v2: '1' })
    expect(events.filter(event => event.event === 'changed')).toMatchObject([
      { host: 'web1', role: 'web', resource: 'value v1' },
      { resource: 'value v2' },
    ])
    const again = await convergeHost(work(machine(host), declareAll(names(3))), run().options)
    expect(again).toMatchObject({ changed: 0, trips: 2 })
  })

  it('takes no lock and sends no stage in check mode, and tells what would change', async () => {
    const connection = machine({})
    const { events, options } = run({ check: true })
    const result = await convergeHost(work(connection, declareAll(names(2))), options)
    expect(result).toMatchObject({ ok: 2, changed: 2, trips: 2 })
    expect(connection.scripts.join('')).not.toMatch(/flock|mkdir|setsid/)
    expect(events.map(event => event.event)).toEqual(['connected', 'facts', 'probed', 'planned', 'planned'])
  })

  it('goes on to a further stage once an unknown state can be known', async () => {
    const host: Record<string, string> = { v1: '?' }
    const connection = machine(host, script => {
      if (script.includes('setsid')) delete host['v1']
      return undefined
    })
    const result = await convergeHost(work(connection, declareAll(names(3))), run().options)
    expect(result).toMatchObject({ ok: 3, changed: 3, trips: 6, error: undefined })
  })

  it('ends with the reason where nothing will make a state known', async () => {
    const result = await convergeHost(work(machine({ v0: '?' }), declareAll(names(2))), run().options)
    expect(result.error).toMatchObject({
      code: 'unknown',
      message: 'web1: value v0: its state can’t be read: nobody knows',
    })
  })

  it('ends with wanted and found where a third application changes nothing', async () => {
    const connection = machine({}, script =>
      script.includes('print v0') ? { stdout: `5\n${/ ([0-9a-f]{32}) /.exec(script)?.[1]} 0\n` } : undefined,
    )
    const result = await convergeHost(work(connection, declareAll(['v0'])), run().options)
    expect(result.error).toMatchObject({ code: 'still-differs', lines: ['value: wanted 1, found 5'] })
    expect(connection.scripts.filter(script => script.includes('setsid'))).toHaveLength(3)
  })

  it('waits for a lock that another run has, and says who when it is not freed', async () => {
    const holder = 'bob@laptop since 2026-01-01T00:00:00Z'
    const connection = machine({}, script =>
      script.includes('flock') ? { exitCode: 75, stderr: `${holder}\n` } : undefined,
    )
    const { events, options } = run()
    const result = await convergeHost(work(connection, declareAll(names(2))), options)
    expect(events).toContainEqual({
      event: 'progress',
      host: 'web1',
      message: `waiting up to 30 s: the host is locked by ${holder}`,
    })
    expect(result.error).toMatchObject({ code: 'locked', message: `web1: the host is locked by ${holder}` })
  })

  it('begins nothing once it was told to stop', async () => {
    const connection = machine({})
    const result = await convergeHost(
      work(connection, declareAll(names(2))),
      run({ stop: AbortSignal.abort() }).options,
    )
    expect(connection.scripts).toEqual([])
    expect(result.error).toMatchObject({ code: 'interrupted' })
  })

  it('leaves what only reads at once when it is told to stop, and tells what it did not come to', async () => {
    const controller = new AbortController()
    const { events, options } = run({ stop: controller.signal })
    const connection = machine({ v0: '1' }, script => {
      if (script.includes('print v0')) controller.abort()
      return undefined
    })
    const result = await convergeHost(work(connection, declareAll(names(2))), options)
    expect(result).toMatchObject({ error: { code: 'interrupted' }, ok: 0, skipped: 2 })
    expect(events.filter(event => event.event === 'skipped')).toMatchObject([
      { resource: 'value v0' },
      { resource: 'value v1' },
    ])
  })
})

describe('a run over hosts', () => {
  const fine = (name: string) => work(machine({ v0: '1' }), declareAll(['v0']), name)

  it('tells every host that fails, harms no other, and ends each', async () => {
    const { events, options } = run()
    const closed = new UnreachableError('refused', 'web2: nobody listens')
    const bug = new TypeError('x is not a function')
    const hosts = [fine('web1'), work(closed, () => {}, 'web2'), work(bug, () => {}, 'web3')]
    const result = await converge(hosts, { ...options, forks: 2 })
    expect(result.exitCode).toBe(4)
    expect(events.filter(event => event.event === 'failed')).toEqual([
      { event: 'failed', host: 'web2', error: closed },
      { event: 'failed', host: 'web3', error: bug },
    ])
    expect(
      events
        .filter(event => event.event === 'finished')
        .map(event => event.host)
        .sort(),
    ).toEqual(['web1', 'web2', 'web3'])
    expect(Object.keys(result.hosts)).toEqual(['web1', 'web2', 'web3'])
    expect(result.hosts).toMatchObject({
      web1: { ok: 1, failed: 0, unreachable: 0 },
      web2: { failed: 0, unreachable: 1 },
      web3: { failed: 1, unreachable: 0 },
    })
  })

  it.each([
    [0, []],
    [1, [new Error('bug')]],
    [4, [new Error('bug'), new UnreachableError('refused', 'x')]],
    [4, [new UnreachableError('refused', 'x'), new Error('bug')]],
  ] as const)('exits with %i', async (code, errors) => {
    const hosts = errors.map((error, index) => work(error, () => {}, `bad${index}`))
    expect((await converge([fine('web1'), ...hosts], { ...run().options, forks: 5 })).exitCode).toBe(code)
  })

  it('has as many at work at once as it may', async () => {
    let now = 0
    let most = 0
    const hosts = Array.from({ length: 9 }, (_, index) => ({
      ...fine(`web${index}`),
      connection: async () => {
        most = Math.max(most, ++now)
        await new Promise(resolve => setImmediate(resolve))
        now--
        return machine({ v0: '1' })
      },
    }))
    await converge(hosts, { ...run().options, forks: 3 })
    expect(most).toBe(3)
  })

  it('ends on all of a hundred hosts at one interrupt, warns of no leak, and closes what logs in after that', async () => {
    const warnings: Error[] = []
    const warn = (warning: Error) => void warnings.push(warning)
    process.on('warning', warn)
    const controller = new AbortController()
    const logins: ((connection: Recorder) => void)[] = []
    const hosts = Array.from({ length: 100 }, (_, index) => ({
      ...fine(`web${index}`),
      connection: () => new Promise<Recorder>(resolve => void logins.push(resolve)),
    }))
    const ending = converge(hosts, { ...run().options, stop: controller.signal, forks: 100 })
    controller.abort()
    const { hosts: recap } = await ending
    expect(Object.values(recap).filter(({ failed }) => failed === 1)).toHaveLength(100)
    const late = logins.map(login => {
      const connection = machine({})
      login(connection)
      return connection
    })
    await new Promise(resolve => setImmediate(resolve))
    process.off('warning', warn)
    expect(warnings).toEqual([])
    expect(late.map(({ closed }) => closed)).toEqual(late.map(() => true))
  })
})
