import {
  closeSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { type Finished, run } from '#engine/program.ts'
import { CapstanError, UsageError } from '../errors.ts'

/**
 * Does `work` while no other process holds the lock on `path`; waits for one that does, and says so. The kernel
 * frees the lock when this process is gone and, with it, every child that was given the descriptor to hold.
 * Source: flock(1), which locks the open file that it inherits; where it is missing (macOS) nothing is locked.
 */
export async function withLock<T>(
  path: string,
  say: (line: string) => void,
  work: (descriptor: number) => Promise<T>,
): Promise<T> {
  for (;;) {
    const descriptor = openLock(path)
    try {
      await takeOrWait(descriptor, path, say)
      // `down` removes the file with all else: then this lock is on a file that nobody else will find.
      if (!isSameFile(descriptor, path)) continue
      ftruncateSync(descriptor)
      writeSync(descriptor, String(process.pid))
      return await work(descriptor)
    } catch (error) {
      throw explained(error, path)
    } finally {
      closeSync(descriptor)
    }
  }
}

function openLock(path: string): number {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    return openSync(path, 'a+', 0o600)
  } catch (error) {
    throw explained(error, path)
  }
}

/** A file of `.capstan` that another user owns is no bug: it says whose it may be, and what to do. */
function explained(error: unknown, lock: string): unknown {
  if (!isDenied(error) || !error.path?.startsWith(dirname(dirname(lock)))) return error
  return new UsageError(
    'sandbox-permission',
    `sandbox: ${error.path}: expected a file that you can write to`,
    {
      hint:
        'Another user, root most likely, ran Capstan here before. Take the sandbox down as that user ' +
        '(`npx zx scripts/sandbox.mjs down`), or give yourself the folder with `sudo chown -R`.',
      cause: error,
    },
  )
}

function isDenied(error: unknown): error is NodeJS.ErrnoException {
  return (
    error instanceof Error && 'code' in error && ['EACCES', 'EPERM', 'EROFS'].includes(String(error.code))
  )
}

async function takeOrWait(descriptor: number, path: string, say: (line: string) => void): Promise<void> {
  const first = await take(descriptor, ['-n'])
  if (first.code !== busy) return
  const owner = readFileSync(path, 'utf8').trim()
  say(`process ${owner} is using the same sandbox; waiting up to ${patience / 60} min`)
  const second = await take(descriptor, ['-w', String(patience)])
  if (second.code !== busy) return
  throw new CapstanError('sandbox-locked', `sandbox: process ${owner} still holds ${path}`, {
    hint: `Check it with \`ps -p ${owner}\`, end it, and run this again.`,
  })
}

const busy = 75
const patience = 1800

function take(descriptor: number, how: readonly string[]): Promise<Finished> {
  return run('flock', ['-x', '-E', String(busy), ...how, '3'], { hold: descriptor, deadline: patience + 60 })
}

function isSameFile(descriptor: number, path: string): boolean {
  const now = statSync(path, { throwIfNoEntry: false })
  return now !== undefined && now.ino === fstatSync(descriptor).ino
}
