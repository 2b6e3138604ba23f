#!/usr/bin/env zx
// What a workflow tells on GitHub: a plan as a comment, drift as an issue.
import { require } from './typescript.mjs'

const { main } = require('./engine/command/main.ts')
const { githubCommand } = require('./engine/command/github.ts')

await main(import.meta, githubCommand)
