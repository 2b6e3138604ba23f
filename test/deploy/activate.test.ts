import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { deployRelease } from '#engine/deploy/deploy.ts'
import type { DeployResult } from '#engine/deploy/outcome.ts'
import { restartRelease } from '#engine/deploy/restart.ts'
import { type RollbackTarget, rollbackRelease } from '#engine/deploy/rollback.ts'
import type { CapstanError } from '#engine/errors.ts'
import type { Event } from '#engine/output/events.ts'
import type { AppSettings } from '#engine/resources/release/app.ts'
import { HostModel, id } from './host-model.ts'
import { settings as plainSettings } from './settings.ts'

const source = mkdtempSync(join(tmpdir(), 'capstan-activate-'))
writeFileSync(join(source, 'page.txt'), 'new')
afterAll(() => rmSync(source, { recursive: true }))

const settings = { ...plainSettings, migrate: './migrate' }

interface Ran extends DeployResult {
  /** Codes of the errors, by host. */
  readonly failed: Readonly<Record<string, string>>
  readonly hints: Readonly<Record<string, string>>
  readonly events: readonly Event[]
}

function runner(hosts: readonly HostModel[], other: Partial<AppSettings> = {}, stop = new AbortController()) {
  const failed: Record<string, string> = {}
  const hints: Record<string, string> = {}
  const events: Event[] = []
  const options = {
    hosts: hosts.map(host => host.deployHost({ ...settings, ...other })),
    run: { runId: '20261126T000000Z-abcd', who: 'ann@laptop', url: undefined },
    emit: (event: Event) => {
      events.push(event)
      if (event.event !== 'failed' || event.host === undefined) return
      const { code, hint } = event.error as CapstanError
      failed[event.host] = code
      hints[event.host] = hint ?? ''
    },
    wait: 0,
    stop: stop.signal,
  }
  const ran = async (running: Promise<DeployResult>): Promise<Ran> => ({
    ...(await running),
    ...{ failed, hints, events },
  })
  return {
    deploy: (from = source) => ran(deployRelease({ ...options, source: from })),
    rollback: (target: RollbackTarget = { steps: 1 }) => ran(rollbackRelease({ ...options, target })),
    restart: () => ran(restartRelease(options)),
  }
}

const fleet = (count: number) => Array.from({ length: count }, (_, n) => HostModel.with(`web${n + 1}`, 2))
const asBefore = { current: id(2), running: [id(2)] }
const found = (host: HostModel) => ({ current: host.current, running: [...host.running] })

describe('a deploy to one host', () => {
  it('uploads, migrates, starts, gates, switches, verifies and drains, in three trips', async () => {
    const [host] = fleet(1) as [HostModel]
    const done = await runner([host]).deploy()
    expect(done).toMatchObject({ outcome: 'live', exitCode: 0, failed: {} })
    expect(host.recorder.trips).toBe(3)
    expect(host.did.filter(each => !/^(record|whole|)$/.test(each))).toEqual([
      ...['migrate', 'start_new', 'gate', 'switch_to_new', 'verify', 'found_good', 'end_others'],
    ])
    expect(found(host)).toEqual({ current: done.release, running: [done.release] })
  })

  it.each([
    ['migrate', 'step-migrate', 'failed'],
    ['start_new', 'step-start', 'failed'],
    ['gate', 'step-health', 'failed'],
    ['switch_to_new', 'step-switch', 'failed'],
    ['verify', 'step-verify', 'back'],
  ] as const)('leaves live what was where %s fails', async (step, code, outcome) => {
    const [host] = fleet(1) as [HostModel]
    host.harm[step] = 'fails'
    const done = await runner([host]).deploy()
    expect(done).toMatchObject({ outcome, exitCode: 1, failed: { web1: code } })
    expect(found(host)).toEqual(asBefore)
    expect(done.hints['web1']).toContain(id(2))
  })

  it.each(['migrate', 'start_new', 'gate', 'switch_to_new', 'verify'])(
    'goes back where its stage is killed in %s',
    async step => {
      const [host] = fleet(1) as [HostModel]
      host.harm[step] = 'is killed'
      const done = await runner([host]).deploy()
      expect(done).toMatchObject({ exitCode: 1, failed: { web1: 'stage-killed' } })
      expect(found(host)).toEqual(asBefore)
    },
  )

  it('goes back where its stage is killed between the switch and the verification', async () => {
    const [host] = fleet(1) as [HostModel]
    host.harm['switch_to_new'] = 'is killed after'
    expect(await runner([host]).deploy()).toMatchObject({ outcome: 'back', exitCode: 1 })
    expect(found(host)).toEqual(asBefore)
  })

  it.each(['found_good', 'end_others'])('goes on to its end where its stage is killed in %s', async step => {
    const [host] = fleet(1) as [HostModel]
    host.harm[step] = 'is killed'
    const deploying = runner([host]).deploy()
    const done = await deploying
    expect(done).toMatchObject({ outcome: 'live', exitCode: 0 })
    expect(host.current).toBe(done.release)
  })

  it.each(['migrate', 'gate', 'verify', 'found_good'])(
    'goes on over a new connection where the old one is lost in %s',
    async step => {
      const [host] = fleet(1) as [HostModel]
      host.harm[step] = 'loses the connection'
      const done = await runner([host]).deploy()
      expect(done).toMatchObject({ outcome: 'live', exitCode: 0, failed: {} })
      expect(found(host)).toEqual({ current: done.release, running: [done.release] })
    },
  )

  it('switches nothing once it was interrupted', async () => {
    const [host] = fleet(1) as [HostModel]
    const stop = new AbortController()
    stop.abort()
    expect(await runner([host], {}, stop).deploy()).toMatchObject({
      ...{ outcome: 'failed', exitCode: 1, failed: { web1: 'interrupted' } },
    })
    expect(found(host)).toEqual(asBefore)
  })
})

describe('a deploy to several hosts', () => {
  it('migrates on the first alone, and goes live on all', async () => {
    const hosts = fleet(3)
    const done = await runner(hosts).deploy()
    expect(done).toMatchObject({ outcome: 'live', exitCode: 0 })
    expect(hosts.map(({ did }) => did.includes('migrate'))).toEqual([true, false, false])
    expect(hosts.map(({ current }) => current)).toEqual([done.release, done.release, done.release])
  })

  it.each(['gate', 'verify'])('goes live on all though one connection breaks in %s', async step => {
    const hosts = fleet(3)
    const [, second] = hosts as [HostModel, HostModel]
    second.harm[step] = 'loses the connection'
    const done = await runner(hosts).deploy()
    expect(done).toMatchObject({ outcome: 'live', exitCode: 0, failed: {} })
    for (const host of hosts) expect(found(host)).toEqual({ current: done.release, running: [done.release] })
  })

  it.each(['start_new', 'gate'])('switches on none where %s fails on one', async step => {
    const hosts = fleet(3)
    const [, second] = hosts as [HostModel, HostModel]
    second.harm[step] = 'fails'
    const done = await runner(hosts).deploy()
    expect(done).toMatchObject({ outcome: 'failed', exitCode: 1 })
    expect(done.failed).toMatchObject({ web1: 'others-failed', web3: 'others-failed' })
    for (const host of hosts) {
      expect(found(host)).toEqual(asBefore)
      expect(host.did).not.toContain('switch_to_new')
    }
  })

  it.each<['fails' | 'is killed']>([['fails'], ['is killed']])(
    'goes back on all where verify %s on one',
    async harm => {
      const hosts = fleet(3)
      const [first] = hosts as [HostModel]
      first.harm['verify'] = harm
      const done = await runner(hosts).deploy()
      expect(done).toMatchObject({ outcome: 'back', exitCode: 1 })
      for (const host of hosts) expect(found(host)).toEqual(asBefore)
    },
  )

  it('one at a time goes back on those before where a later one fails', async () => {
    const hosts = fleet(3)
    const [, , third] = hosts as [HostModel, HostModel, HostModel]
    third.harm['verify'] = 'fails'
    expect(await runner(hosts, { serial: 1 }).deploy()).toMatchObject({ outcome: 'back', exitCode: 1 })
    for (const host of hosts) expect(host.current).toBe(id(2))
  })

  it('tells at each barrier that a host has done its part and waits for the others', async () => {
    const { events } = await runner(fleet(2)).deploy()
    const of = (name: string) =>
      events.flatMap(each => {
        if (each.event === 'waiting' && each.host === name) return ['waiting']
        return each.event === 'step' && each.host === name && each.state === 'begun' ? [each.step] : []
      })
    const after = ['start', 'health', 'waiting', 'switch', 'verify', 'waiting', 'good', 'drain', 'waiting']
    expect(of('web1')).toEqual(['waiting', 'upload', 'waiting', 'migrate', ...after])
    expect(of('web2')).toEqual(['waiting', 'upload', 'waiting', ...after])
  })

  it.each<[string, Partial<HostModel>]>([
    ['can’t be reached', { isDown: true }],
    ['can’t migrate', { harm: { migrate: 'fails' } }],
    ['can’t be started', { harm: { start_new: 'fails' } }],
  ])('tells of a host that %s that it waits for the others, too', async (_what, state) => {
    const hosts = fleet(2)
    const [first] = hosts as [HostModel]
    Object.assign(first, state)
    const { events } = await runner(hosts).deploy()
    const own = events.filter(each => 'host' in each && each.host === 'web1' && each.event !== 'failed')
    expect(own.at(-1)).toEqual({ event: 'waiting', host: 'web1' })
  })

  it.each([
    ['can’t be reached', { isDown: true }, 4],
    ['is locked', { isLocked: true }, 75],
  ] as const)('begins on none where one %s', async (_what, state, exitCode) => {
    const hosts = fleet(2)
    const [, second] = hosts as [HostModel, HostModel]
    Object.assign(second, state)
    expect(await runner(hosts).deploy()).toMatchObject({ outcome: 'failed', exitCode })
    for (const host of hosts) expect([found(host), host.did]).toEqual([asBefore, []])
  })
})

describe('the migrations of a deploy', () => {
  const folder = mkdtempSync(join(tmpdir(), 'capstan-migrations-'))
  afterAll(() => rmSync(folder, { recursive: true }))
  let count = 0
  /** Deploys a source whose page is new; tells how its migrations went, and on which hosts they ran. */
  const deploy = async (
    hosts: readonly HostModel[],
    [path, content]: readonly [string, string],
    other: Partial<AppSettings> = {},
  ) => {
    const from = join(folder, String(count++))
    mkdirSync(dirname(join(from, path)), { recursive: true })
    writeFileSync(join(from, path), content)
    writeFileSync(join(from, 'page.txt'), from)
    for (const host of hosts) host.did.length = 0
    const { outcome, events } = await runner(hosts, other).deploy(from)
    const steps = events.flatMap(each => (each.event === 'step' && each.step === 'migrate' ? [each] : []))
    const on = hosts.filter(({ did }) => did.includes('migrate')).map(({ name }) => name)
    return { outcome, told: steps.map(({ state, note }) => (note ? `${state}: ${note}` : state)), on }
  }
  const first = ['migrations/1.sql', 'a'] as const
  const ran = { outcome: 'live', told: ['begun', 'done'], on: ['web1'] }

  it('are skipped with a note as long as they are unchanged', async () => {
    const hosts = fleet(2)
    expect(await deploy(hosts, first)).toEqual(ran)
    const skipped = { outcome: 'live', told: ['done: unchanged, not run'], on: [] }
    expect(await deploy(hosts, first)).toEqual(skipped)
    expect(await deploy(hosts, first)).toEqual(skipped)
  })

  it.each<[string, readonly [string, string], Partial<AppSettings>]>([
    ['a file of theirs has changed', ['migrations/1.sql', 'b'], {}],
    ['one more file is among them', ['migrations/2.sql', 'a'], {}],
    ['the command has changed', first, { migrate: './migrate --all' }],
    ['the database has changed', first, { database: 'other' }],
  ])('run again where %s', async (_what, next, other) => {
    const hosts = fleet(1)
    expect(await deploy(hosts, first)).toEqual(ran)
    expect(await deploy(hosts, next, other)).toEqual(ran)
  })

  it('run again with any change where nothing says which files they are', async () => {
    const hosts = fleet(1)
    const django = ['shop/migrations/0001.py', 'a'] as const
    expect(await deploy(hosts, django)).toEqual(ran)
    expect(await deploy(hosts, django)).toEqual(ran)
  })

  it('run again where they failed', async () => {
    const [host] = fleet(1) as [HostModel]
    host.harm['migrate'] = 'fails'
    expect(await deploy([host], first)).toMatchObject({ outcome: 'failed', told: ['begun'] })
    delete host.harm['migrate']
    expect(await deploy([host], first)).toEqual(ran)
  })
})

describe('a rollback', () => {
  it('goes to the good release before, and migrates nothing', async () => {
    const [host] = fleet(1) as [HostModel]
    expect(await runner([host]).rollback()).toMatchObject({ outcome: 'live', release: id(1) })
    expect(found(host)).toEqual({ current: id(1), running: [id(1)] })
    expect(host.did).not.toContain('migrate')
  })

  it('skips a bad one, and says which are good where there is none', async () => {
    const [host] = fleet(1) as [HostModel]
    host.releases.set(id(1), 'bad')
    expect(await runner([host]).rollback()).toMatchObject({
      exitCode: 1,
      failed: { web1: 'no-such-release' },
    })
    expect(found(host)).toEqual(asBefore)
  })

  it('goes back to where it was where the older release is not healthy', async () => {
    const hosts = fleet(2)
    const [first] = hosts as [HostModel]
    first.harm['gate'] = 'fails'
    expect(await runner(hosts).rollback()).toMatchObject({ outcome: 'failed', exitCode: 1 })
    for (const host of hosts) expect(host.current).toBe(id(2))
  })
})

describe('a restart', () => {
  it('makes a copy of the live release live on all hosts', async () => {
    const hosts = fleet(2)
    const done = await runner(hosts).restart()
    expect(done).toMatchObject({ outcome: 'live', exitCode: 0 })
    expect(done.release).not.toBe(id(2))
    for (const host of hosts) expect(found(host)).toEqual({ current: done.release, running: [done.release] })
  })

  it('is refused where nothing is live', async () => {
    const host = new HostModel('web1')
    expect(await runner([host]).restart()).toMatchObject({ exitCode: 1, failed: { web1: 'nothing-live' } })
  })
})
