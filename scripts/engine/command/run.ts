import type { Connection, Outcome } from '#engine/connection/connection.ts'
import { type CapstanError, UnreachableError, UsageError } from '#engine/errors.ts'
import { loadInventory } from '#engine/inventory/inventory.ts'
import { selectHosts } from '#engine/inventory/pattern.ts'
import { roleNames } from '#engine/inventory/roles.ts'
import { cleanLines } from '#engine/output/clean.ts'
import { renderError } from '#engine/output/errors.ts'
import type { OutputStream } from '#engine/output/printer.ts'
import { quoteAll } from '#engine/quote.ts'
import { mask } from '#engine/secret.ts'
import { askSudoPassword } from './ask.ts'
import type { CommandInput } from './main.ts'
import { parseFlags } from './options.ts'
import { type ReachableHost, reach } from './reach.ts'

const help = `Usage: npx zx scripts/run.mjs [options] PATTERN -- COMMAND…

Runs a command as root on every host of a pattern, all at once. One word behind -- is a line of POSIX shell;
several are a command with its arguments, each quoted.

  -i, --inventory NAME   a name in inventory/, or a path  (default: sandbox)
  -K, --ask-become-pass  ask for the sudo password
      --deadline SECONDS end the command after this long  (default: 600)
  -h, --help

Examples:
  npx zx scripts/run.mjs web1 -- systemctl status nginx
  npx zx scripts/run.mjs -i production 'web:!web3' -- 'df -h / | tail -1'
`

const flags = {
  inventory: { type: 'string', short: 'i', default: 'sandbox' },
  'ask-become-pass': { type: 'boolean', short: 'K', default: false },
  deadline: { type: 'string', default: '600' },
  help: { type: 'boolean', short: 'h', default: false },
} as const

/** Runs scripts/run.mjs; gives 0, 1 where the command failed on a host, 4 where one could not be reached. */
export async function runCommand({ words, root, environment, stdout }: CommandInput): Promise<number> {
  const cut = words.indexOf('--')
  const { values, positionals } = parseFlags(cut < 0 ? words : words.slice(0, cut), flags, 'run.mjs', true)
  if (values.help) {
    stdout.write(help)
    return 0
  }
  const command = cut < 0 ? [] : words.slice(cut + 1)
  const [pattern, ...more] = positionals
  if (pattern === undefined || more.length > 0 || command.length === 0)
    throw new UsageError('usage', 'expected a pattern of hosts, then --, then a command', {
      hint: "npx zx scripts/run.mjs web1 -- 'uptime'",
    })
  const deadline = Number(values.deadline)
  if (!(deadline > 0)) throw new UsageError('usage', `--deadline: expected seconds, got ${values.deadline}`)

  const roles = await roleNames(root)
  const inventory = await loadInventory({
    root,
    inventory: values.inventory,
    extraVars: [],
    roles,
    environment,
  })
  const hosts = selectHosts(inventory, pattern)
  const sudoPassword = await askSudoPassword(values['ask-become-pass'], environment)
  const reachable = await reach(hosts, { root, sudoPassword, say: line => process.stderr.write(`${line}\n`) })
  const script = `${command.length === 1 ? command[0] : quoteAll(command)}\n`
  const codes = await Promise.all(reachable.map(one => runOn(one, script, deadline, stdout)))
  return codes.includes(4) ? 4 : Math.max(...codes)
}

async function runOn(
  reachable: ReachableHost,
  script: string,
  deadline: number,
  stdout: OutputStream,
): Promise<number> {
  const { name } = reachable.host
  let connection: Connection | undefined
  try {
    connection = await reachable.connect()
    const outcome = await connection.run(script, { deadline })
    stdout.write(shown(name, outcome))
    return outcome.exitCode === 0 ? 0 : 1
  } catch (error) {
    process.stderr.write(
      `${renderError(error, { host: name, columns: process.stderr.columns || undefined })}\n`,
    )
    return error instanceof UnreachableError ? (error as CapstanError).exitCode : 1
  } finally {
    // An open connection would keep the process from its end.
    await connection?.close()
  }
}

function shown(host: string, { stdout, stderr, exitCode }: Outcome): string {
  const text = Buffer.concat([stdout, stderr]).toString().trimEnd()
  const lines = text === '' ? [] : cleanLines(mask(text))
  const all = exitCode === 0 ? lines : [...lines, `exited with ${exitCode}`]
  return all.map(line => `${host}  ${line}\n`).join('')
}
