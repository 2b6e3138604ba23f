import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

// Shell and perl run on the host, where neither the compiler nor the linter of this project sees them.
const root = resolve(import.meta.dirname, '..')
const files = ['scripts/engine', 'roles'].flatMap(folder =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map(name => join(folder, name)),
)
const ending = (end: string) => files.filter(file => file.endsWith(end) && !file.includes('/examples/'))

function check(command: string, ...args: readonly string[]) {
  const { error, status, stdout, stderr } = spawnSync(command, args, { cwd: root, encoding: 'utf8' })
  if (error) throw error
  return { status, text: `${stdout}${stderr}` }
}

describe('shell', () => {
  it.each(ending('.sh'))('%s is read by dash and by bash', file => {
    for (const [shell, ...args] of [['dash'], ['bash', '--posix']] as const)
      expect(check(shell, ...args, '-n', file)).toEqual({ status: 0, text: '' })
  })

  // Each file is a part of a script: it uses variables of others, and sets some for them.
  const ofParts = ['SC2034', 'SC2154', 'SC2120', 'SC1007', 'SC1010', 'SC2174'].join()
  it.runIf(spawnSync('shellcheck', ['--version']).status === 0)(
    'has nothing that shellcheck warns of',
    () => {
      const { text } = check(
        'shellcheck',
        '--shell=dash',
        '--severity=warning',
        `--exclude=${ofParts}`,
        ...ending('.sh'),
      )
      expect(text).toBe('')
    },
  )
})

describe('perl', () => {
  it.each(ending('.pl'))('%s compiles, with strict', file => {
    expect(check('perl', '-Mstrict', '-c', file)).toEqual({ status: 0, text: `${file} syntax OK\n` })
  })
})
