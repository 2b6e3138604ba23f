#!/usr/bin/env zx
// What a workflow tells on GitHub: a plan as a comment, drift as an issue.
import './typescript.mjs'

const [{ main }, { githubCommand }] = await Promise.all([
  import('./engine/command/main.ts'),
  import('./engine/command/github.ts'),
])

await main(import.meta, githubCommand)
