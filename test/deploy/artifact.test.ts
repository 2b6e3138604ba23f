import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { makeArtifact } from '#engine/command/artifact.ts'

const all = mkdtempSync(join(tmpdir(), 'capstan-artifact-'))
afterAll(() => rmSync(all, { recursive: true }))

let root: string
beforeEach(() => {
  root = mkdtempSync(join(all, 'a project-'))
  mkdirSync(join(root, 'dist/deploy'), { recursive: true })
})

const hook = (text: string, mode = 0o755) => {
  const file = join(root, 'dist/deploy/built')
  writeFileSync(file, `#!/bin/sh\n${text}\n`)
  chmodSync(file, mode)
}
const make = (given: { readonly build?: string; readonly ref?: string; readonly source?: string } = {}) =>
  makeArtifact({
    root,
    source: given.source ?? join(root, 'dist'),
    ref: given.ref,
    build: given.build,
    app: 'shop',
    say: () => {},
  })
const git = (...args: readonly string[]) =>
  execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', ...args], { cwd: root, stdio: 'pipe' })

describe('what is shipped', () => {
  it('has been built, and its hook was run in it after that, as the app', async () => {
    hook('cat made >seen; printf "%s %s" "$APP" "$PWD" >>seen')
    const { folder } = await make({ build: 'echo made >dist/made' })
    expect(readFileSync(join(folder, 'seen'), 'utf8')).toBe(`made\nshop ${join(root, 'dist')}`)
  })

  it('is of a commit, built and hooked outside the work tree, and told which', async () => {
    hook('printf %s "$REF" >seen')
    git('init', '-q')
    git('add', '-A')
    git('commit', '-qm', 'Say "hello"')
    writeFileSync(join(root, 'dist/later'), '')
    const { folder, ref, dispose } = await make({ ref: 'HEAD' })
    expect(ref).toMatch(/^[0-9a-f]{7,} Say "hello"$/)
    expect(readFileSync(join(folder, 'seen'), 'utf8')).toBe(ref)
    expect(existsSync(join(folder, 'later'))).toBe(false)
    expect(existsSync(join(root, 'dist/seen'))).toBe(false)
    await dispose()
    expect(existsSync(folder)).toBe(false)
  })

  it('is of no commit where it lies outside of every repository, built or not', async () => {
    const source = mkdtempSync(join(all, 'elsewhere-'))
    hook('true')
    git('init', '-q')
    git('add', '-A')
    git('commit', '-qm', 'Of Capstan')
    expect((await make({ source })).ref).toBeUndefined()
    const build = `echo made >'${source}/made'`
    const made = await make({ source, build })
    expect([made.ref, existsSync(join(source, 'made'))]).toEqual([undefined, true])
    await expect(make({ source, ref: 'HEAD' })).rejects.toMatchObject({ code: 'ref', exitCode: 2 })
  })

  it('is of its commit where a link leads to it', async () => {
    hook('true')
    git('init', '-q')
    git('add', '-A')
    git('commit', '-qm', 'Reached by a link')
    symlinkSync(root, `${root} link`)
    const { ref, folder } = await make({ source: join(`${root} link`, 'dist'), ref: 'HEAD' })
    expect(ref).toMatch(/ Reached by a link$/)
    expect(existsSync(join(folder, 'deploy/built'))).toBe(true)
  })

  it('is not shipped when the hook fails; one that can’t be run is no hook', async () => {
    hook('echo "the tests fail"; exit 3')
    await expect(make()).rejects.toMatchObject({
      code: 'build',
      message: expect.stringMatching(/^deploy\/built ended with 3: /),
      lines: ['the tests fail'],
      hint: 'Nothing was sent to any host.',
    })
    hook('exit 3', 0o644)
    await expect(make()).resolves.toMatchObject({ folder: join(root, 'dist') })
  })
})
