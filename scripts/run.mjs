#!/usr/bin/env zx
// Runs a command on a pattern of hosts.
import { require } from './typescript.mjs'

const { main } = require('./engine/command/main.ts')
const { runCommand } = require('./engine/command/run.ts')

await main(import.meta, runCommand)
