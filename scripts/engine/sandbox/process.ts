import { type ChildProcess, spawn } from 'node:child_process'

export interface Finished {
  /** Absence means that a signal ended it. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly input?: string | Buffer
  readonly env?: Readonly<Record<string, string>>
  /** Seconds until it is killed; two minutes where absent. */
  readonly deadline?: number
  /**
   * A file descriptor that is open until the program has ended: a lock outlives us by it. The program has it as
   * its fourth; where it is `detached` a shell around it has it, so that a daemon that it leaves has it not.
   */
  readonly hold?: number
  /** In a session of its own, so that a signal to our process group (Ctrl-C) lets it finish. */
  readonly detached?: boolean
  /** Told each line of stderr as it comes. */
  readonly onLine?: (line: string) => void
}

/** Runs a program of this machine and gives how it ended; a missing program ends with code 127. Never throws. */
export function run(program: string, words: readonly string[], options: RunOptions = {}): Promise<Finished> {
  return new Promise(resolve => {
    const { detached = false, hold } = options
    const [file, args] = detached && hold !== undefined ? heldByShell(program, words) : [program, words]
    const child = spawn(file, args, {
      stdio: ['pipe', 'pipe', 'pipe', ...(hold === undefined ? [] : [hold])],
      env: { ...process.env, LC_ALL: 'C', ...options.env },
      detached,
    })
    const out: Buffer[] = []
    const err: Buffer[] = []
    const late = setTimeout(() => kill(child, detached), (options.deadline ?? 120) * 1000)
    const settle = (code: number | null, more = '') => {
      clearTimeout(late)
      const [stdout, stderr] = [out, err].map(chunks => Buffer.concat(chunks).toString())
      resolve({ code, stdout: stdout ?? '', stderr: (stderr ?? '') + more })
    }
    child.on('error', error => settle(127, `${program}: ${error.message}`))
    child.on('close', code => settle(code))
    child.stdout?.on('data', (chunk: Buffer) => out.push(chunk))
    child.stderr?.on('data', (chunk: Buffer) => err.push(chunk))
    if (options.onLine !== undefined && child.stderr !== null) tellLines(child.stderr, options.onLine)
    child.stdin?.on('error', () => undefined)
    child.stdin?.end(options.input ?? '')
  })
}

/** The shell stays for as long as the program runs: `exec` in its place would close what it is to hold. */
function heldByShell(program: string, words: readonly string[]): [string, readonly string[]] {
  return ['sh', ['-c', '"$@" 3>&-; exit "$?"', 'sh', program, ...words]]
}

/** A detached one with all of its group. */
function kill({ pid }: ChildProcess, detached: boolean): void {
  if (pid === undefined) return
  try {
    process.kill(detached ? -pid : pid, 'SIGKILL')
  } catch {
    // It ended meanwhile.
  }
}

/** The last lines of what a program said, for an error. */
export function lastLines(text: string, count = 15): readonly string[] {
  return text.trimEnd().split('\n').slice(-count)
}

function tellLines(stream: NodeJS.ReadableStream, tell: (line: string) => void): void {
  let rest = ''
  stream.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split(/[\r\n]/)
    rest = lines.pop() ?? ''
    for (const line of lines) if (line !== '') tell(line)
  })
}
