import { dirname, resolve } from 'node:path'
import { CapstanError, Interrupted } from '#engine/errors.ts'
import { tellThrown } from '#engine/github/thrown.ts'
import { onActions } from '#engine/output/actions.ts'
import { renderError } from '#engine/output/errors.ts'
import type { OutputStream } from '#engine/output/printer.ts'
import { mask } from '#engine/secret.ts'

/** What a command is given: the words behind the script's name, and the project's folder. */
export interface CommandInput {
  readonly words: readonly string[]
  readonly root: string
  readonly environment: NodeJS.ProcessEnv
  /** Where it prints. */
  readonly stdout: OutputStream
}

/**
 * Runs a script of scripts/ to its exit code, under node and under zx alike. An error with a cause that the
 * user can fix is printed to stderr and gives its own code; ^C gives 130; anything else is a bug, is printed with its
 * stack and gives 1.
 */
export async function main(
  meta: ImportMeta & { readonly filename: string },
  command: (input: CommandInput) => Promise<number>,
): Promise<void> {
  // `npx zx scripts/site.mjs …` leaves zx's own words before the script's name.
  const self = process.argv.findIndex(word => resolve(word) === meta.filename)
  const words = process.argv.slice(Math.max(self, 1) + 1)
  const root = dirname(dirname(meta.filename))
  const input = { words, root, environment: process.env, stdout: process.stdout }
  process.exitCode = await exitCodeOf(command, input, process.stderr)
}

/** The same as a function: gives the exit code, and ends nothing. */
export async function exitCodeOf(
  command: (input: CommandInput) => Promise<number>,
  input: CommandInput,
  stderr: OutputStream,
): Promise<number> {
  try {
    return await command(input)
  } catch (error) {
    if (error instanceof Interrupted) return error.exitCode
    stderr.write(`${mask(renderError(error, { columns: widthOf(stderr) }))}\n`)
    if (onActions(input.environment)) tellThrown(await import('@actions/core'), error, input.environment)
    return error instanceof CapstanError ? error.exitCode : 1
  }
}

function widthOf({ isTTY, columns }: OutputStream): number | undefined {
  // Some terminals have none, and say 0.
  return (isTTY && columns) || undefined
}
