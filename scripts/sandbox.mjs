#!/usr/bin/env zx
// The local Debian machines that the default inventory and the tests run on: up, down, status, ssh.
import { require } from './typescript.mjs'

const { main } = require('./engine/command/main.ts')
const { sandboxCommand } = require('./engine/command/sandbox.ts')

await main(import.meta, sandboxCommand)
