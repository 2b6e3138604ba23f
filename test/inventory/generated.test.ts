import { execFile } from 'node:child_process'
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { generatedSecrets } from '#engine/inventory/generated.ts'
import { project, refusal } from './project.ts'

const shown = '.capstan/secrets.json'

test('A secret is made once, kept for the next run, and differs from others.', () => {
  const root = project({})
  const first = generatedSecrets(root)('A')
  expect(first).toMatch(/^[\w-]{32}$/)
  expect(generatedSecrets(root)('B')).not.toBe(first)
  expect(generatedSecrets(root)('A')).toBe(first)
  expect(Object.keys(JSON.parse(readFileSync(join(root, shown), 'utf8')))).toStrictEqual(['A', 'B'])
})

test('Only its owner can read it, and nothing else is left beside it.', () => {
  const root = project({})
  mkdirSync(join(root, '.capstan'), { mode: 0o755 })
  generatedSecrets(root)('A')
  expect(statSync(join(root, '.capstan')).mode & 0o777).toBe(0o700)
  expect(statSync(join(root, shown)).mode & 0o777).toBe(0o600)
  expect(readdirSync(join(root, '.capstan'))).toStrictEqual(['secrets.json'])
})

test('Processes that make the same secrets at the same time get the same values.', async () => {
  const root = project({})
  const script = `
    const { require } = await import('./scripts/typescript.mjs')
    const { generatedSecrets } = require('./engine/inventory/generated.ts')
    const secret = generatedSecrets(process.argv[1])
    console.log(['A', 'B', 'C', 'D'].map(secret).join(' '))`
  const runs = Array.from({ length: 4 }, () =>
    promisify(execFile)(process.execPath, ['--input-type=module', '-e', script, root], {
      cwd: resolve(import.meta.dirname, '../..'),
    }),
  )
  const outputs = (await Promise.all(runs)).map(({ stdout }) => stdout.trim())
  expect(outputs[0]?.split(' ')).toHaveLength(4)
  expect(new Set(outputs).size).toBe(1)
  expect(outputs[0]).toBe(['A', 'B', 'C', 'D'].map(generatedSecrets(root)).join(' '))
}, 30_000)

test('A lock that a dead process left is taken over.', () => {
  const root = project({ '.capstan/secrets.json.lock': '' })
  const then = new Date(Date.now() - 60_000)
  utimesSync(join(root, `${shown}.lock`), then, then)
  expect(generatedSecrets(root)('A')).toHaveLength(32)
})

test('A file that others can read is refused.', async () => {
  const root = project({ [shown]: '{"A":"hunter22"}' })
  chmodSync(join(root, shown), 0o644)
  expect(await refusal(() => generatedSecrets(root)('A'))).toStrictEqual([
    '.capstan/secrets.json: expected mode 600, got 644: others on this machine can read it',
  ])
})

test.each(['', '{', '[]', '"x"', 'null', '{"A":5}'])(
  'A file that holds %j is refused and left as it is.',
  async text => {
    const root = project({ [shown]: '' })
    writeFileSync(join(root, shown), text)
    expect(await refusal(() => generatedSecrets(root)('A'))).toStrictEqual([
      '.capstan/secrets.json: expected a map of texts',
    ])
    expect(readFileSync(join(root, shown), 'utf8')).toBe(text)
  },
)
