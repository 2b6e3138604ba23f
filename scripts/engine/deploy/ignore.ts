import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ignore from 'ignore'

/** Left out unless `.deployignore` asks for them with `!`: what belongs to a person's machine, not to a release. */
const always = ['.env', '.env.*', '!.env.example', '.DS_Store', '.svn', '.hg', '*.swp']

/** Whether a path below the folder is left out, by its `.deployignore`, which reads as `.gitignore` does. */
export function ignoreRules(folder: string): (path: string, isDirectory: boolean) => boolean {
  const rules = ignore({ allowRelativePaths: true }).add(always).add(readRules(folder))
  return (path, isDirectory) => rules.ignores(isDirectory ? `${path}/` : path)
}

function readRules(folder: string): string {
  try {
    return readFileSync(join(folder, '.deployignore'), 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return ''
    throw error
  }
}
