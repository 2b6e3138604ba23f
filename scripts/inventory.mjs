#!/usr/bin/env node
import { resolve } from 'node:path'
import { require } from './typescript.mjs'

const { inventoryCommand } = require('./engine/inventory/command.ts')

const self = process.argv.findIndex(word => resolve(word) === import.meta.filename)
process.exitCode = await inventoryCommand(process.argv.slice(Math.max(self, 1) + 1), {
  root: resolve(import.meta.dirname, '..'),
  environment: process.env,
  say: text => console.log(text),
  complain: text => console.error(text),
})
