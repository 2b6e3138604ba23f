import type { Environment } from '#engine/output/printer.ts'

/**
 * Makes a line harmless for the GitHub runner, which obeys `::command::` after any leading space and
 * `##[command]` anywhere in a line, also where invisible characters lie between.
 * Source: actions/runner, src/Runner.Common/ActionCommand.cs
 */
export function withoutCommands(line: string): string {
  const harmless = line.replace(/#(\p{DI}*#\p{DI}*\[)/gu, '# $1')
  return /^[\s\p{DI}]*:\p{DI}*:/u.test(harmless) ? `|${harmless}` : harmless
}

/** A line as it can be printed: without commands where the GitHub runner reads it. */
export function harmless(line: string, env: Environment): string {
  return onActions(env) ? withoutCommands(line) : line
}

/** Whether what we print is read by the GitHub runner. */
export function onActions(env: Environment): boolean {
  return env['GITHUB_ACTIONS'] === 'true'
}
