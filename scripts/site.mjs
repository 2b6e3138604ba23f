#!/usr/bin/env zx
// Converges the inventory: each host gets the roles of its plays, in this order.
import { require } from './typescript.mjs'

const { main } = require('./engine/command/main.ts')
const { siteCommand } = require('./engine/command/site.ts')
const { default: site } = require('../roles/site.ts')
const { appSettings: settings } = require('../roles/app/release.ts')
const roles = ['dns', 'nginx', 'app', 'mysql', 'tls'].map(name => require(`../roles/${name}/role.ts`).default)

await main(import.meta, input => siteCommand({ site, settings, plays: [{ hosts: 'all', roles }] }, input))
