import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildCatalog } from '#engine/converge/catalog.ts'
import { declarations } from '#engine/converge/declarations.ts'
import type { Resource } from '#engine/resources/resource.ts'

export type Nouns = ReturnType<typeof declarations>

const directory = join(import.meta.dirname, '../fixtures/roles/declared')

/** What tasks declare in a role whose folder is test/fixtures/roles/declared. */
export function declared(tasks: (nouns: Nouns) => void): readonly Resource[] {
  const catalog = buildCatalog()
  tasks(declarations(catalog.role('declared'), { directory }))
  return catalog.resources
}

/** The text of the only file that tasks declare, or of the one at a path that ends so. */
export function contentOf(tasks: (nouns: Nouns) => void, end = ''): string {
  const wanted = declared(tasks).map(
    one => one.wanted as { readonly path?: string; readonly content?: Buffer },
  )
  return wanted.find(one => one.path?.endsWith(end))?.content?.toString() ?? ''
}

/** Shell functions that steps run with. */
export const prelude = readFileSync('scripts/engine/resources/prelude.sh', 'utf8')
