import { resolve } from 'node:path'
import { expect, it } from 'vitest'
import { siteIn } from '#engine/call-site.ts'

const root = resolve(import.meta.dirname, '..')
const frames = {
  engine: `    at Hosts.each (${root}/scripts/engine/script/hosts.ts:59:13)`,
  node: '    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)',
  library: `    at exec (${root}/node_modules/zx/build/core.cjs:528:7)`,
  native: '    at Function.from (<anonymous>)',
}
const others = Object.values(frames).join('\n')

it.each([
  ['a script of the project', `    at file://${root}/scripts/patch.mjs:7:25`, 'scripts/patch.mjs:7'],
  ['what a script awaits', `    at async file://${root}/scripts/patch.mjs:3:1`, 'scripts/patch.mjs:3'],
  ['a role', `    at Object.tasks (${root}/roles/nginx/role.ts:21:9)`, 'roles/nginx/role.ts:21'],
  ['a folder with a space', `    at run (${root}/my scripts/a.mjs:2:1)`, 'my scripts/a.mjs:2'],
])('The place in a stack is that in %s.', (_, frame, place) => {
  expect(siteIn(`Error: x\n${others}\n${frame}\n${others}`)).toBe(place)
})

it('A stack of the engine, of node and of libraries alone has none.', () => {
  expect(siteIn(`Error: x\n${others}`)).toBeUndefined()
})
