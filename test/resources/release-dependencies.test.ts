import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { installText } from '#engine/deploy/steps.ts'
import type { Install, ReleaseApp } from '#engine/resources/release/app.ts'
import { releaseShell } from '#engine/resources/release/script.ts'

const [first, second] = ['20261122T000000Z-1111111', '20261123T000000Z-2222222']
const install: Install = {
  command: 'npm ci',
  folders: ['node_modules'],
  files: ['package-lock.json', 'patches'],
}
let home: string
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'capstan-dependencies-'))
})
afterEach(() => rmSync(home, { recursive: true }))

interface Given {
  /** The files of the source, by their path: their content’s hash. */
  readonly source?: Readonly<Record<string, string>>
  readonly install?: Partial<Install>
  readonly environment?: string
}

/** A release that has been uploaded and configured. */
function uploaded(
  id: string,
  { source = { 'package-lock.json': 'a' }, environment = '', ...given }: Given = {},
) {
  const manifest = Object.entries(source).map(([path, hash]) => `f\t644\t${hash}\t1\t${path}\n`)
  put(`${id}/.capstan/manifest`, manifest.join(''))
  put(`${id}/.capstan/config/app.env`, environment)
  put(`${id}/.capstan/config/runtime`, 'node\n')
  put(`${id}/.capstan/install`, `${installText({ ...install, ...given.install })}\n`)
}

/** A release whose command has run. */
function installed(id: string, files: Readonly<Record<string, string>>, given: Given = {}) {
  uploaded(id, given)
  expect(prepare(id)).toBe('run\n')
  for (const [path, text] of Object.entries(files)) put(`${id}/${path}`, text)
  execFileSync('mv', ['dependencies.new', 'dependencies'], { cwd: join(home, 'releases', id, '.capstan') })
}

function put(path: string, text: string): string {
  const file = join(home, 'releases', path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
  return file
}

const read = (path: string) => readFileSync(join(home, 'releases', path), 'utf8')

function prepare(id: string): string {
  const app = { app: 'foobar', ca: '', warm: false } as ReleaseApp
  const shell = releaseShell(app, { release: id, ref: '', how: 'deploy' })
  return execFileSync('sh', ['-euc', `${shell}perl -e "$DEPENDENCIES" -- '${home}' ${id}\n`]).toString()
}

it('The command runs once for a release; a release with the same lock file gets the same files.', () => {
  installed(first, { 'node_modules/a/index.js': 'a' })
  expect(prepare(first)).toBe('unchanged, not run\n')
  uploaded(second, { source: { 'package-lock.json': 'a', 'server.js': 'other' } })
  expect(prepare(second)).toBe(`those of ${first}, which has the same\n`)
  const inode = (id: string) => statSync(join(home, 'releases', id, 'node_modules/a/index.js')).ino
  expect(inode(second)).toBe(inode(first))
  rmSync(join(home, 'releases', first), { recursive: true })
  expect(read(`${second}/node_modules/a/index.js`)).toBe('a')
  expect(prepare(second)).toBe('unchanged, not run\n')
})

it.each<[string, Given]>([
  ['another lock file', { source: { 'package-lock.json': 'b' } }],
  ['a file in a folder that is listed', { source: { 'package-lock.json': 'a', 'patches/a.diff': 'b' } }],
  ['another command', { install: { command: 'npm ci --omit=dev' } }],
  ['another folder', { install: { folders: ['node_modules', 'public/build'] } }],
  ['another version of the runtime', { environment: 'PATH=/opt/node-22.11.0/bin\n' }],
])('The command runs again with %s.', (_what, given) => {
  installed(first, { 'node_modules/a/index.js': 'a' })
  uploaded(second, given)
  expect(prepare(second)).toBe('run\n')
  expect(existsSync(join(home, 'releases', second, 'node_modules'))).toBe(false)
})

it('Without a lock file, any change of the source runs it again.', () => {
  installed(first, { 'node_modules/a/index.js': 'a' }, { source: { 'server.js': 'a' } })
  uploaded(second, { source: { 'server.js': 'b' } })
  expect(prepare(second)).toBe('run\n')
})

it('A killed command, or one whose folder is gone, runs again from scratch.', () => {
  uploaded(first)
  prepare(first)
  put(`${first}/node_modules/half`, '')
  expect(prepare(first)).toBe('run\n')
  expect(existsSync(join(home, 'releases', first, 'node_modules'))).toBe(false)
  installed(second, { 'node_modules/a/index.js': 'a' })
  rmSync(join(home, 'releases', second, 'node_modules'), { recursive: true })
  expect(prepare(second)).toBe('run\n')
})

it('A virtual environment is linked, with its own path in its programs.', () => {
  const at = (id: string) => `${home}/releases/${id}/venv`
  const modules = 'venv/lib/python3.11/site-packages/own.pth'
  const python = { folders: ['venv'], files: ['requirements.txt'] }
  const source = { 'requirements.txt': 'a' }
  const script = `#!${at(first)}/bin/python3\n# é\n`
  const files = {
    'venv/pyvenv.cfg': 'home = /usr/bin\n',
    'venv/bin/tool': script,
    'venv/lib/a.py': 'a',
    [modules]: `${at(first)}/../src\n`,
  }
  installed(first, files, { install: python, source })
  chmodSync(join(at(first), 'bin/tool'), 0o755)
  uploaded(second, { install: python, source })
  expect(prepare(second)).toBe(`those of ${first}, which has the same\n`)
  expect(read(`${second}/venv/bin/tool`)).toBe(`#!${at(second)}/bin/python3\n# é\n`)
  expect(statSync(join(at(second), 'bin/tool')).mode & 0o777).toBe(0o755)
  expect(read(`${second}/${modules}`)).toBe(`${at(second)}/../src\n`)
  expect(read(`${first}/venv/bin/tool`)).toBe(script)
  expect(statSync(join(at(second), 'lib/a.py')).ino).toBe(statSync(join(at(first), 'lib/a.py')).ino)
})
