import { expect, it } from 'vitest'
import type { Outcome } from '#engine/connection/connection.ts'
import { Recorder } from '#engine/connection/recorder.ts'
import { ConnectionLost, UnreachableError } from '#engine/errors.ts'
import { HostConnection } from '#engine/host/host-connection.ts'
import { followActivities } from '#engine/output/activity.ts'
import type { Event } from '#engine/output/events.ts'

const lost = new ConnectionLost('connection-lost', 'web1: connection lost: the host stopped answering')
const stage = { id: 'r-1', script: 'NONCE=0\n', orphans: 'wait' } as const

/** A host whose stage breaks off; what `answers` says of each further login, and how long it took to give up. */
async function follow(patience: number, again: (limit: number) => Promise<Recorder>) {
  const events: Event[] = []
  let logins = 0
  const connection = new HostConnection(
    'web1',
    async (limit = 20) => (logins++ === 0 ? new Recorder([{ error: lost }]) : again(limit)),
    {
      run: { runId: 'r', who: 'ann@laptop', url: undefined },
      emit: event => void events.push(event),
      stop: new AbortController().signal,
      wait: 0,
      patience,
    },
  )
  const began = performance.now()
  const ended = await connection.stage(stage, () => {}).catch((error: unknown) => error)
  await connection.close()
  return { ended, events, seconds: (performance.now() - began) / 1000 }
}

it('gives up on a silent host when its time is over, not after the attempt that is under way then', async () => {
  const silent = (limit: number) =>
    new Promise<Recorder>((_resolve, reject) => {
      setTimeout(() => reject(new UnreachableError('x', `web1: no answer within ${limit} s`)), limit * 1000)
    })
  const { ended, events, seconds } = await follow(2, silent)
  expect(ended).toMatchObject({ code: 'lost-for-good', exitCode: 4 })
  expect(seconds).toBeGreaterThan(1.4)
  expect(seconds).toBeLessThan(2.9)
  expect(events.slice(1, 3)).toEqual([
    { event: 'warning', host: 'web1', message: 'the connection was lost: the host stopped answering' },
    { event: 'progress', host: 'web1', message: 'connecting again, for up to 2.0 s' },
  ])
})

it('shows a host that is connected to again at the step that it was at', async () => {
  const { ended, events } = await follow(5, async () => new Recorder(() => ({})))
  expect(ended).toBeUndefined()
  const activities = followActivities()
  const seen: (string | undefined)[] = []
  const on = (event: Event) => {
    activities.on(event, 0)
    seen.push(activities.list()[0]?.what)
  }
  on({ event: 'run', command: 'deploy', hosts: ['web1'], check: false })
  on({ event: 'step', host: 'web1', step: 'migrate', state: 'begun' })
  // The first is the login that broke.
  for (const event of events.slice(1)) on(event)
  expect(seen).toEqual(['connecting', 'migrate', 'migrate', 'connecting again, for up to 5.0 s', 'migrate'])
})

it.each<readonly [string, (connection: HostConnection) => Promise<Outcome>]>([
  ['without a lock', connection => connection.read('cat /etc/x')],
  ['with the lock that it takes', connection => connection.lock('host', 'cat /etc/x')],
])('reads again over another connection, %s', async (_how, read) => {
  let logins = 0
  const connection = new HostConnection(
    'web1',
    async () => new Recorder(logins++ === 0 ? [{ error: lost }] : () => ({ stdout: 'as it is' })),
    {
      run: { runId: 'r', who: 'ann@laptop', url: undefined },
      emit: () => {},
      stop: new AbortController().signal,
      wait: 0,
    },
  )
  expect((await read(connection)).stdout.toString()).toBe('as it is')
  expect([logins, connection.trips]).toEqual([2, 2])
  await connection.close()
})

it.each([
  ['three times', 3, 'well', 4],
  ['each time', 100, 'stage-lost', 4],
] as const)(
  'follows a stage again where what follows it is killed on the host, %s',
  async (_how, kills, how, logins) => {
    let count = 0
    const connection = new HostConnection(
      'web1',
      async () => new Recorder([{ exitCode: count++ < kills ? 137 : 0 }]),
      {
        run: { runId: 'r', who: 'ann@laptop', url: undefined },
        emit: () => {},
        stop: new AbortController().signal,
        wait: 0,
      },
    )
    const ended = await connection.stage(stage, () => {}).catch((error: unknown) => error)
    expect([(ended as { code?: string } | undefined)?.code ?? 'well', count]).toEqual([how, logins])
    await connection.close()
  },
)
