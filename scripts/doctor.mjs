#!/usr/bin/env zx
// Checks the way from this machine to every host; makes the user and the key that a runner deploys with.
import './typescript.mjs'

const [{ main }, { doctorCommand }] = await Promise.all([
  import('./engine/command/main.ts'),
  import('./engine/command/doctor.ts'),
])

await main(import.meta, doctorCommand)
