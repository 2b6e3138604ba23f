import { createRequire } from 'node:module'

type Zx = typeof import('zx/core')

const require = createRequire(import.meta.url)

/** zx's `$`, loaded by its first use: that takes longer than a converged run loads all the rest in. */
export function zx(): Zx['$'] {
  const { $ } = require('zx/core') as Zx
  return $
}
