#!/usr/bin/env zx
// Converges the inventory: each host gets the roles of its plays, in this order.
import './typescript.mjs'

const [{ main }, { siteCommand }, site, dns, nginx, app, mysql, tls] = await Promise.all([
  import('./engine/command/main.ts'),
  import('./engine/command/site.ts'),
  import('../roles/site.ts'),
  import('../roles/dns/role.ts'),
  import('../roles/nginx/role.ts'),
  import('../roles/app/role.ts'),
  import('../roles/mysql/role.ts'),
  import('../roles/tls/role.ts'),
])

const plays = [{ hosts: 'all', roles: [dns, nginx, app, mysql, tls].map(role => role.default) }]

await main(import.meta, input => siteCommand({ site: site.default, plays }, input))
