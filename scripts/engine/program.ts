import type { ChildProcess, ChildProcessWithoutNullStreams } from 'node:child_process'
import { quote } from './quote.ts'
import { zx, zxDefaults } from './zx.ts'

export interface Finished {
  /** Null: a signal ended it. 127: there is no such program. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface ProgramOptions {
  /** By default the current directory. */
  readonly cwd?: string
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>
  /** Seconds until it is killed; 120 by default. */
  readonly deadline?: number
}

export interface RunOptions extends ProgramOptions {
  /** What it reads on stdin; nothing by default. */
  readonly input?: string | Buffer
  /**
   * A file descriptor that stays open until the program has ended, so that a lock on it outlives this process. The
   * program inherits it as descriptor 3. A `detached` program does not: a shell around it holds it, so that a daemon
   * which the program leaves behind does not.
   */
  readonly hold?: number
  /** In a session of its own, so that a signal to this process group (Ctrl-C) lets it finish. */
  readonly detached?: boolean
  /** Called with each line of stderr as it comes. */
  readonly onLine?: (line: string) => void
}

/** Runs a program of this machine by zx's `$`, without its log. Never throws: a missing program ends with code 127. */
export async function run(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Finished> {
  const { input = '', hold, detached = false, onLine, deadline = 120 } = options
  const store = newStore()
  const isHeldByShell = detached && hold !== undefined
  const stdin = input.length === 0 ? 'ignore' : 'pipe'
  const promise = zx()({
    ...settings(options),
    ...(isHeldByShell ? { postfix: ' 3>&-; exit "$?"' } : { prefix: 'exec ' }),
    ...{ detached, store, stdio: [stdin, 'pipe', 'pipe', ...(hold === undefined ? [] : [hold])] },
    ...(input.length > 0 && { input: input as string }),
  })`${[program, ...args]}`
  const { child } = promise
  // A program may end without reading its input.
  child?.stdin?.on('error', () => {})
  if (onLine && child?.stderr) readLines(child.stderr, onLine)
  // zx's own timeout looks for the process by ps(1), which not every machine has.
  const timer = setTimeout(() => kill(child, detached), deadline * 1000)
  const { exitCode } = await promise.finally(() => clearTimeout(timer))
  return { code: exitCode, ...textOf(store) }
}

/** The same, while this process waits. */
export function runSync(program: string, args: readonly string[], options: ProgramOptions = {}): Finished {
  const store = newStore()
  const { spawnSync } = zxDefaults()
  const timeout = (options.deadline ?? 120) * 1000
  const { exitCode } = zx().sync({
    ...settings(options),
    ...{ prefix: 'exec ', store, stdio: ['ignore', 'pipe', 'pipe'] },
    spawnSync: ((file: string, args: readonly string[], given: object) =>
      spawnSync(file, args, { ...given, timeout, maxBuffer: 64 * 1024 * 1024 })) as typeof spawnSync,
  })`${[program, ...args]}`
  return { code: exitCode, ...textOf(store) }
}

/** Runs a program that has this terminal, and gives its exit code; 255 where a signal ended it. */
export async function runInTerminal(program: string, args: readonly string[]): Promise<number> {
  const promise = zx()({ ...settings({}), prefix: 'exec ', stdio: 'inherit' })`${[program, ...args]}`
  return (await promise).exitCode ?? 255
}

/** Starts a program whose streams are the caller's: zx's `$` would read and keep all that passes. */
export function start(
  program: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly detached?: boolean } = {},
): ChildProcessWithoutNullStreams {
  const { spawn } = zxDefaults()
  return spawn(program, args, options)
}

// All of them: a script may have set others for its own commands, and within a command of a host zx has the host's.
function settings({ cwd = process.cwd(), env }: ProgramOptions) {
  const { spawn, spawnSync } = zxDefaults()
  const ac = new AbortController()
  return {
    ...{ spawn, spawnSync, ac, signal: ac.signal, input: '', detached: false, halt: false },
    ...{
      cwd,
      env: { ...process.env, LC_ALL: 'C', ...env },
      shell: '/bin/sh',
      quote,
      prefix: '',
      postfix: '',
    },
    ...{ nothrow: true, quiet: true, verbose: false, log: () => {}, timeout: 0, preferLocal: false },
  }
}

interface Store {
  readonly stdout: Buffer[]
  readonly stderr: Buffer[]
  readonly stdall: Buffer[]
}

function newStore(): Store {
  return { stdout: [], stderr: [], stdall: [] }
}

// zx decodes each chunk by itself, and so breaks a character that lies in two.
function textOf({ stdout, stderr }: Store): Pick<Finished, 'stdout' | 'stderr'> {
  return { stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() }
}

/** A detached program is killed with all of its group. */
function kill(child: ChildProcess | undefined, detached: boolean): void {
  if (child?.pid === undefined) return
  try {
    process.kill(detached ? -child.pid : child.pid, 'SIGKILL')
  } catch {
    // It ended meanwhile.
  }
}

function readLines(stream: NodeJS.ReadableStream, onLine: (line: string) => void): void {
  let rest = ''
  stream.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split(/[\r\n]/)
    rest = lines.pop() ?? ''
    for (const line of lines) if (line !== '') onLine(line)
  })
}

/** The last lines of what a program printed, for an error. */
export function lastLines(text: string, count = 15): readonly string[] {
  return text.trimEnd().split('\n').slice(-count)
}
