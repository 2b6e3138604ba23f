import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '../..')

/** A copy of this project, with the packages that it has: for what writes to a project. */
export function projectCopy() {
  const copy = mkdtempSync(join(tmpdir(), 'capstan-project-'))
  for (const name of ['scripts', 'roles', 'inventory', 'docs', 'test', 'package.json'])
    cpSync(join(root, name), join(copy, name), { recursive: true })
  for (const name of ['biome.json', 'tsconfig.json', 'vitest.config.ts', 'knip.json', '.gitignore'])
    cpSync(join(root, name), join(copy, name))
  mkdirSync(join(copy, 'node_modules'))
  for (const name of readdirSync(join(root, 'node_modules')))
    if (name !== '.vite') symlinkSync(join(root, 'node_modules', name), join(copy, 'node_modules', name))
  return { copy, remove: () => rmSync(copy, { recursive: true, force: true }) }
}
