#!/usr/bin/env node
import './typescript.mjs'
import { resolve } from 'node:path'

const { inventoryCommand } = await import('./engine/inventory/command.ts')

const self = process.argv.findIndex(word => resolve(word) === import.meta.filename)
process.exitCode = await inventoryCommand(process.argv.slice(Math.max(self, 1) + 1), {
  root: resolve(import.meta.dirname, '..'),
  environment: process.env,
  say: text => console.log(text),
  complain: text => console.error(text),
})
