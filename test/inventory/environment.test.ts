import { execFileSync } from 'node:child_process'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { environmentOf, parseDotenv } from '#engine/inventory/environment.ts'
import { project, refusal } from './project.ts'

describe('.env', () => {
  const lines: readonly [string, Readonly<Record<string, string>>][] = [
    ['A=plain', { A: 'plain' }],
    ['export A=plain', { A: 'plain' }],
    ['A=\'it # is $(id) `id` ${B} "x"\'', { A: 'it # is $(id) `id` ${B} "x"' }],
    ['A="two\\nlines"', { A: 'two\nlines' }],
    ['A=plain # a comment', { A: 'plain' }],
    ['# A=comment#ed\nB=', { B: '' }],
    ['A=# nothing', { A: '' }],
  ]
  test.each(lines)('%s', (text, values) => {
    expect(parseDotenv(text)).toStrictEqual(values)
  })

  test('A value that dotenv would cut at a # is refused, without showing it.', async () => {
    expect(await refusal(() => parseDotenv('B=1\nDB_PASSWORD=abc#def\n'))).toStrictEqual([
      '.env:2: DB_PASSWORD: a # starts a comment in a value without quotes and would cut the value off',
    ])
  })

  test('What is written in single quotes is read as it was, whatever it holds but a quote.', () => {
    const word = fc.string({ unit: 'grapheme' }).filter(text => !/['\r\\]/.test(text))
    fc.assert(
      fc.property(word, value => {
        expect(parseDotenv(`A='${value}'\n`)).toStrictEqual({ A: value })
      }),
    )
  })

  test('It is not read while the environment has what is asked for.', () => {
    const root = project({ '.env': 'A=file\n' })
    chmodSync(join(root, '.env'), 0o644)
    expect(environmentOf(root, { A: 'set' })('A')).toBe('set')
  })

  test('A name that neither has is undefined, one of an object’s own properties too.', () => {
    const root = project({ '.env': 'A=file\n' })
    const look = environmentOf(root, {})
    expect([look('A'), look('B'), look('toString')]).toStrictEqual(['file', undefined, undefined])
    expect(environmentOf(project({}), {})('A')).toBeUndefined()
  })

  test.each([0o640, 0o604, 0o660])('Mode %i is refused: others could read it.', async mode => {
    const root = project({ '.env': 'A=file\n' })
    chmodSync(join(root, '.env'), mode)
    expect(await refusal(() => environmentOf(root, {})('A'))).toStrictEqual([
      `.env: expected mode 600, got ${mode.toString(8)}: others on this machine can read it`,
    ])
  })

  test('One that git has is refused; one that git merely sees is not.', async () => {
    const root = project({ '.env': 'A=file\n' })
    const git = (...args: readonly string[]) => execFileSync('git', args, { cwd: root, stdio: 'ignore' })
    git('init')
    expect(environmentOf(root, {})('A')).toBe('file')
    git('add', '.env')
    expect(await refusal(() => environmentOf(root, {})('A'))).toStrictEqual([
      '.env: git tracks it, so everyone with a clone can read it',
    ])
  })
})
