import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'

// test/long/tutorial.test.ts follows the tutorial on a host. This finds what the project has outgrown, also for a reader who has
// followed it.
const root = resolve(import.meta.dirname, '../..')
const text = readFileSync(join(root, 'docs/start.md'), 'utf8')
const [, diff = ''] = /^```diff\n([^`]*)```$/m.exec(text) ?? []
const lines = (sign: string) =>
  diff
    .split('\n')
    .filter(line => line.startsWith(sign))
    .map(line => line.slice(1))

it('The tutorial adds a role that the play did not have.', () => {
  const [, name = ''] = /^\*\*Its vars\*\*, `roles\/([a-z]+)\/vars\.ts`/m.exec(text) ?? []
  expect(lines('+').join('\n')).toContain(`'${name}'`)
  expect(lines('-').join('\n')).not.toContain(`'${name}'`)
})

it('The tutorial changes the play as scripts/site.mjs has it.', () => {
  const script = readFileSync(join(root, 'scripts/site.mjs'), 'utf8').split('\n')
  const [before, after] = [lines('-'), lines('+')]
  expect(before).toHaveLength(1)
  expect([...before, ...after].filter(line => script.includes(line))).toHaveLength(1)
})
