import { describe, expect, it } from 'vitest'
import type { RoleDeclarations } from '#engine/converge/catalog.ts'
import { described, foreseen, type Plan, plan, transactions } from '#engine/converge/plan.ts'
import { compared } from '#engine/converge/probe.ts'
import type { Resource } from '#engine/resources/resource.ts'
import { catalogOf, type Given, type Host, probedOn } from './declared.ts'

type Roles = Readonly<Record<string, (role: RoleDeclarations & Given) => void>>

function planOf(roles: Roles, host: Host, pending: readonly string[] = [], done: readonly string[] = []) {
  const catalog = catalogOf(roles)
  const ran = new Set<Resource>(catalog.resources.filter(one => done.includes(one.label)))
  return plan(catalog, probedOn(catalog, host), new Set(pending), ran)
}

const steps = ({ stage }: Plan) => stage.map(step => described(step).resource)
const left = ({ rest }: Plan) => rest.map(({ resource }) => resource.label)

const web: Roles['web'] = ({ set, handler }) => {
  const reload = handler('reload', 'reload')
  set('a', '1', { notify: reload })
  set('b', '1')
  set('c', '1', { notify: reload })
}

describe('a plan', () => {
  it('is empty where the host is as declared', () => {
    const planned = planOf({ web }, { a: '1', b: '1', c: '1' })
    expect(planned).toMatchObject({ stage: [], rest: [] })
    expect(planned.ok.map(one => one.label)).toEqual(['value a', 'value b', 'value c'])
  })

  it('has what differs in the order of declaration, and a handler once, at the end of its role', () => {
    const app: Roles['app'] = ({ set }) => set('d', '1')
    expect(steps(planOf({ web, app }, { b: '1' }))).toEqual(['value a', 'value c', 'reload', 'value d'])
  })

  it('has no handler whose notifiers are as declared', () => {
    expect(steps(planOf({ web }, { a: '1', c: '1' }))).toEqual(['value b'])
  })

  it('has a handler that an earlier run owes, though nothing differs', () => {
    expect(steps(planOf({ web }, { a: '1', b: '1', c: '1' }, ['web/reload']))).toEqual(['reload'])
  })

  it('leaves alone what an earlier run owes for a role that this run does not have', () => {
    expect(planOf({ web }, { a: '1', b: '1', c: '1' }, ['tls/reload']).stage).toEqual([])
  })

  it('compares each resource once for all plans of a probe', () => {
    let count = 0
    const catalog = catalogOf({ web, app: ({ set }) => set('d', '1', { late: true }) })
    const probed = probedOn(catalog, { a: '2', d: '2' }).map(({ resource, state }) => {
      const { kind } = resource
      const diff: typeof kind.diff = (wanted, found) => {
        count += 1
        return kind.diff(wanted, found)
      }
      return compared({ ...resource, kind: { ...kind, diff } }, state)
    })
    for (let n = 0; n < 3; n++) foreseen(plan(catalog, probed, new Set(), new Set()))
    expect(count).toBe(catalog.resources.length)
  })

  it('runs handlers in the order in which they were declared, whoever notified first', () => {
    const role: Roles['web'] = ({ set, handler }) => {
      const first = handler('first', '')
      const second = handler('second', '')
      set('a', '1', { notify: [second] })
      set('b', '1', { notify: [first] })
    }
    expect(steps(planOf({ role }, {}))).toEqual(['value a', 'value b', 'first', 'second'])
  })

  it('ends its stage before the first unknown state, and keeps that role’s handlers for later', () => {
    const planned = planOf({ web, app: ({ set }) => set('d', '1') }, { b: undefined })
    expect(steps(planned)).toEqual(['value a'])
    expect(left(planned)).toEqual(['value b', 'value c', 'value d'])
  })

  it('runs the handlers of roles that come before the unknown one', () => {
    const planned = planOf({ web, app: ({ set }) => set('d', '1') }, { d: undefined })
    expect(steps(planned)).toEqual(['value a', 'value b', 'value c', 'reload'])
    expect(left(planned)).toEqual(['value d'])
  })

  it('leaves what is late to a stage of its own, as it may be as declared once the rest is', () => {
    const app: Roles['app'] = ({ set }) => set('release', '1', { late: true })
    const first = planOf({ app, web }, { b: '1', c: '1' })
    expect(steps(first)).toEqual(['value a', 'reload'])
    expect(left(first)).toEqual(['value release'])
    expect(foreseen(first).map(({ resource }) => resource)).toEqual(['value a', 'reload', 'value release'])
    const then = planOf({ app, web }, { a: '1', b: '1', c: '1' })
    expect(steps(then)).toEqual(['value release'])
    expect(left(then)).toEqual([])
  })

  it('takes for done what can’t be verified and ran already', () => {
    expect(steps(planOf({ web }, { a: '1', c: '1' }, [], ['value b']))).toEqual([])
  })
})

describe('what --check foresees', () => {
  it('tells what differs after an unknown state, and why that one is unknown', () => {
    const changes = foreseen(planOf({ web }, { a: '1', b: undefined, c: '2' }))
    expect(changes).toMatchObject([
      { resource: 'value b', differences: [], unknown: 'b is not there yet' },
      { resource: 'value c', differences: [{ what: 'value', found: '2', wanted: '1' }] },
    ])
  })

  it('tells a handler as one', () => {
    expect(foreseen(planOf({ web }, {})).at(-1)).toMatchObject({
      resource: 'reload',
      role: 'web',
      handler: true,
    })
  })
})

describe('neighbouring steps of a config set', () => {
  const sets: Roles['web'] = ({ set, configSet }) => {
    set('before', '1')
    configSet('one', { root: '/one', test: 'true' }, () => {
      set('/one/a', '1')
      set('/one/b', '1')
    })
    configSet('two', { root: '/two', test: 'true' }, () => set('/two/a', '1'))
    set('after', '1')
  }

  it('are one transaction, each set its own', () => {
    const groups = transactions(planOf({ sets }, {}).stage)
    expect(groups.map(({ set, steps }) => [set?.name, steps.length])).toEqual([
      [undefined, 1],
      ['one', 2],
      ['two', 1],
      [undefined, 1],
    ])
  })

  it('are left out as a whole where none differs', () => {
    const groups = transactions(planOf({ sets }, { '/one/a': '1', '/one/b': '1' }).stage)
    expect(groups.map(({ set }) => set?.name)).toEqual([undefined, 'two', undefined])
  })
})
