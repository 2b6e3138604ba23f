import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { projectCopy } from './project.ts'

const root = resolve(import.meta.dirname, '../..')
let project: ReturnType<typeof projectCopy>
const node = (...args: readonly string[]) =>
  spawnSync(process.execPath, args, { cwd: project.copy, encoding: 'utf8', env: { ...process.env, CI: '' } })
const read = (file: string) => readFileSync(join(project.copy, file), 'utf8')

beforeAll(() => {
  project = projectCopy()
})
afterAll(() => project.remove())

describe('new.mjs role', () => {
  it('creates a role that is formatted and documented', () => {
    const { stdout, stderr, status } = node('scripts/new.mjs', 'role', 'my-queue')
    expect([status, stderr]).toEqual([0, ''])
    expect(stdout.match(/^created {2}.*/gm)).toHaveLength(4)
    expect(stdout.match(/^changed {2}.*/gm)).toEqual([
      'changed  roles/index.ts',
      'changed  roles/index.mjs',
      'changed  docs/roles.md',
    ])
    expect(read('docs/roles.md')).toContain('\n## my-queue\n| var |')
    expect(read('roles/index.ts')).toContain("export { default as myQueue } from './my-queue/role.ts'\n")
    expect(read('roles/index.mjs')).toMatch(/const \{[^}]*\bdns, myQueue, mysql\b[^}]*\}/)
    const bin = (name: string) => join('node_modules/.bin', name)
    const run = (name: string, ...args: readonly string[]) =>
      execFileSync(bin(name), args, { cwd: project.copy, encoding: 'utf8', stdio: 'pipe' })
    run('biome', 'check', '--error-on-warnings', '--vcs-enabled=false', 'roles', 'test/roles')
  })

  it('takes its place in a play by its name', () => {
    writeFileSync(
      join(project.copy, 'scripts/mine.mjs'),
      "import { play, site } from '#capstan'\n\nawait site(play('all', ['my-queue']))\n",
    )
    expect(node('scripts/mine.mjs', '--list-tasks').stdout).toContain('template /etc/my-queue/my-queue.conf')
  })

  it.each([
    [['role', 'my-queue'], 'roles/my-queue exists'],
    [['role', 'site'], 'roles/site exists'],
    [['role', '../x'], 'expected a name of at most 32'],
    [['role', 'My'], 'expected a name of at most 32'],
    [['role'], 'expected the word role and a name'],
    [['rule', 'x'], 'expected the word role and a name'],
    [['role', 'a', 'b'], 'expected the word role and a name'],
  ])('refuses %j', (args, message) => {
    const { status, stderr } = node('scripts/new.mjs', ...args)
    expect([status, stderr]).toEqual([2, expect.stringContaining(message)])
  })
})

it('a role comes from an npm package, with its templates and vars', () => {
  const install = join(project.copy, 'node_modules/.package')
  const fixture = join(root, 'test/fixtures/packages/capstan-role-redis')
  execFileSync('npm', ['pack', '--silent', '--pack-destination', project.copy, fixture])
  // An installed package is no link into a project.
  execFileSync('sh', ['-c', `mkdir -p ${install} && tar -xzf capstan-role-redis-1.0.0.tgz -C ${install}`], {
    cwd: project.copy,
  })
  execFileSync('mv', [join(install, 'package'), join(project.copy, 'node_modules/capstan-role-redis')])
  writeFileSync(
    join(project.copy, 'scripts/cache.mjs'),
    "import { play, site } from '#capstan'\nimport { redis } from 'capstan-role-redis'\n\nawait site(play('all', [redis]))\n",
  )
  const listed = node('scripts/cache.mjs', '--list-tasks')
  expect(listed.stderr).toBe('')
  expect(listed.stdout).toBe(
    'web1\n  redis\n    apt redis-server\n    template /etc/redis/redis.conf\n    service redis-server\n    listens redis-server 6379/tcp\n',
  )
  const wrong = node('scripts/cache.mjs', '--list-tasks', '-e', 'redis.memory=much')
  expect([wrong.status, wrong.stderr]).toEqual([2, expect.stringContaining('expected a size such as')])
})
