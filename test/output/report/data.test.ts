import { describe, expect, test } from 'vitest'
import { HostError, UnreachableError } from '#engine/errors.ts'
import type { Difference, Event } from '#engine/output/events.ts'
import { hostStates, releaseOutcomes } from '#engine/output/report/data.ts'
import { headline, outcomes } from '#engine/output/report/headline.ts'
import { statuses } from '#engine/output/report/row.ts'
import { nginxConf, run } from '../record.ts'
import { fleetEvents } from './fleet.ts'
import { collected, jsonOf, pagePart, shown } from './page.ts'

const web1 = { host: 'web1' } as const
const apt = { role: 'nginx', where: 'roles/nginx/role.ts:9', resource: 'apt nginx', differences: [] } as const
const counts = { ok: 3, changed: 1, failed: 0, skipped: 0, unreachable: 0, trips: 3, seconds: 4.2 }
const ended = (hosts: Record<string, Partial<typeof counts>>): Event => ({
  event: 'recap',
  hosts: Object.fromEntries(Object.entries(hosts).map(([host, some]) => [host, { ...counts, ...some }])),
})

test('The page reads numbers as the words that the engine wrote.', async () => {
  const page = await pagePart('data.js')
  expect(page).toMatchObject({ outcomes, statuses, hostStates, releaseOutcomes })
})

describe('The rows of a report', () => {
  test('are one for each resource, with what changed and how long it took.', async () => {
    const { rows } = await shown([
      run,
      { event: 'ok', ...web1, role: 'base', resource: 'apt openssh-server' },
      { event: 'changing', ...web1, ...nginxConf },
      { event: 'output', ...web1, resource: nginxConf.resource, text: '10%\r100%\nwritten\n' },
      { event: 'changed', ...web1, ...nginxConf, seconds: 0.04 },
    ])
    const [changed, ok] = rows
    expect(rows).toHaveLength(2)
    expect(ok).toMatchObject({ host: 'web1', role: 'base', resource: 'apt openssh-server', status: 'ok' })
    const detail = { summary: 'mode 0644 → 0600, content', values: [['mode', '0644', '0600']] }
    const { role, resource, where } = nginxConf
    expect(changed).toMatchObject({
      host: 'web1',
      role,
      resource,
      where,
      status: 'changed',
      at: 2000,
      took: 40,
      detail,
    })
    expect(changed?.printed).toBe('10%\n100%\nwritten')
    expect(changed?.detail?.diffs).toEqual([
      [
        '@@ -1,4 +1,4 @@',
        ' user www-data;',
        ' http {',
        '-  server_tokens on;',
        '+  server_tokens off;',
        ' }',
      ].join('\n'),
    ])
  })

  test('show what a check would do, and what it cannot know.', async () => {
    const { rows } = await shown([
      { ...run, check: true },
      { event: 'planned', ...web1, ...nginxConf },
      { event: 'planned', ...web1, ...apt, resource: 'reload nginx', handler: true },
      {
        event: 'planned',
        ...web1,
        ...apt,
        resource: 'mysql user shop',
        unknown: 'mariadb is not installed yet',
      },
    ])
    expect(rows.map(({ status, why }) => [status, why])).toEqual([
      ['would change', ''],
      ['would run', ''],
      ['may change', 'mariadb is not installed yet'],
    ])
  })

  test('name the resource that failed, with its differences, and what was not come to.', async () => {
    const error = new HostError('step-failed', 'web1: nginx exited with 1', {
      where: 'roles/nginx/role.ts:12',
    })
    const { rows } = await shown([
      run,
      { event: 'changing', ...web1, ...nginxConf },
      {
        event: 'skipped',
        ...web1,
        role: 'tls',
        resource: 'certificate x',
        why: 'the run of this host ended earlier',
      },
      { event: 'failed', ...web1, error },
    ])
    const { resource } = nginxConf
    expect(rows[0]).toMatchObject({
      status: 'failed',
      role: 'nginx',
      resource,
      why: 'nginx exited with 1',
      took: 2000,
    })
    expect(rows[0]?.detail).toMatchObject({ summary: 'mode 0644 → 0600, content' })
    expect(rows[1]).toMatchObject({ status: 'skipped', why: 'the run of this host ended earlier' })
  })

  test('keep the differences of a file that the test of its config set refused.', async () => {
    const why = 'the run of this host ended earlier'
    const { rows } = await shown([
      run,
      { event: 'changing', ...web1, ...nginxConf },
      { event: 'skipped', ...web1, role: 'nginx', resource: nginxConf.resource, why },
      { event: 'failed', ...web1, error: new HostError('config-rejected', 'nginx -t ended with 1') },
    ])
    expect(rows.map(({ status, resource }) => [status, resource])).toEqual([
      ['incomplete', nginxConf.resource],
      ['failed', ''],
    ])
    expect(rows[0]?.detail?.diffs[0]).toContain('+  server_tokens off;')
  })

  test('are the steps of a release, by its app.', async () => {
    const { rows, releases } = await shown([
      { ...run, command: 'deploy' },
      { event: 'step', ...web1, step: 'upload', state: 'begun' },
      { event: 'step', ...web1, step: 'upload', state: 'done', seconds: 1, note: '12 files' },
      {
        event: 'release',
        app: 'shop',
        how: 'deploy',
        outcome: 'live',
        release: 'r1',
        url: 'https://shop.example/',
      },
    ])
    expect(rows[0]).toMatchObject({
      role: 'deploy shop',
      resource: 'upload',
      status: 'done',
      why: '12 files',
    })
    expect(releases).toMatchObject([{ app: 'shop', outcome: 'live', release: 'r1' }])
  })

  test('are shared by many hosts: 3,000 resources as declared take less than 50 kB.', async () => {
    const events = [...fleetEvents({ hosts: 30, resources: 100 })]
    const all = events.filter(({ event }) => event === 'ok' || event === 'changed')
    const { rows } = await shown(events)
    expect(rows.filter(({ status }) => status === 'ok' || status === 'changed')).toHaveLength(all.length)
    expect(jsonOf(events).length).toBeLessThan(50_000)
  })
})

describe('The hosts of a report', () => {
  test('have what they did in order, by role, and where it failed.', async () => {
    const { hosts } = await shown([
      run,
      { event: 'connected', ...web1, address: '127.0.0.1:22', seconds: 1 },
      { event: 'facts', ...web1, facts: { live: [] } },
      { event: 'probed', ...web1, resources: 9, pass: 1 },
      { event: 'changing', ...web1, ...apt },
      { event: 'changed', ...web1, ...apt, seconds: 1 },
      { event: 'changing', ...web1, ...nginxConf },
      { event: 'failed', ...web1, error: new HostError('step-failed', 'nginx exited with 1') },
    ])
    expect(hosts[0]?.spans).toEqual([
      { label: 'connect', from: 0, took: 1000, isFailed: false },
      { label: 'inspect', from: 1000, took: 2000, isFailed: false },
      { label: 'nginx', from: 4000, took: 1000, isFailed: false },
      { label: 'nginx', from: 6000, took: 1000, isFailed: true },
    ])
  })

  test('are as their recap has it, and not ended where there is none.', async () => {
    const error = new UnreachableError('unreachable-timeout', 'db1: no answer')
    const failed: Event = { event: 'failed', host: 'db1', error }
    const states = async (events: readonly Event[]) =>
      (await shown([run, ...events])).hosts.map(({ state, doing }) => [state, doing])
    const web = { web1: {}, db1: { changed: 0 } }
    expect(await states([ended(web)])).toEqual([
      ['changed', ''],
      ['ok', ''],
    ])
    expect(await states([failed])).toEqual([
      ['not ended', 'connecting'],
      ['unreachable', ''],
    ])
    expect(await states([ended({ web1: { failed: 1 }, db1: { unreachable: 1 } })])).toEqual([
      ['failed', ''],
      ['unreachable', ''],
    ])
  })
})

describe('What is too much for a page', () => {
  test('of output is left out, with a note.', async () => {
    const events = Array.from({ length: 80 }, (_, index): readonly Event[] => {
      const step = `step ${index}`
      const text = `${index} ${'x'.repeat(250)}\n`.repeat(30)
      return [
        { event: 'output', ...web1, resource: step, text },
        { event: 'step', ...web1, step, state: 'done', seconds: 0 },
      ]
    })
    const { rows } = await shown([run, ...events.flat()])
    expect(rows[0]?.printed?.split('\n')).toHaveLength(20)
    expect(rows.at(-1)?.printed).toMatch(/^\[left out: /)
    expect(jsonOf([run, ...events.flat()]).length).toBeLessThan(400_000)
  })

  test('of a host’s timeline is one span.', async () => {
    const { hosts } = await shown([
      run,
      ...Array.from({ length: 500 }, (_, index): Event => {
        return { event: 'step', ...web1, step: `step ${index}`, state: 'done', seconds: 1 }
      }),
    ])
    expect(hosts[0]?.spans).toHaveLength(300)
    expect(hosts[0]?.spans.at(-1)).toMatchObject({ from: 299_000, took: 201_000 })
  })
})

describe('A deploy of several sites', () => {
  test('is one report, in which the counts of a host are sums.', async () => {
    const { hosts } = await shown([run, ended({ web1: {} }), run, ended({ web1: {}, db1: {} })])
    expect(hosts).toMatchObject([
      { name: 'web1', ok: 6, changed: 2, trips: 6 },
      { name: 'db1', ok: 3, changed: 1 },
    ])
  })
})

describe('The title of a report', () => {
  const production: Event = { ...run, inventory: 'production' }
  const release = { event: 'release', app: 'shop', how: 'deploy', url: 'https://shop.example/' } as const
  const error = new HostError('step-health', 'web1: health failed')
  const failed: Event = { event: 'failed', ...web1, error }

  test.each<[string, string, readonly Event[], ('end' | NodeJS.Signals)?]>([
    ['site on production: 2 changes made', 'changed', [production, ended({ web1: {}, db1: {} })]],
    ['site on production: nothing changed', 'ok', [production, ended({ web1: { changed: 0 } })]],
    ['site: 1 change would be made', 'changed', [{ ...run, check: true }, ended({ web1: {} })]],
    ['site: 1 of 2 hosts failed', 'failed', [run, failed, ended({ web1: { failed: 1 } })]],
    ['site: 1 of 2 hosts is unreachable', 'failed', [run, ended({ db1: { unreachable: 1 } })]],
    ['site: failed', 'failed', [run, { event: 'failed', error }]],
    ['site: interrupted by SIGINT', 'stopped', [run, ended({ web1: {} })], 'SIGINT'],
    [
      'site: shop r1 is live',
      'ok',
      [run, { ...release, outcome: 'live', release: 'r1' }, ended({ web1: {} })],
    ],
    [
      'site: 1 of 2 hosts failed; back to r0',
      'failed',
      [
        run,
        failed,
        { ...release, outcome: 'back', release: 'r1', previous: 'r0' },
        ended({ web1: { failed: 1 } }),
      ],
    ],
  ])('is “%s”.', async (title, outcome, events, end = 'end') => {
    expect(await shown(events, end)).toMatchObject({ title, outcome })
  })

  test('says of a run that was killed that it has not ended.', () => {
    const { text, outcome } = headline(collected([run]), undefined)
    expect([text, outcome]).toEqual(['site: has not ended', 'stopped'])
  })
})

describe('Differences that are too much', () => {
  const change = (index: number, text: Difference['text']): Event => {
    const differences = [{ what: 'content', found: 'a', wanted: 'b', ...(text && { text }) }]
    return {
      event: 'changed',
      ...web1,
      ...nginxConf,
      resource: `file /etc/${index}`,
      differences,
      seconds: 0,
    }
  }

  test('of one file are cut, with a note.', async () => {
    const after = Array.from({ length: 1000 }, (_, index) => `line ${index}\n`).join('')
    const { rows } = await shown([run, change(0, { before: '', after })])
    const [diff = ''] = rows[0]?.detail?.diffs || []
    expect(diff.split('\n')).toHaveLength(401)
    expect(diff).toMatch(/\n\[\d+ more lines; --diff prints them\]$/)
  })

  test('in all are left out, with a note.', async () => {
    const text = (index: number) => ({ before: '', after: `${index}${'x'.repeat(300)}\n`.repeat(120) })
    const events = Array.from({ length: 60 }, (_, index) => change(index, text(index)))
    const json = jsonOf([run, ...events])
    expect(json.length).toBeLessThan(1_200_000)
    const { rows } = await shown([run, ...events])
    expect(rows.at(-1)?.detail && rows.at(-1)?.detail).toMatchObject({
      diffs: ['[left out: this report has as many differences as it can hold; --diff prints all]'],
    })
  })

  test('of secret and of binary files are named and not shown.', async () => {
    const { rows } = await shown([run, change(0, 'secret'), change(1, 'binary')])
    const diffs = rows.map(({ detail }) => detail?.diffs)
    expect(diffs).toEqual([['[secret content hidden]'], ['[binary differs]']])
  })
})
