import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'
import { controls } from '../long/controls.ts'

const page = readFileSync(join(resolve(import.meta.dirname, '../..'), 'docs/security.md'), 'utf8')
const rows = page.split('\n').filter(line => line.startsWith('| ') && line.includes('by hand'))

it('names commands only for controls that a long test checks on a host.', () => {
  expect(rows.length).toBeGreaterThan(60)
  const ids = rows.map(row => /^\| ([\w.-]+)/.exec(row)?.[1] ?? row)
  // test/long/scanners.test.ts asks a name server from another host.
  expect(ids.filter(id => id !== 'DNS' && !(id in controls))).toEqual([])
})

it('has a row for each control that a long test checks.', () => {
  expect(Object.keys(controls).filter(id => !page.includes(`\n| ${id}`))).toEqual([])
})
