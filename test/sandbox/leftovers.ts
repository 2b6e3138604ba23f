import { sandboxDown, sandboxStatus } from '#engine/sandbox/sandbox.ts'
import { root } from './machine.ts'

const options = { root, say: () => {} }

/** Takes down, after all tests, the hosts that were not there before them. */
export default async function setup(): Promise<() => Promise<void>> {
  const before = new Set(await hostNames())
  return async () => {
    const names = (await hostNames()).filter(name => !before.has(name))
    if (names.length > 0) await sandboxDown({ ...options, names })
  }
}

async function hostNames(): Promise<readonly string[]> {
  return (await sandboxStatus(options)).map(host => host.name)
}
