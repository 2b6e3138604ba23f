import { createRequire } from 'node:module'

type Zx = typeof import('zx/core')

const require = createRequire(import.meta.url)

/** zx's `$`, loaded by its first use: that takes longer than a converged run loads all the rest in. */
export function zx(): Zx['$'] {
  return core().$
}

/** What zx's `$` is set to before a script or a command of a host sets anything. */
export function zxDefaults(): Zx['defaults'] {
  return core().defaults
}

function core(): Zx {
  return require('zx/core') as Zx
}
