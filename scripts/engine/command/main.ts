import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { CapstanError, Interrupted } from '#engine/errors.ts'
import { tellThrown } from '#engine/github/thrown.ts'
import { onActions } from '#engine/output/actions.ts'
import { renderError } from '#engine/output/errors.ts'
import type { OutputStream } from '#engine/output/printer.ts'
import { mask } from '#engine/secret.ts'

/** What a command is given: the words behind the script's name, and the project's folder. */
export interface CommandInput {
  readonly args: readonly string[]
  readonly root: string
  readonly environment: NodeJS.ProcessEnv
  /** Where it prints. */
  readonly stdout: OutputStream
}

/** The project's folder. */
export const projectRoot = resolve(import.meta.dirname, '../../..')

/**
 * Runs the command of a script to its exit code, under node and under zx alike. An error with a cause that the user can
 * fix is printed to stderr and gives its own code; ^C gives 130; anything else is a bug, is printed with its stack and
 * gives 1.
 */
export async function main(
  command: (input: CommandInput) => Promise<number>,
  root: string = projectRoot,
): Promise<void> {
  const { args } = scriptArguments()
  for (const stream of [process.stdout, process.stderr]) stream.on('error', outliveReader)
  const input = { args, root, environment: process.env, stdout: process.stdout }
  process.exitCode = await exitCodeOf(command, input, process.stderr)
}

// A reader that has seen enough, such as `head`, ends no run in the middle.
function outliveReader(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
}

/** The file of the script that runs, and the words behind its name: `npx zx scripts/site.mjs …` has zx's own before it. */
export function scriptArguments(): { readonly file: string; readonly args: readonly string[] } {
  const [, first = '', ...rest] = process.argv
  const isZx = /[\\/]zx[\\/]build[\\/]cli\.c?js$|[\\/]zx$/.test(first)
  const at = isZx ? rest.findIndex(word => !word.startsWith('-') && existsSync(word)) : -1
  if (at === -1) return { file: first, args: isZx ? [] : rest }
  return { file: resolve(rest[at] ?? ''), args: rest.slice(at + 1) }
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
