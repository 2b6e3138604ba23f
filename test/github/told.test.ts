import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { type FakeGithub, fakeGithub } from './fake-github.ts'

const script = resolve(import.meta.dirname, '../../scripts/github.mjs')
// Each row starts a process or six, a second each on a busy machine.
vi.setConfig({ testTimeout: 60_000 })

let github: FakeGithub
let folder: string

beforeEach(async () => {
  github = await fakeGithub()
  folder = mkdtempSync(join(tmpdir(), 'capstan-github-'))
})

afterEach(() => {
  github.close()
  rmSync(folder, { recursive: true, force: true })
})

/** Runs github.mjs with the words; a `FILE` among them holds the text. */
function run(args: readonly string[], text = '', more: Readonly<Record<string, string>> = {}) {
  const file = join(folder, 'summary.md')
  writeFileSync(file, text)
  const env = { PATH: process.env['PATH'], ...github.environment, ...more }
  const given = args.map(word => (word === 'FILE' ? file : word))
  return new Promise<{ code: number; said: string }>(done => {
    execFile(process.execPath, [script, ...given], { env }, (error, stdout, stderr) => {
      done({ code: error === null ? 0 : Number(error.code), said: stdout + stderr })
    })
  })
}

const comment = (text: string) => run(['comment', 'FILE'], text, { PULL_REQUEST: '7' })

it('keeps one comment on a pull request up to date, and leaves those of people alone', async () => {
  const person = { id: 1, body: '<!-- capstan: plan --> what is this?', user: { type: 'User' }, html_url: '' }
  github.items.set(7, { number: 7, body: '', state: 'open', comments: [person] })
  expect(await comment('3 changes')).toMatchObject({ code: 0 })
  expect(await comment('4 changes')).toMatchObject({ code: 0 })
  expect(await comment('4 changes')).toMatchObject({ code: 0 })
  const comments = github.items.get(7)?.comments ?? []
  expect(comments).toHaveLength(2)
  expect(comments[0]?.body).toContain('what is this?')
  expect(comments[1]?.body).toContain('4 changes')
  expect(github.writes).toHaveLength(2)
})

it('cuts a comment to what GitHub takes, with its fence and fold closed', async () => {
  await comment(`<details>\n\n\`\`\`diff\n${'+ line\n'.repeat(20_000)}\`\`\`\n</details>`)
  const body = github.items.get(7)?.comments[0]?.body ?? ''
  expect(body.length).toBeLessThan(65_536)
  expect(body.trimEnd()).toMatch(/```\n<\/details>$/)
})

it('opens one issue for drift, keeps it up to date, and closes it when all is as declared', async () => {
  await run(['drift', 'failure', 'FILE'], 'nginx.conf differs')
  await run(['drift', 'failure', 'FILE'], 'nginx.conf and app.env differ')
  const [issue] = github.items.values()
  expect(github.items.size).toBe(1)
  expect(issue).toMatchObject({ title: 'production is not as declared', state: 'open' })
  expect(issue?.body).toContain('nginx.conf and app.env differ')
  await run(['drift', 'success', 'FILE'])
  expect(issue?.state).toBe('closed')
  expect(await run(['drift', 'success', 'FILE'])).toEqual({ code: 0, said: 'production is as declared\n' })
  await run(['drift', 'failure', 'FILE'], 'again')
  expect(github.items.size).toBe(2)
})

it('keeps the issue of the health of hosts apart from that of drift', async () => {
  await run(['drift', 'failure', 'FILE'], 'nginx.conf differs')
  await run(['health', 'failure', 'FILE'], 'the disk is full')
  await run(['drift', 'success', 'FILE'])
  const [drift, health] = github.items.values()
  expect(drift?.state).toBe('closed')
  expect(health).toMatchObject({ title: 'production is unhealthy', state: 'open' })
  expect(health?.body).toContain('the disk is full')
  expect((await run(['health', 'success', 'FILE'])).said).toMatch(/closed: production is healthy again/)
})

it('says what GitHub said when it refuses, and never the token', async () => {
  const { code, said } = await run(['comment', 'FILE'], 'x', {
    PULL_REQUEST: '7',
    GITHUB_TOKEN: 'ghs_wrong_token_77',
  })
  expect(code).toBe(1)
  expect(said).toContain('answered 401')
  expect(said).not.toContain('ghs_wrong')
})

it.each([
  ['a number that is none', ['comment', 'FILE'], { PULL_REQUEST: '7; id' }],
  ['an outcome that is none', ['drift', 'maybe', 'FILE'], {}],
  ['no token', ['drift', 'success', 'FILE'], { GITHUB_TOKEN: '' }],
])('refuses %s before it speaks to GitHub', async (_what, args, more) => {
  expect(await run(args, '', more)).toMatchObject({ code: 2 })
  expect(github.writes).toEqual([])
})
