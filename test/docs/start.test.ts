import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'

// test/long/tutorial.test.ts follows the tutorial on a host. This finds what the project has outgrown.
const root = resolve(import.meta.dirname, '../..')
const text = readFileSync(join(root, 'docs/start.md'), 'utf8')

it('The tutorial writes a role that the project does not have.', () => {
  const [, name = ''] = /^\*\*Its vars\*\*, `roles\/([a-z]+)\/vars\.ts`/m.exec(text) ?? []
  expect(name).not.toBe('')
  expect(existsSync(join(root, 'roles', name))).toBe(false)
})

it('The tutorial changes lines that scripts/site.mjs has.', () => {
  const diffs = [...text.matchAll(/^```diff\n([^`]*)```$/gm)].map(([, diff = '']) => diff)
  const removed = diffs.flatMap(diff => diff.split('\n')).filter(line => line.startsWith('-'))
  expect(removed).not.toEqual([])
  const lines = readFileSync(join(root, 'scripts/site.mjs'), 'utf8').split('\n')
  for (const line of removed) expect(lines).toContain(line.slice(1))
})
