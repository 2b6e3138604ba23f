import { execFile, execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { changesOf } from '#engine/github/changes.ts'
import { projectCopy } from '../command/project.ts'
import { type FakeGithub, fakeGithub } from './fake-github.ts'

const sites = [
  { name: 'shop', paths: ['apps/shop', 'lib'] },
  { name: 'blog', paths: ['apps/blog', 'lib'] },
  { name: 'shop-api', paths: ['apps/shop/api'] },
]

it.each([
  ['nothing', [], false, []],
  ['a file of one site', ['apps/shop/index.php'], false, ['shop']],
  ['a folder whose name begins alike', ['apps/shopping/index.php'], true, ['shop', 'blog', 'shop-api']],
  ['a site within the folder of another', ['apps/shop/api/main.py'], false, ['shop-api']],
  ['what two sites are made from', ['lib/mail.php'], false, ['shop', 'blog']],
  ['files of two sites', ['apps/blog/a', 'apps/shop/api/b'], false, ['blog', 'shop-api']],
  ['the inventory', ['inventory/production.yml'], false, ['shop', 'blog', 'shop-api']],
  ['a role', ['apps/shop/a', 'roles/nginx/role.ts'], true, ['shop', 'blog', 'shop-api']],
  ['a workflow', ['.github/workflows/deploy.yml'], true, ['shop', 'blog', 'shop-api']],
  ['anything else', ['notes.txt'], true, ['shop', 'blog', 'shop-api']],
])('%s: what is tested and deployed', (_what, changed, project, names) => {
  expect(changesOf(changed, sites)).toMatchObject({ project, sites: names })
})

it('A site that is the whole repository has all but the project’s own files.', () => {
  const whole = [{ name: 'shop', paths: [''] }]
  expect(changesOf(['index.html'], whole)).toMatchObject({ project: false, sites: ['shop'] })
  expect(changesOf(['scripts/site.mjs'], whole)).toMatchObject({ project: true })
  expect(changesOf(['package.json'], whole)).toMatchObject({ project: true })
})

const { copy, remove } = projectCopy()
let github: FakeGithub
beforeAll(async () => {
  github = await fakeGithub()
  const inventory = `hosts: { web1: { address: 203.0.113.10 } }
vars:
  mysql: { password: !secret DB_PASSWORD }
  site: { email: !env OWNER }
  sites:
    shop:
      domain: shop.example
      app: { release: { source: apps/shop, test: 'echo it sells; test ! -e apps/shop/broken' } }
    blog: { domain: blog.example, app: { release: { source: apps/blog } } }
`
  git('init', '--quiet', '--initial-branch=main')
  commit({ 'inventory/production.yml': inventory, 'apps/shop/a': '', 'apps/blog/a': '' })
})
afterAll(() => {
  github.close()
  remove()
})

function git(...args: string[]): string {
  const who = ['-c', 'user.name=octocat', '-c', 'user.email=octocat@foobar.com']
  return execFileSync('git', [...who, ...args], { cwd: copy })
    .toString()
    .trim()
}

/** Commits files, and gives the commit. */
function commit(files: Readonly<Record<string, string>>): string {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(copy, path)), { recursive: true })
    writeFileSync(join(copy, path), text)
  }
  git('add', '--all')
  git('commit', '--quiet', '--message', 'A change')
  return git('rev-parse', 'HEAD')
}

/** Runs a script of the copy as a step of deploy.yml does; gives its exit code and what it printed. */
function script(args: readonly string[], more: Readonly<Record<string, string>> = {}) {
  const env = {
    ...{ PATH: process.env['PATH'], ...github.environment, OWNER: 'owner@shop.example' },
    GITHUB_WORKFLOW_REF: 'octocat/foobar/.github/workflows/deploy.yml@refs/heads/main',
    ...{ GITHUB_REF_NAME: 'main', DEFAULT_BRANCH: 'main', ...more },
  }
  return new Promise<{ code: number; said: string }>(done => {
    execFile(process.execPath, args, { env, cwd: copy }, (error, stdout, stderr) => {
      done({ code: error === null ? 0 : Number(error.code), said: stdout + stderr })
    })
  })
}

const changes = (more: Readonly<Record<string, string>> = {}) =>
  script(['scripts/github.mjs', 'changes'], more)
const found = (project: boolean, names: string) =>
  expect.stringMatching(
    new RegExp(`::set-output name=project::${project}[\\s\\S]*::set-output name=sites::${names}$`, 'm'),
  )

it('A push is compared with the last run that succeeded, failed ones between them included.', async () => {
  const first = git('rev-parse', 'HEAD')
  const unknown = await changes()
  expect(unknown).toEqual({ code: 0, said: found(true, 'shop,blog') })
  expect(unknown.said).toContain('Everything is taken as changed.')

  github.good.push(first)
  commit({ 'apps/shop/a': 'new' })
  expect(await changes()).toEqual({ code: 0, said: found(false, 'shop') })
  commit({ 'apps/blog/a': 'new' })
  const both = await changes()
  expect(both).toEqual({ code: 0, said: found(false, 'shop,blog') })
  expect(both.said).toContain(`Compared with ${first.slice(0, 7)}, the last run of deploy.yml on main`)
  expect(both.said).toContain('  blog: apps/blog/a\n  shop: apps/shop/a\n')

  github.good.push(git('rev-parse', 'HEAD'))
  expect(await changes()).toEqual({ code: 0, said: found(false, '') })
})

it('Where GitHub refuses, or the commit is not in the history, everything is taken as changed.', async () => {
  const refused = await changes({ GITHUB_TOKEN: 'ghs_wrong_token_77' })
  expect(refused).toEqual({ code: 0, said: found(true, 'shop,blog') })
  expect(refused.said).toContain('answered 401')
  github.good.push('0'.repeat(40))
  expect(await changes()).toEqual({ code: 0, said: found(true, 'shop,blog') })
})

it('A pull request is compared with where it began.', async () => {
  const began = git('rev-parse', 'HEAD')
  commit({ 'apps/blog/b': '' })
  expect(await changes({ BASE: began })).toEqual({ code: 0, said: found(false, 'blog') })
})

it('test.mjs runs the tests of the sites that are named, without secrets.', async () => {
  const shop = await script(['scripts/test.mjs', '-i', 'production', '--site', 'shop'])
  expect(shop).toEqual({ code: 0, said: expect.stringMatching(/^shop: echo it sells.*\nit sells\n$/) })
  const all = await script(['scripts/test.mjs', '-i', 'production'])
  expect(all).toEqual({ code: 0, said: expect.stringContaining('blog: has no tests (app.release.test)') })
  writeFileSync(join(copy, 'apps/shop/broken'), '')
  const failed = await script(['scripts/test.mjs', '-i', 'production', '--site', 'shop,blog'])
  expect(failed).toEqual({ code: 1, said: expect.stringContaining('shop: failed with exit code 1') })
  const unknown = await script(['scripts/test.mjs', '-i', 'production', '--site', 'shop,blg'])
  expect(unknown).toEqual({ code: 2, said: expect.stringContaining('no host of all has the site blg') })
})
