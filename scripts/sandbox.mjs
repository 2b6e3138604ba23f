#!/usr/bin/env zx
// The local Debian machines that the default inventory and the tests run on: up, down, status, ssh.
import './typescript.mjs'

const [{ main }, { sandboxCommand }] = await Promise.all([
  import('./engine/command/main.ts'),
  import('./engine/command/sandbox.ts'),
])

await main(import.meta, sandboxCommand)
