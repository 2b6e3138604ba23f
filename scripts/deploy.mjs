#!/usr/bin/env zx
// Ships a release of the app and makes it live.
import { require } from './typescript.mjs'

const { main } = require('./engine/command/main.ts')
const { deployCommand } = require('./engine/command/deploy.ts')
const { default: site } = require('../roles/site.ts')
const { default: app } = require('../roles/app/role.ts')
const { appSettings: settings } = require('../roles/app/release.ts')

await main(import.meta, input => deployCommand({ site, app, settings }, input))
