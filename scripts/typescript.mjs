// Node 22.18 and later run TypeScript as it is; Node 20 borrows tsx for it.
if (!process.features.typescript) (await import('tsx/esm/api')).register()
