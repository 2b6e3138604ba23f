#!/usr/bin/env node
import './typescript.mjs'
import { dirname } from 'node:path'

const { parseSandboxCommand, runSandboxCommand } = await import('./engine/sandbox/command-line.ts')
const { CapstanError } = await import('./engine/errors.ts')

const root = dirname(import.meta.dirname)
// `npx zx` leaves its own words before the script's name.
const words = process.argv.slice(process.argv.findIndex(word => word.endsWith('sandbox.mjs')) + 1)

try {
  const command = parseSandboxCommand(words)
  process.exitCode = await runSandboxCommand(command, { root, say: line => console.log(line) })
} catch (error) {
  if (!(error instanceof CapstanError)) throw error
  console.error([error.message, ...error.lines.map(line => `      ${line}`)].join('\n'))
  if (error.hint !== undefined) console.error(`hint  ${error.hint}`)
  process.exitCode = error.exitCode
}
