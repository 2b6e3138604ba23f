#!/usr/bin/env zx
// Runs a command on a pattern of hosts.
import './typescript.mjs'

const [{ main }, { runCommand }] = await Promise.all([
  import('./engine/command/main.ts'),
  import('./engine/command/run.ts'),
])

await main(import.meta, runCommand)
