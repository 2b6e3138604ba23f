import * as node from 'node:module'

// Node 22.18 and later run TypeScript as it is, and keep what they compiled; Node 20 borrows tsx for it.
if (process.features.typescript) node.enableCompileCache?.()
else (await import('tsx/esm/api')).register()
