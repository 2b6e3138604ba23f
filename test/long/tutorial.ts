import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { root } from '../sandbox/machine.ts'

/** A block of docs/start.md: its language, its text, and the last file that the words before it name. */
interface Block {
  readonly language: string
  readonly text: string
  readonly file: string | undefined
}

/** The blocks of the sections whose titles begin with these numbers. */
export function tutorial(sections: readonly number[]): readonly Block[] {
  const page = readFileSync(join(root, 'docs/start.md'), 'utf8')
  return page
    .split(/^## /m)
    .filter(section => sections.includes(Number.parseInt(section, 10)))
    .flatMap(section => {
      const parts = section.split(/^```(.*)\n([\s\S]*?)^```$/m)
      const blocks: Block[] = []
      for (let at = 0; at + 2 < parts.length; at += 3) {
        const named = [...(parts[at] ?? '').matchAll(/`([\w./-]+\/[\w./-]*\.\w+)`/g)]
        blocks.push({ language: parts[at + 1] ?? '', text: parts[at + 2] ?? '', file: named.at(-1)?.[1] })
      }
      return blocks
    })
}

/** A copy of the project as it is here, with the packages of this one. */
export function copyOfProject(): string {
  const below = join(root, '.capstan')
  mkdirSync(below, { recursive: true, mode: 0o700 })
  const copy = mkdtempSync(join(below, 'tutorial-'))
  const listed = execFileSync('git', ['ls-files', '-coz', '--exclude-standard'], { cwd: root }).toString()
  for (const file of listed.split('\0').filter(Boolean)) {
    try {
      cpSync(join(root, file), join(copy, file))
    } catch (error) {
      // It is deleted here and not yet in git.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  execFileSync('git', ['init', '-q'], { cwd: copy })
  return copy
}

/** Does to the copy what a block says: a file is written, a diff applied, vars put into an inventory. */
export function follow(copy: string, block: Block): void {
  const { file } = block
  if (file === undefined) throw new Error(`no file is named before:\n${block.text}`)
  const path = join(copy, file.endsWith('.ejs') ? join('roles/dumps/templates', file) : file)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, changed(path, block))
}

function changed(path: string, { language, text }: Block): string {
  if (language === 'diff') return patched(readFileSync(path, 'utf8'), text)
  if (language === 'yaml') return readFileSync(path, 'utf8').replace(/^vars:\n/m, `$&${text}`)
  return text
}

/** Throws where a line that the diff takes away is not there. */
function patched(text: string, diff: string): string {
  const lines = (sign: string) =>
    diff.split('\n').flatMap(line => (line.startsWith(sign) ? [`${line.slice(1)}\n`] : []))
  const before = lines('-').join('')
  if (!text.includes(before)) throw new Error(`the tutorial changes lines that are not there:\n${before}`)
  return text.replace(before, () => lines('+').join(''))
}
