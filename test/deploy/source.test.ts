import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { readSource } from '#engine/deploy/source.ts'
import { UsageError } from '#engine/errors.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'capstan-é-source-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const write = (files: Readonly<Record<string, string>>) => {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
}
const paths = async (shared: readonly string[] = []) =>
  (await readSource(folder, shared)).manifest.map(
    ({ type, path }) => `${type} ${Buffer.from(path, 'latin1')}`,
  )
const refusal = async (shared: readonly string[] = []) => {
  const error = await readSource(folder, shared).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(UsageError)
  return (error as UsageError).lines.join('\n')
}

it('reads files, folders and links, sorted, by their bytes', async () => {
  write({ 'b.txt': 'b', 'a/é.txt': 'é' })
  mkdirSync(join(folder, 'empty'))
  symlinkSync('b.txt', join(folder, 'link'))
  chmodSync(join(folder, 'b.txt'), 0o711)
  const { manifest, bytes } = await readSource(folder, [])
  expect(manifest.map(({ type }) => type)).toEqual(['directory', 'file', 'file', 'directory', 'link'])
  expect(manifest.find(({ path }) => path === 'b.txt')).toMatchObject({ mode: 755, size: 1 })
  expect(bytes).toBe(3)
})

it('leaves out what .deployignore names, what is a person’s own, and never ships .git', async () => {
  write({
    '.deployignore': '*.log\n!/keep.log\nnode_modules/\n!.git\n',
    'x.log': '',
    'keep.log': '',
    'node_modules/a': '',
    a: 'a',
  })
  write({ '.git/HEAD': '', 'sub/.git': '', '.env': 'SECRET', '.env.example': '', '.DS_Store': '' })
  expect(await paths()).toEqual(['file .env.example', 'file a', 'file keep.log', 'directory sub'])
})

it('ships .env where .deployignore asks for it', async () => {
  write({ '.deployignore': '!.env', '.env': 'A=1' })
  expect(await paths()).toEqual(['file .env'])
})

it('puts a link in the place of a shared folder, and says what it leaves out there', async () => {
  write({ 'storage/mine': 'x', a: 'a' })
  const { manifest, notes } = await readSource(folder, ['storage'])
  expect(manifest).toContainEqual({ type: 'link', path: 'storage', target: '../../shared/storage' })
  expect(manifest.some(({ path }) => path.includes('mine'))).toBe(false)
  expect(notes.join()).toContain('storage is shared')
})

it('refuses, all at once, what no release may hold', async () => {
  write({ a: 'a', 'run/x': '', suid: '' })
  chmodSync(join(folder, 'suid'), 0o4755)
  mkdirSync(join(folder, '.capstan'))
  symlinkSync('/etc/passwd', join(folder, 'out'))
  execFileSync('sh', ['-c', 'mkfifo -- "$0"', join(folder, 'pipe')])
  const said = await refusal()
  for (const part of ['run:', 'suid: is setuid', '.capstan:', 'out →', 'pipe: is a named pipe'])
    expect(said).toContain(part)
})

it('refuses a folder with no file in it, and one that is not there', async () => {
  mkdirSync(join(folder, 'a'))
  await expect(readSource(folder, [])).rejects.toMatchObject({ code: 'source-empty' })
  await expect(readSource(join(folder, 'gone'), [])).rejects.toMatchObject({ code: 'source' })
})
