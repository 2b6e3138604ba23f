import { execFileSync } from 'node:child_process'
import { expect, it } from 'vitest'
import { buildCatalog } from '#engine/converge/catalog.ts'
import type { Resource, State } from '#engine/resources/resource.ts'
import { functions, type Worker, workers } from '#engine/resources/workers.ts'

const mail: Worker = { name: 'mail', scheduled: false }
const sweep: Worker = { name: 'sweep', scheduled: true }
const release = '20261122T200000Z-1111111'
const other = '20261122T210000Z-2222222'

function declared(all: readonly Worker[]): Resource {
  const catalog = buildCatalog()
  workers(catalog.role('app').declare)('shop', all)
  const [resource] = catalog.resources
  if (!resource) throw new Error('nothing was declared')
  return resource
}

/** What differs when a host answers with these lines. */
function differences(all: readonly Worker[], lines: readonly string[]): readonly string[] {
  const { kind, wanted } = declared(all)
  const [state] = kind.parse(Buffer.from([...lines, 'end\n'].join('\n')), [wanted])
  const { value } = state as Extract<State<unknown>, { known: true }>
  return kind.diff(wanted, value).map(({ what, found }) => `${what} ${found}`)
}

const templates = ['file shop.sweep@.timer', 'file shop.mail@.service', 'file shop.sweep@.service']
const live = `live releases/${release}`
const its = [`unit shop.mail@${release}.service active`, `unit shop.sweep@${release}.timer active`]

it.each([
  ['runs as it should', [mail, sweep], [live, ...templates, ...its], []],
  [
    'is at a job that its timer began',
    [mail, sweep],
    [live, ...templates, ...its, `unit shop.sweep@${release}.service active`],
    [],
  ],
  [
    'has to end what it is at before it starts again',
    [mail],
    [live, 'file shop.mail@.service', `unit shop.mail@${release}.service deactivating`],
    [],
  ],
  [
    'ends, being of a release before',
    [mail],
    [live, 'file shop.mail@.service', its[0], `unit shop.mail@${other}.service deactivating`],
    [],
  ],
  [
    'runs for a release that is not live',
    [mail],
    [live, 'file shop.mail@.service', its[0], `unit shop.mail@${other}.service active`],
    [`shop.mail@${other}.service active`],
  ],
  ['does not run', [mail, sweep], [live, ...templates, its[0]], [`shop.sweep@${release}.timer inactive`]],
  ['is not there yet', [mail], [live], [`shop.mail@${release}.service inactive`]],
  ['has no release yet', [mail, sweep], ['live ', ...templates], []],
  [
    'runs where nothing is live',
    [mail],
    ['live ', 'file shop.mail@.service', its[0]],
    [`shop.mail@${release}.service active`],
  ],
  ['is no more declared', [], [live, 'file shop.mail@.service', its[0]], ['shop.mail@.service there']],
  [
    'has a schedule no more',
    [mail, { ...sweep, scheduled: false }],
    [live, ...templates, ...its, `unit shop.sweep@${release}.service active`],
    ['shop.sweep@.timer there'],
  ],
] as const)('knows a worker that %s', (_title, all, lines, found) => {
  expect(
    differences(
      all,
      lines.map(line => line ?? ''),
    ),
  ).toEqual(found)
})

// Without a PATH every command that is not the shell's own is an error.
const alone = (script: string) =>
  execFileSync('/bin/sh', { input: `PATH=\n${script}`, stdio: 'pipe' }).toString()

it('starts no process for an app that has none', () => {
  const { kind, wanted } = declared([])
  expect(alone(kind.probe([wanted], { diff: false }))).toBe('end\n')
  expect(() => alone('set -e\nreadlink /')).toThrow()
  expect(
    alone(`${functions}APP=shop\nset -e\nworkers_follow\nworkers_restart jobs\n! has_workers && echo none`),
  ).toBe('none\n')
})
