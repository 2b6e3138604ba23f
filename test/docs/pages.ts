import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

export const root = resolve(import.meta.dirname, '../..')

export interface Page {
  /** From the project's folder: `docs/start.md`. */
  readonly path: string
  readonly text: string
}

/** README, CONTRIBUTING, CHANGELOG and all of docs/. */
export const pages: readonly Page[] = [
  ...['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md'],
  ...readdirSync(join(root, 'docs'))
    .filter(name => name.endsWith('.md'))
    .map(name => `docs/${name}`),
].map(path => ({ path, text: readFileSync(join(root, path), 'utf8') }))

/** The text of one page. */
export function page(path: string): string {
  const found = pages.find(each => each.path === path)
  if (found === undefined) throw new Error(`there is no page ${path}`)
  return found.text
}

/** A page without its code blocks. */
export function prose(text: string): string {
  return text.replaceAll(/^ *```[\s\S]*?^ *```$/gm, '')
}

/** The commands that a person runs, by name: `site`, `deploy` … */
export const commands: readonly string[] = readdirSync(join(root, 'scripts'))
  .filter(name => name.endsWith('.mjs') && !['capstan.mjs', 'typescript.mjs'].includes(name))
  .map(name => name.replace('.mjs', ''))
