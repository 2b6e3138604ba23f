#!/usr/bin/env zx
// Lists the releases that the hosts have; holds up deploys, or visitors.
import { require } from './typescript.mjs'

const { main } = require('./engine/command/main.ts')
const { releasesCommand } = require('./engine/command/releases.ts')
const { default: site } = require('../roles/site.ts')
const { default: app } = require('../roles/app/role.ts')
const { appSettings: settings } = require('../roles/app/release.ts')

await main(import.meta, input => releasesCommand({ site, app, settings }, input))
