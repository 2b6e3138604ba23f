import { runSync } from '#engine/program.ts'

/** What git prints in a folder. No git, no repository, an unknown commit: in all three nothing is known, which is no error. */
export function git(cwd: string, args: readonly string[]): string | undefined {
  const { code, stdout } = runSync('git', args, { cwd, deadline: 60 })
  return code === 0 ? stdout : undefined
}
