import { UsageError } from '#engine/errors.ts'
import { loadInventory } from '#engine/inventory/inventory.ts'
import { selectHosts } from '#engine/inventory/pattern.ts'
import { roleNames } from '#engine/inventory/roles.ts'
import { asJson, asText, type Question } from '#engine/inventory/show.ts'
import { orNearest } from '#engine/nearest.ts'
import { common, type Flags, flagLines } from './flags.ts'
import type { CommandInput } from './main.ts'
import { parseFlags } from './options.ts'

const flags = {
  ...common('inventory', 'extra-vars'),
  json: { type: 'boolean', default: false, help: 'print JSON' },
  ...common('help'),
} as const satisfies Flags

const help = `Usage: npx zx scripts/inventory.mjs <command> [options]

Shows an inventory. Contacts no host, and neither reads nor shows secrets.

  list [pattern]   list hosts, how to reach them, and their groups
  graph            show groups and hosts as a tree
  vars <pattern>   show the vars of hosts, and the line that sets each

${flagLines(flags)}
Examples:
  npx zx scripts/inventory.mjs list -i production
  npx zx scripts/inventory.mjs vars web1 -e nginx.body=64m
  npx zx scripts/inventory.mjs list 'web:!web3' --json
`

/** Runs scripts/inventory.mjs; gives its exit code. Throws UsageError for a wrong command line or inventory. */
export async function inventoryCommand({ args, root, environment, stdout }: CommandInput): Promise<number> {
  const { values, positionals } = parseFlags(args, flags, 'inventory.mjs', true)
  const [question, ...patterns] = positionals
  if (values.help || question === undefined) {
    stdout.write(help)
    return 0
  }
  const pattern = checkedPattern(question, patterns)
  const inventory = await loadInventory({
    ...{ root, environment, roles: await roleNames(root), resolve: false },
    ...{ inventory: values.inventory, extraVars: values['extra-vars'] ?? [] },
  })
  const show = values.json ? asJson : asText
  stdout.write(`${show(question as Question, inventory, selectHosts(inventory, pattern))}\n`)
  return 0
}

const questions = ['list', 'graph', 'vars'] as const satisfies readonly Question[]

function checkedPattern(question: string, [pattern, ...more]: readonly string[]): string {
  if (!questions.some(one => one === question))
    throw refused(`expected list, graph or vars, got ${question}${orNearest(question, questions)}`)
  if (more.length > 0) throw refused(`expected one pattern, got ${more.length + 1}; join terms with a comma`)
  if (question === 'graph' && pattern !== undefined)
    throw refused(`graph shows all groups and takes no pattern, got ${pattern}`)
  if (question === 'vars' && pattern === undefined)
    throw refused('vars: expected a host or a pattern of hosts')
  return pattern ?? 'all'
}

function refused(message: string): UsageError {
  return new UsageError('usage', message, {
    hint: 'npx zx scripts/inventory.mjs --help lists the commands.',
  })
}
