import * as node from 'node:module'

// Node 22.18 and later run TypeScript as it is, and keep what they compiled. Node 20 borrows tsx for it, by `require`:
// behind `import` tsx works in a second thread, and each module waits for it.
if (process.features.typescript) node.enableCompileCache?.()
else (await import('tsx/cjs/api')).register()

/** Loads a TypeScript module, named as seen from scripts/. */
export const require = node.createRequire(import.meta.url)
