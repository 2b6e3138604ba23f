#!/usr/bin/env zx
// Makes a release that the hosts still have live again.
import { require } from './typescript.mjs'

const { main } = require('./engine/command/main.ts')
const { rollbackCommand } = require('./engine/command/rollback.ts')
const { default: site } = require('../roles/site.ts')
const { default: app } = require('../roles/app/role.ts')
const { appSettings: settings } = require('../roles/app/release.ts')

await main(import.meta, input => rollbackCommand({ site, app, settings }, input))
