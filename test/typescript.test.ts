import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'

const folder = mkdtempSync(join(tmpdir(), 'capstan-typescript-'))
const file = join(folder, 'module.ts')
afterAll(() => rmSync(folder, { recursive: true }))

/** What a process of its own says that loads the module as scripts do. */
function load(): string {
  const script = `
    import { require } from './scripts/typescript.mjs'
    console.log(require(${JSON.stringify(file)}).say())`
  return execFileSync(process.execPath, ['--input-type=module', '-e', script]).toString()
}

it('A module is loaded as it is now, each time, and knows its own place.', () => {
  for (const word of ['one', 'two', 'two']) {
    const lines = [
      `const word: string = '${word}'`,
      'export const say = () => `${word} ${import.meta.filename}`',
    ]
    writeFileSync(file, lines.join('\n'))
    expect(load()).toBe(`${word} ${file}\n`)
  }
})

it('A module that is kept imports packages as one that is new does.', () => {
  const script = `
    import { require } from './scripts/typescript.mjs'
    const { openPrinter } = require('./engine/command/printer.ts')
    await openPrinter({ stream: process.stdout, verbosity: 0, diff: false })
    console.log('opened')`
  const env = { ...process.env, GITHUB_ACTIONS: 'true' }
  for (const _ of [1, 2])
    expect(
      execFileSync(process.execPath, ['--input-type=module', '-e', script], { env }).toString(),
    ).toContain('opened')
})

it('A stack names the line as it stands in the module.', () => {
  const lines = [
    '/** Its types and comments are gone when it runs. */',
    'interface Said {',
    '  readonly text: string',
    '}',
    '',
    "export const say = (): Said['text'] => new Error('here').stack ?? ''",
  ]
  writeFileSync(file, lines.join('\n'))
  expect(load()).toContain(`${file}:6:`)
})
