import { CapstanError } from '#engine/errors.ts'
import { sandboxPrepare } from '#engine/sandbox/sandbox.ts'
import { root } from './machine.ts'

/**
 * Makes engine and images ready once, before the clock of any test or hook runs: on a fresh machine apt and
 * mmdebstrap take minutes. Where that fails no test is run, and the cause is told once.
 */
export default async function setup(): Promise<void> {
  const progress = new Progress()
  try {
    await sandboxPrepare([12, 13], { root, say: line => progress.tell(line) })
  } catch (error) {
    throw error instanceof CapstanError ? readable(error) : error
  } finally {
    progress.end()
  }
}

/** What is done, and every half minute for how long. */
class Progress {
  readonly #begin = Date.now()
  readonly #timer = setInterval(() => this.#still(), 30_000)
  #last = 'looking for an engine'

  tell(line: string): void {
    this.#last = line.trim()
    process.stderr.write(`sandbox: ${line}\n`)
  }

  #still(): void {
    const seconds = Math.round((Date.now() - this.#begin) / 1000)
    process.stderr.write(`sandbox: still ${this.#last}, ${seconds} s so far\n`)
  }

  end(): void {
    clearInterval(this.#timer)
  }
}

/** With all its lines, and without a stack: vitest shows message and stack alone. */
function readable({ message, lines, hint }: CapstanError): Error {
  const error = new Error([message, ...lines, ...(hint === undefined ? [] : [`hint: ${hint}`])].join('\n  '))
  error.stack = `Error: ${error.message}`
  return error
}
