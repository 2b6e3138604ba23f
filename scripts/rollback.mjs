#!/usr/bin/env zx
// Makes a release that the hosts still have live again.
import './typescript.mjs'

const [{ main }, { rollbackCommand }, site, app] = await Promise.all([
  import('./engine/command/main.ts'),
  import('./engine/command/rollback.ts'),
  import('../roles/site.ts'),
  import('../roles/app/role.ts'),
])

await main(import.meta, input => rollbackCommand({ site: site.default, app: app.default }, input))
