import { execFileSync } from 'node:child_process'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { projectCopy } from '../command/project.ts'

let project: ReturnType<typeof projectCopy>
beforeAll(() => {
  project = projectCopy()
})
afterAll(() => project.remove())

// A short name and a long one: lines break elsewhere.
it.each(['mq', 'a-role-with-a-name-of-32-letters'])('npm run check passes with a new role %s', name => {
  const run = (file: string, ...args: readonly string[]) =>
    execFileSync(file, args, { cwd: project.copy, encoding: 'utf8', stdio: 'pipe' })
  const bin = 'node_modules/.bin'
  run(process.execPath, 'scripts/new.mjs', 'role', name)
  run(`${bin}/biome`, 'check', '--error-on-warnings', '--vcs-enabled=false', 'roles', 'test', 'scripts')
  run(`${bin}/tsc`)
  run(`${bin}/knip`)
  expect(run(`${bin}/vitest`, 'run', '--project', 'unit', `test/roles/${name}.test.ts`, 'test/docs')).toMatch(
    /Test Files .*passed/,
  )
})
