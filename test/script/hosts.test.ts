import { describe, expect, it } from 'vitest'
import type { Connection } from '#engine/connection/connection.ts'
import { Recorder } from '#engine/connection/recorder.ts'
import { Interrupted, UnreachableError } from '#engine/errors.ts'
import type { Event } from '#engine/output/events.ts'
import { Host } from '#engine/script/host.ts'
import { Hosts } from '#engine/script/hosts.ts'
import { HostsFailed } from '#engine/script/thrown.ts'

const names = ['web1', 'web2', 'web3']

/** Three hosts, and what is told of them. */
function setUp(
  connect: () => Promise<Connection> = async () => new Recorder(),
  stop = new AbortController().signal,
) {
  const events: Event[] = []
  const emit = (event: Event) => void events.push(event)
  const all = names.map(
    name =>
      new Host({
        ...{ name, groups: ['web'], vars: {}, connect, emit, check: false, diff: false, stop },
        run: () => ({ runId: 'r', who: 'ann@laptop', url: undefined }),
        workOf: () => ({ sites: [], roles: [] }),
        site: () => ({ domain: 'foobar.com', ca: '' }),
      }),
  )
  const hosts = new Hosts(async () => ({ hosts: all, emit, stop, forks: 10 }))
  return { all, events, hosts }
}

describe('each', () => {
  it('gives what the function returned, in the order of the hosts', async () => {
    const { hosts } = setUp()
    const later = async (host: Host) => {
      await new Promise(resolve => setTimeout(resolve, host.name === 'web1' ? 20 : 1))
      return host.name
    }
    expect(await hosts.each(later)).toEqual(names)
    expect(await hosts.first(async host => host.name)).toBe('web1')
  })

  it('tells of hosts that are listed or left out that they wait, not that they connect', async () => {
    const { events, hosts } = setUp()
    const told = () => events.splice(0).flatMap(each => (each.event === 'waiting' ? [each.host] : []))
    await hosts.list()
    expect(told()).toEqual(names)
    await hosts.first(async () => {})
    expect(told()).toEqual(['web2', 'web3'])
  })

  it('goes batch by batch', async () => {
    const { hosts } = setUp()
    const log: string[] = []
    await hosts.each({ serial: [1, 2] }, async host => {
      log.push(`begin ${host.name}`)
      await new Promise(resolve => setTimeout(resolve, 5))
      log.push(`end ${host.name}`)
    })
    expect(log.slice(0, 4)).toEqual(['begin web1', 'end web1', 'begin web2', 'begin web3'])
  })

  it('stops after the batch in which a host failed, reports every failure and counts the rest as skipped', async () => {
    const { all, events, hosts } = setUp()
    const error = new UnreachableError('unreachable', 'web1: no answer')
    const failed = await hosts
      .each({ serial: [2, 1] }, async host => {
        if (host.name === 'web1') throw error
        throw new TypeError('a bug')
      })
      .catch(thrown => thrown)
    expect(failed).toBeInstanceOf(HostsFailed)
    expect(failed.message).toBe('web1, web2 failed; 1 host was not begun')
    expect(events.filter(({ event }) => event === 'failed')).toMatchObject([
      { host: 'web1', error },
      { host: 'web2', error: { message: 'a bug' } },
    ])
    expect(all.map(host => host.record.counts)).toMatchObject([
      { unreachable: 1 },
      { failed: 1 },
      { skipped: 1 },
    ])
  })

  it.each([
    [1, 3],
    ['34%', 3],
    [0, 1],
    ['33%', 1],
  ] as const)('goes on with maxFail %j: %i hosts are begun', async (maxFail, expected) => {
    const { hosts } = setUp()
    let begun = 0
    const failing = hosts.each({ serial: 1, maxFail }, async host => {
      begun += 1
      if (host.name === 'web1') throw new Error('no')
    })
    await expect(failing).rejects.toThrow('web1 failed')
    expect(begun).toBe(expected)
  })

  it('begins no host once the script is interrupted, and throws that', async () => {
    const controller = new AbortController()
    const { hosts, all } = setUp(undefined, controller.signal)
    const begun: string[] = []
    const ending = hosts.each({ serial: 1 }, async host => {
      begun.push(host.name)
      controller.abort()
      await host.exists('/etc')
    })
    await expect(ending).rejects.toBeInstanceOf(Interrupted)
    expect(begun).toEqual(['web1'])
    expect(all.map(host => host.record.counts.skipped)).toEqual([1, 1, 1])
  })
})
