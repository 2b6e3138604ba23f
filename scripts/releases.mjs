#!/usr/bin/env zx
// Lists the releases that the hosts have; holds up deploys, or visitors.
import './typescript.mjs'

const [{ main }, { releasesCommand }, site, app] = await Promise.all([
  import('./engine/command/main.ts'),
  import('./engine/command/releases.ts'),
  import('../roles/site.ts'),
  import('../roles/app/role.ts'),
])

await main(import.meta, input => releasesCommand({ site: site.default, app: app.default }, input))
