import * as node from 'node:module'

// Node 22.18 and later run TypeScript as it is, and keep what they compiled.
if (process.features.typescript) node.enableCompileCache?.()
else await import('./engine/node20.mjs')

/** Loads a TypeScript module, named as seen from scripts/. */
export const require = node.createRequire(import.meta.url)
