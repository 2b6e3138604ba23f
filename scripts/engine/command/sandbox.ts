import { loadInventory } from '#engine/inventory/inventory.ts'
import { roleNames } from '#engine/inventory/roles.ts'
import { parseSandboxCommand, runSandboxCommand } from '#engine/sandbox/command-line.ts'
import type { SandboxRequest } from '#engine/sandbox/sandbox.ts'
import type { CommandInput } from './main.ts'

/** Runs scripts/sandbox.mjs; gives 0, or with `ssh` what the command on the host gave. */
export function sandboxCommand({ words, root, environment, stdout }: CommandInput): Promise<number> {
  const say = (line: string) => stdout.write(`${line}\n`)
  return runSandboxCommand(parseSandboxCommand(words), {
    root,
    say,
    declared: () => declared(root, environment),
  })
}

/** The sandbox hosts of inventory/sandbox.yml: those that `up` brings up, and the Debian of each. */
async function declared(root: string, environment: NodeJS.ProcessEnv): Promise<readonly SandboxRequest[]> {
  const roles = await roleNames(root)
  const options = { root, inventory: 'sandbox', extraVars: [], roles, environment, resolve: false }
  const { hosts } = await loadInventory(options)
  return hosts.flatMap(({ name, connection }) =>
    connection.kind === 'sandbox' ? [{ name, debian: connection.debian }] : [],
  )
}
