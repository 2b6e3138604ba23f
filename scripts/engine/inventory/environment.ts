import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'dotenv'
import { UsageError } from '#engine/errors.ts'
import { runSync } from '#engine/program.ts'

/**
 * Looks names up in the environment, then in `.env` at the root, which is read when it is first needed and is
 * never put into the environment of this process. Throws UsageError where others may read `.env`, git has it,
 * or a value in it would be cut.
 */
export function environmentOf(
  root: string,
  environment: NodeJS.ProcessEnv,
): (name: string) => string | undefined {
  let file: Readonly<Record<string, string>> | undefined
  return name => {
    if (Object.hasOwn(environment, name)) return environment[name]
    file ??= readDotenv(root)
    return Object.hasOwn(file, name) ? file[name] : undefined
  }
}

/** The values of a .env text. Throws UsageError on a value without quotes that has a # in it. */
export function parseDotenv(text: string): Readonly<Record<string, string>> {
  const lines = text.split(/\r\n|\n|\r/)
  for (const [i, line] of lines.entries()) {
    // dotenv takes `a#b` for a with a comment; a comment that is meant has a space before it.
    const cut = /^\s*(?:export\s+)?([\w.-]+)\s*=\s*(?!["'`\s#])[^#]*[^#\s]#/.exec(line)
    if (cut === null) continue
    const message = `${cut[1]}: a # starts a comment in a value without quotes and would cut the value off`
    throw new UsageError('dotenv', `.env:${i + 1}: ${message}`, {
      hint: `Write ${cut[1]}='…'.`,
      where: '.env',
    })
  }
  return parse(text)
}

function readDotenv(root: string): Readonly<Record<string, string>> {
  const file = join(root, '.env')
  if (!existsSync(file)) return {}
  const mode = statSync(file).mode & 0o777
  if ((mode & 0o077) !== 0) {
    const message = `.env: expected mode 600, got ${mode.toString(8)}: others on this machine can read it`
    throw new UsageError('dotenv', message, { hint: 'Run: chmod 600 .env', where: '.env' })
  }
  if (isTracked(root)) {
    const hint = 'Run git rm --cached .env, and change every secret in it: they are in the git history.'
    throw new UsageError('dotenv', '.env: git tracks it, so everyone with a clone can read it', {
      hint,
      where: '.env',
    })
  }
  return parseDotenv(readFileSync(file, 'utf8'))
}

// Not tracked, not a repository, or git is not installed: in all three cases it is not published by git.
function isTracked(root: string): boolean {
  return runSync('git', ['ls-files', '--error-unmatch', '--', '.env'], { cwd: root, deadline: 20 }).code === 0
}
