import { readFileSync } from 'node:fs'
import type { Connection } from '#engine/connection/connection.ts'
import { quote, quoteAll } from '#engine/quote.ts'

/** Shell that runs a command as the live release of `app` runs; `pty`: in the terminal that the shell has. */
export function insideScript(app: string, io: 'pty' | 'pipe', command: readonly string[]): string {
  return `exec perl -e ${quote(program)} -- ${quoteAll([app, io, ...command])}\n`
}

/** A command of the user's: one word is a line of shell, several are a program and its arguments. */
export function asCommand(words: readonly string[]): readonly string[] {
  return words.length === 1 ? ['sh', '-c', words[0] ?? ''] : words
}

export interface Streams {
  readonly stdin: NodeJS.ReadableStream
  readonly stdout: NodeJS.WritableStream
  readonly stderr: NodeJS.WritableStream
}

/**
 * Runs a command of the live release with these streams, hands on INT and TERM of this process, and gives its exit code:
 * 128 and the signal's number where a signal ended it.
 */
export async function runInside(
  connection: Connection,
  app: string,
  command: readonly string[],
  { stdin, stdout, stderr }: Streams,
): Promise<number> {
  const child = await connection.start(insideScript(app, 'pipe', command), { shell: 'sh' })
  const handOn = (signal: NodeJS.Signals) => void child.kill(signal)
  const signals = ['SIGINT', 'SIGTERM'] as const
  for (const signal of signals) process.on(signal, handOn)
  // The command may end without reading all of its input.
  child.stdin.on('error', () => {})
  stdin.pipe(child.stdin)
  child.stdout.pipe(stdout, { end: false })
  child.stderr.pipe(stderr, { end: false })
  try {
    const { exitCode, signal } = await child.ended
    return exitCode ?? 128 + (signals.indexOf(`SIG${signal}` as 'SIGINT') === 0 ? 2 : 15)
  } finally {
    for (const signal of signals) process.off(signal, handOn)
    stdin.unpipe(child.stdin)
    stdin.pause()
  }
}

const program = readFileSync(new URL('inside.pl', import.meta.url), 'utf8')
