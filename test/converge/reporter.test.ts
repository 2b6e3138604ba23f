import { describe, expect, it } from 'vitest'
import { described, plan } from '#engine/converge/plan.ts'
import { ConvergeReporter } from '#engine/converge/reporter.ts'
import type { Mark } from '#engine/host/marks.ts'
import type { Event } from '#engine/output/events.ts'
import { catalogOf, probedOn } from './declared.ts'

const catalog = catalogOf({
  web: ({ set, configSet, handler }) => {
    const reload = handler('reload', 'reload')
    set('a', '1')
    configSet('config', { root: '/etc/x', test: 'x -t', notify: reload }, () => {
      set('/etc/x/a', '1')
      set('/etc/x/b', '1')
    })
  },
})
// Steps: 0 a, 1 /etc/x/a, 2 /etc/x/b, 3 reload; groups: 0 a, 1 config, 2 reload.
const { stage } = plan(catalog, probedOn(catalog, {}), new Set(), new Set())

function told(...marks: Mark[]) {
  const events: Event[] = []
  const reporter = new ConvergeReporter('web1', stage, 'run-1', event => events.push(event))
  for (const mark of marks) reporter.on(mark)
  const error = reporter.ending()
  return {
    emitted: events,
    events: events.map(event => ('resource' in event ? `${event.event} ${event.resource}` : event.event)),
    done: reporter.done.map(step => described(step).resource),
    error,
    failed: reporter.failed && described(reporter.failed).resource,
  }
}

const step = (index: number, code = 0): Mark[] => [
  { word: 'begin', index },
  { word: 'end', index, code },
]
const text = (said: string): Mark => ({ word: 'text', text: said })

describe('the report of a stage', () => {
  it('reports members of a set as changed once it is installed', () => {
    const report = told(
      ...[...step(0), ...step(1), ...step(2)],
      { word: 'tested', index: 1, code: 0, on: 'copy' },
      { word: 'installed', index: 1 },
      ...step(3),
      { word: 'done', code: 0 },
    )
    expect(report.events).toEqual([
      ...['changing value a', 'changed value a', 'changing value /etc/x/a', 'changing value /etc/x/b'],
      ...['changed value /etc/x/a', 'changed value /etc/x/b', 'changing reload', 'changed reload'],
    ])
    expect(report).toMatchObject({
      done: ['value a', 'value /etc/x/a', 'value /etc/x/b', 'reload'],
      error: undefined,
    })
  })

  it.each([
    ['copy', 'Nothing in /etc/x was changed'],
    ['place', 'Everything in /etc/x was restored'],
  ] as const)(
    'has a set’s test on a %s fail with the tester’s words and what would have changed',
    (on, hint) => {
      const { done, error } = told(
        ...[...step(1), ...step(2), text('x: unknown word\n')],
        { word: 'tested', index: 1, code: 7, on },
        { word: 'before', index: 1, code: 0 },
        { word: 'done', code: 1 },
      )
      expect(done).toEqual([])
      expect(error).toMatchObject({
        code: 'config-rejected',
        message: 'web1: config: `x -t` ended with 7',
        where: expect.stringMatching(/^test\/converge\/\S+\.ts:\d+ \(role web\)$/),
        lines: [
          'x: unknown word',
          expect.stringContaining('would have changed: value /etc/x/a'),
          expect.stringContaining('would have changed: value /etc/x/b'),
        ],
        hint: expect.stringContaining(hint),
      })
    },
  )

  it.each([
    [1, /broken before this run, or the test is wrong: .* test in test\/converge\/\S+\.ts:\d+/],
    [127, /^The test itself can’t run\. Fix the test of the set in test\/converge\/\S+\.ts:\d+/],
  ])('blames the host’s files or the test where both fail it, with %i', (code, hint) => {
    const { error } = told(
      { word: 'tested', index: 1, code, on: 'copy' },
      { word: 'before', index: 1, code },
      { word: 'done', code: 1 },
    )
    expect(error?.hint).toMatch(hint)
  })

  it.each([
    [0, /were restored, and the handler succeeded with them/],
    [1, /were restored, but the handler fails with them too/],
  ])('takes back what a handler’s failure put back, which ran again with %s', (code, hint) => {
    const { done, error, failed, events } = told(
      ...[...step(0), ...step(1), ...step(2)],
      { word: 'tested', index: 1, code: 0, on: 'copy' },
      { word: 'installed', index: 1 },
      ...[{ word: 'begin', index: 3 } as const, text('port is taken\n')],
      { word: 'putback', index: 1 },
      { word: 'again', index: 3, code },
      { word: 'end', index: 3, code: 1 },
      { word: 'done', code: 1 },
    )
    expect(done).toEqual(['value a'])
    expect(failed).toBe('reload')
    expect(events).toContain('warning')
    expect(error).toMatchObject({
      code: 'step-failed',
      message: 'web1: handler “reload” ended with 1',
      lines: ['port is taken'],
      hint: expect.stringMatching(hint),
    })
  })

  it('says that a handler stays pending where nothing was put back', () => {
    expect(told(...step(3, 1), { word: 'done', code: 1 }).error?.hint).toMatch(/The handler stays pending/)
  })

  it('ends with the step that failed and its last lines', () => {
    const { error, failed } = told(
      { word: 'begin', index: 0 },
      ...Array.from({ length: 20 }, (_, line) => text(`line ${line}\n`)),
      { word: 'end', index: 0, code: 100 },
      { word: 'done', code: 100 },
    )
    expect(failed).toBe('value a')
    expect(error).toMatchObject({
      message: 'web1: value a ended with 100',
      where: expect.stringContaining('(role web)'),
    })
    expect(error?.lines).toEqual(Array.from({ length: 12 }, (_, line) => `line ${line + 8}`))
  })

  it('keeps the end alone of what a step floods its log with', () => {
    const { error } = told(
      { word: 'begin', index: 0 },
      ...Array.from({ length: 100 }, () => text('x'.repeat(65_536))),
      text('\nthe end\n'),
      { word: 'end', index: 0, code: 1 },
    )
    expect(error?.lines.at(-1)).toBe('the end')
    expect(error?.lines.join('').length).toBeLessThan(20_000)
  })

  it('tells how far apt is by events, and keeps its status lines out of output and errors', () => {
    const { emitted, error } = told(
      ...[text('pmstatus:none:1:Before any step\n'), { word: 'begin', index: 0 } as const],
      text('Selecting hello.\ndlstatus:1:7.5:Retrieving hello\npmsta'),
      text('tus:hello:40.0000:Unpacking hello (amd64)\nSetting up hello ...\npm'),
      { word: 'end', index: 0, code: 100 },
    )
    const of = (kind: Event['event']) => emitted.filter(({ event }) => event === kind)
    const working = { event: 'working', host: 'web1', resource: 'value a' }
    expect(of('working')).toEqual([
      { ...working, doing: 'Retrieving hello', percent: 7.5 },
      { ...working, doing: 'Unpacking hello (amd64)', percent: 40 },
    ])
    const printed = of('output').map(each => ('text' in each ? each.text : ''))
    expect(printed.join('')).toBe('Selecting hello.\nSetting up hello ...\npm')
    expect(error?.lines).toEqual(['Selecting hello.', 'Setting up hello ...', 'pm'])
  })

  it('knows a stage that was killed, and at what', () => {
    const { error, failed } = told(...step(0), { word: 'begin', index: 1 }, text('half a '))
    expect(failed).toBe('value /etc/x/a')
    expect(error).toMatchObject({
      code: 'stage-killed',
      message: 'web1: the run was ended on the host during value /etc/x/a',
      lines: ['half a'],
      hint: expect.stringContaining('/var/lib/capstan/runs/run-1/log'),
    })
  })

  it('knows one that ended because it was told to', () => {
    const { error, done } = told(...step(0), { word: 'stopped' }, { word: 'done', code: 0 })
    expect(done).toEqual(['value a'])
    expect(error?.code).toBe('interrupted')
  })

  it('knows a set that could not be tried', () => {
    const { error } = told(
      text('/etc/x: no such directory\n'),
      { word: 'refused', index: 1 },
      { word: 'done', code: 1 },
    )
    expect(error).toMatchObject({ code: 'set-refused', lines: ['/etc/x: no such directory'] })
  })
})
