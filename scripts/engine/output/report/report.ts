import {
  closeSync,
  fsyncSync,
  lstatSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { CapstanError, UsageError } from '#engine/errors.ts'
import { atEnd } from '../end.ts'
import type { Event } from '../events.ts'
import { collectRun } from './collect.ts'
import { reportJson } from './data.ts'
import { headline } from './headline.ts'
import { reportHtml } from './html.ts'

/** A page with what happens in a run. It is also written when a signal, an error or process.exit ends the process. */
export interface Report {
  on(event: Event): void
  /** Writes the file for the last time, after the run or `signal` ended it. Returns the error of a failed write. */
  end(signal?: NodeJS.Signals): CapstanError | undefined
}

/**
 * Creates the file, so that a path that can't be written ends the run before it begins: throws UsageError. The file
 * is replaced by rename(2), and only its owner can read it: it shows the configuration of hosts.
 */
export function openReport(path: string): Report {
  const target = refusing(path, () => targetOf(path))
  const run = collectRun()
  const start = Date.now()
  let end: 'end' | NodeJS.Signals | undefined

  function page(): string {
    const collected = run.collected()
    const heading = headline(collected, end)
    const times = { began: new Date(start).toISOString(), ms: Date.now() - start }
    return reportHtml(heading.text, reportJson(collected, heading, times))
  }

  function write(): CapstanError | undefined {
    try {
      replace(target, page())
      return undefined
    } catch (error) {
      if (!isSystemError(error)) throw error
      return new CapstanError('report', `${path}: the report could not be written: ${error.message}`)
    }
  }

  refusing(path, () => replace(target, page()))
  const forget = atEnd(signal => {
    end ??= signal
    write()
  })

  return {
    on: event => run.on(event, Date.now() - start),
    end(signal) {
      end ??= signal ?? 'end'
      forget()
      return write()
    },
  }
}

function refusing<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (!isSystemError(error)) throw error
    throw new UsageError('report', `--report: ${path} can’t be written: ${error.message}`, {
      hint: hintFor(error),
    })
  }
}

/** The file to replace: where a link leads to. Throws UsageError for a folder, a device, a pipe, or a link to nothing. */
function targetOf(path: string): string {
  if (path === '') throw new UsageError('usage', '--report: expected the path of a file, got ""')
  const whole = resolve(path)
  const found = lstatSync(whole, { throwIfNoEntry: false })
  if (found === undefined) return whole
  const target = found.isSymbolicLink() ? targetOfLink(whole) : whole
  if (target !== undefined && lstatSync(target).isFile()) return target
  const what = target === undefined ? 'a link to nothing' : 'not a file'
  throw new UsageError('report', `--report: expected the path of a file, got ${path}, which is ${what}`)
}

function targetOfLink(path: string): string | undefined {
  try {
    return realpathSync(path)
  } catch {
    return undefined
  }
}

function replace(path: string, text: string): void {
  const beside = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`)
  try {
    rmSync(beside, { force: true })
    const file = openSync(beside, 'wx', 0o600)
    try {
      writeFileSync(file, text)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    renameSync(beside, path)
  } catch (error) {
    rmSync(beside, { force: true })
    throw error
  }
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error
}

function hintFor({ code }: NodeJS.ErrnoException): string {
  return code === 'ENOENT'
    ? 'Nothing was contacted. Create the folder first, then run this again.'
    : 'Nothing was contacted. Name a file that you can write.'
}
