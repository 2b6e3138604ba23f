#!/usr/bin/env zx
// Ships a release of the app and makes it live.
import './typescript.mjs'

const [{ main }, { deployCommand }, site, app] = await Promise.all([
  import('./engine/command/main.ts'),
  import('./engine/command/deploy.ts'),
  import('../roles/site.ts'),
  import('../roles/app/role.ts'),
])

await main(import.meta, input => deployCommand({ site: site.default, app: app.default }, input))
