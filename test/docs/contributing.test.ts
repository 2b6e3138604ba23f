import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { page, root } from './pages.ts'

const rows = page('CONTRIBUTING.md')
  .split('\n')
  .filter(line => /^\| [a-z][^|]* \| .*`(scripts|roles|test|docs)\//.test(line))
  .map(line =>
    line
      .split('|')
      .slice(1, 3)
      .map(cell => cell.trim()),
  )
  .map(([what = '', cell = '']) => ({
    what,
    files: [...cell.matchAll(/`([^`]+)`/g)].map(([, file = '']) => file),
  }))

it('CONTRIBUTING.md says what to touch for each of these.', () => {
  const named = ['role', 'resource kind', 'runtime for apps', 'flag for several commands', 'event', 'printer']
  const names = rows.map(({ what }) => what)
  expect(names).toEqual(expect.arrayContaining([...named, 'command']))
  expect(new Set(names).size).toBe(names.length)
})

// A name in angle brackets is one that a change adds: there is a file like it.
it.each(rows)('The files to touch for a new $what are there.', ({ files }) => {
  // The rest are commands.
  const paths = files.filter(file => file.includes('/') && !file.includes(' '))
  expect(paths).not.toEqual([])
  expect(paths.filter(path => !isThere(path))).toEqual([])
})

function isThere(path: string): boolean {
  if (!path.includes('<')) return existsSync(join(root, path))
  const parts = path.replace(/\/$/, '').split(/<[a-z]+>/)
  const pattern = new RegExp(`^${parts.map(part => part.replaceAll('.', '\\.')).join('[^/]+')}$`)
  const [folder = ''] = parts
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).some(name =>
    pattern.test(`${folder}${name}`),
  )
}
