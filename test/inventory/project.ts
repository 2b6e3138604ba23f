import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import { UsageError } from '#engine/errors.ts'
import { type Inventory, type InventoryOptions, loadInventory } from '#engine/inventory/inventory.ts'

/** A project on disk for one test (or, with `afterAll`, a file of them): each file by its path, mode 600. */
export function project(
  files: Readonly<Record<string, string>>,
  whenDone: (work: () => void) => void = onTestFinished,
): string {
  const root = mkdtempSync(join(tmpdir(), 'capstan-inventory-'))
  whenDone(() => rmSync(root, { recursive: true }))
  for (const [path, text] of Object.entries(files)) {
    const file = join(root, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
    chmodSync(file, 0o600)
  }
  return root
}

/** Loads `site` of that project, with the roles nginx and mysql and an empty environment unless told. */
export function load(root: string, options: Partial<InventoryOptions> = {}): Promise<Inventory> {
  return loadInventory({
    root,
    inventory: 'site',
    extraVars: [],
    roles: ['nginx', 'mysql'],
    environment: {},
    ...options,
  })
}

/** The lines of the UsageError that the work ends with. */
export async function refusal(work: () => unknown): Promise<readonly string[]> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    return error.lines.length > 0 ? error.lines : [error.message]
  }
  throw new Error('it was not refused')
}
