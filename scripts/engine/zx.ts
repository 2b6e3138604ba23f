import { createRequire } from 'node:module'
import type { Shell } from 'zx/core'

const require = createRequire(import.meta.url)

/** zx's `$`, loaded by its first use: that takes longer than a converged run loads all the rest in. */
export function zx(): Shell {
  const { $ } = require('zx/core') as typeof import('zx/core')
  return $
}
