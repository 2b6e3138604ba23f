import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { UsageError } from '#engine/errors.ts'

const shown = '.capstan/secrets.json'

/**
 * Gives the secret of that name, made up (192 random bits) the first time and kept in .capstan/secrets.json,
 * which only its owner can read. Throws UsageError where that file is not what was written there.
 */
export function generatedSecrets(root: string): (name: string) => string {
  const folder = join(root, '.capstan')
  const file = join(folder, 'secrets.json')
  return name => {
    const kept = readKept(file)[name]
    if (kept !== undefined) return kept
    mkdirSync(folder, { recursive: true })
    // Also where another part of Capstan made it first.
    chmodSync(folder, 0o700)
    return locked(`${file}.lock`, () => {
      // Another process may have made it while this one waited.
      const now = readKept(file)
      const value = now[name] ?? randomBytes(24).toString('base64url')
      if (now[name] === undefined) write(file, `${JSON.stringify({ ...now, [name]: value }, null, 2)}\n`)
      return value
    })
  }
}

function readKept(file: string): Readonly<Record<string, string>> {
  const text = readIfThere(file)
  if (text === undefined) return {}
  const mode = statSync(file).mode & 0o777
  if ((mode & 0o077) !== 0) {
    const message = `${shown}: expected mode 600, got ${mode.toString(8)}: others on this machine can read it`
    throw new UsageError('generated-secrets', message, { hint: `Run: chmod 600 ${shown}`, where: shown })
  }
  const kept = parsed(text)
  if (kept === undefined) {
    const hint = `Delete it together with the sandbox (npx zx scripts/sandbox.mjs down). The next run generates new secrets.`
    throw new UsageError('generated-secrets', `${shown}: expected a map of texts`, { hint, where: shown })
  }
  return kept
}

function parsed(text: string): Readonly<Record<string, string>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    const isMap = typeof value === 'object' && value !== null && !Array.isArray(value)
    if (!isMap || !Object.values(value).every(each => typeof each === 'string')) return undefined
    return Object.assign(Object.create(null), value)
  } catch {
    return undefined
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

function write(file: string, text: string): void {
  const beside = `${file}.${process.pid}`
  const handle = openSync(beside, 'w', 0o600)
  writeSync(handle, text)
  fsyncSync(handle)
  closeSync(handle)
  renameSync(beside, file)
}

// The lock is held for a millisecond; one older than five seconds was left by a process that died.
function locked<T>(lock: string, work: () => T): T {
  for (;;) {
    try {
      closeSync(openSync(lock, 'wx', 0o600))
      break
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
      if (ageOf(lock) > 5_000) removeIfThere(lock)
      else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
    }
  }
  try {
    return work()
  } finally {
    removeIfThere(lock)
  }
}

function ageOf(file: string): number {
  return Date.now() - (statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? Date.now())
}

function removeIfThere(file: string): void {
  try {
    unlinkSync(file)
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
