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
  /** Replaces the file with all events so far; returns why it could not. */
  write(): CapstanError | undefined
  /** Writes it for the last time. The run came to its end, or `signal` ended it. */
  end(signal?: NodeJS.Signals): CapstanError | undefined
}

/**
 * Creates the file, so that a path that can't be written ends the run before it begins: throws UsageError. The file
 * is replaced by rename(2), and only its owner can read it: it shows the configuration of hosts.
 */
export function openReport(path: string): Report {
  const target = targetOf(path)
  const run = collectRun()
  const start = Date.now()
  let end: 'end' | NodeJS.Signals | undefined

  function page(): string {
    const collected = run.collected()
    const told = headline(collected, end)
    const times = { began: new Date(start).toISOString(), ms: Date.now() - start }
    return reportHtml(told.text, reportJson(collected, told, times))
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

  try {
    replace(target, page())
  } catch (error) {
    if (!isSystemError(error)) throw error
    throw new UsageError('report', `--report: ${path} can’t be written: ${error.message}`, {
      hint: hintFor(error),
    })
  }
  const forget = atEnd(signal => {
    end ??= signal
    write()
  })

  return {
    on: event => run.on(event, Date.now() - start),
    write,
    end(signal) {
      end ??= signal ?? 'end'
      forget()
      return write()
    },
  }
}

/** The file to replace: where a link leads to. Throws UsageError for a folder, a device or a pipe. */
function targetOf(path: string): string {
  if (path === '') throw new UsageError('usage', '--report: expected the path of a file, got ""')
  const whole = resolve(path)
  try {
    const target = realpathSync(whole)
    if (lstatSync(target).isFile()) return target
  } catch {
    return whole
  }
  throw new UsageError(
    'report',
    `--report: expected the path of a file, got ${path}, which is something else`,
  )
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
