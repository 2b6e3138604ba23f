#!/usr/bin/env zx
// Runs a command as root on all hosts of a pattern at the same time. A single word after -- is a line of POSIX shell.
// Several words are a command with arguments. Identical output of several hosts is printed once.
//
//   npx zx scripts/run.mjs web1 -- systemctl status nginx
//   npx zx scripts/run.mjs -i production 'web:!web3' -- 'df -h / | tail -1'
import { hosts, printable, script } from '#capstan'

const {
  arguments: patterns,
  rest,
  flags,
  refuse,
} = script({
  arguments: 'PATTERN -- COMMAND…',
  flags: {
    deadline: {
      type: 'string',
      default: '600',
      value: 'SECONDS',
      help: 'time limit of the command (default: 600)',
    },
    as: { type: 'string', value: 'USER', help: 'run the command as this user instead of root' },
  },
})
if (patterns.length !== 1 || rest.length === 0)
  refuse('expected a pattern of hosts, then --, then a command', "npx zx scripts/run.mjs web1 -- 'uptime'")
if (!(Number(flags.deadline) > 0)) refuse(`--deadline: expected seconds, got ${flags.deadline}`)

const command = rest.length === 1 ? ['sh', '-c', rest[0]] : rest
const outputs = new Map()
try {
  await hosts(patterns[0]).each(async host => {
    const { $ } = flags.as ? host.as(flags.as) : host
    const output = await $({ timeout: `${flags.deadline * 1000}ms`, nothrow: true })`${command}`
    const text = output.text().trimEnd()
    outputs.set(text, [...(outputs.get(text) ?? []), host.name])
    if (output.exitCode !== 0) throw output
  })
} finally {
  for (const [text, names] of outputs) {
    if (outputs.size > 1 || names.length > 1) console.log(`${names.join(', ')}:`)
    if (text !== '') console.log(printable(text))
  }
}
