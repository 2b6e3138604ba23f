import { inventoryCommand } from '#engine/inventory/command.ts'
import type { CommandInput } from './main.ts'

/** Runs scripts/inventory.mjs; gives its exit code. */
export function showInventory({ words, root, environment, stdout }: CommandInput): Promise<number> {
  return inventoryCommand(words, {
    ...{ root, environment },
    say: text => stdout.write(`${text}\n`),
    complain: text => process.stderr.write(`${text}\n`),
  })
}
