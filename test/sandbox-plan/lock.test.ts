import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const typescript = JSON.stringify(join(import.meta.dirname, '../../scripts/typescript.mjs'))

/** What comes of work under the lock, for a user who may not write everything. */
function locked(prepare: string, work: string): string {
  // Root may write everywhere.
  const become = process.getuid?.() === 0 ? 'process.setgid(1234); process.setuid(1234)' : ''
  const script = `
    const { require } = await import(${typescript})
    const { withLock } = require('./engine/sandbox/lock.ts')
    const { chmodSync, mkdirSync, mkdtempSync, rmSync } = await import('node:fs')
    // All modules are loaded by then: another user may not read this clone.
    const warm = mkdtempSync('/tmp/capstan-lock-')
    await withLock(warm + '/lock', () => {}, async () => {})
    rmSync(warm, { recursive: true })
    ${become}
    const clone = mkdtempSync('/tmp/capstan-lock-')
    const sandbox = clone + '/.capstan/sandbox'
    mkdirSync(sandbox + '/hosts', { recursive: true })
    ${prepare}
    try {
      await withLock(sandbox + '/lock', () => {}, async () => { ${work} })
    } catch (error) {
      console.log(error.code, error.message.replace(clone, ''))
    }
    for (const each of ['', '/hosts']) chmodSync(sandbox + each, 0o700)
    rmSync(clone, { recursive: true })`
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module'], { input: script })
  return stdout.toString() + stderr.toString()
}

test.each([
  ['the lock', 'chmodSync(sandbox, 0o500)', '', '/.capstan/sandbox/lock'],
  [
    'what lies beside it',
    "chmodSync(sandbox + '/hosts', 0o500)",
    "mkdirSync(sandbox + '/hosts/web1')",
    '/.capstan/sandbox/hosts/web1',
  ],
])('the error about another user’s file says what to do: %s', (_what, prepare, work, path) => {
  expect(locked(prepare, work)).toBe(
    `sandbox-permission sandbox: ${path}: expected a file that you can write to\n`,
  )
})

test('what is elsewhere is not', () => {
  expect(locked('', "mkdirSync('/proc/none')")).toMatch(/^EN?(ACCES|OENT|PERM) /)
})
