import { loadInventory } from '#engine/inventory/inventory.ts'
import { sandboxDown, sandboxStatus } from '#engine/sandbox/sandbox.ts'
import { root } from './machine.ts'

/** Takes down the hosts that tests brought up: those of the sandbox that no inventory of the project names. */
export async function teardown(): Promise<void> {
  const options = { root, say: () => {} }
  const mine = new Set<string>()
  for (const inventory of ['sandbox', 'sandbox13'])
    for (const { name } of (
      await loadInventory({
        root,
        inventory,
        extraVars: [],
        roles: ['mysql', 'app'],
        environment: {},
        resolve: false,
      })
    ).hosts)
      mine.add(name)
  const names = (await sandboxStatus(options)).map(host => host.name).filter(name => !mine.has(name))
  if (names.length > 0) await sandboxDown({ ...options, names })
}
