import { CapstanError } from '#engine/errors.ts'
import { sandboxPrepare } from '#engine/sandbox/sandbox.ts'
import { root } from './machine.ts'

/**
 * Makes engine and images ready once, before the clock of any test or hook runs: on a fresh machine apt and
 * mmdebstrap take minutes. Where that fails no test is run, and the cause is told once.
 */
export default async function setup(): Promise<void> {
  const say = (line: string) => process.stderr.write(`sandbox: ${line}\n`)
  try {
    await sandboxPrepare([12, 13], { root, say })
  } catch (error) {
    if (!(error instanceof CapstanError)) throw error
    const told = new Error([error.message, ...error.lines, error.hint ?? ''].join('\n'))
    told.stack = ''
    throw told
  }
}
