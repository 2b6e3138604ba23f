import { parseArgs } from 'node:util'
import { CapstanError, UsageError } from '#engine/errors.ts'
import { orNearest } from '#engine/nearest.ts'
import { renderError } from '#engine/output/errors.ts'
import { loadInventory } from './inventory.ts'
import { selectHosts } from './pattern.ts'
import { roleNames } from './roles.ts'
import { asJson, asText, type Question } from './show.ts'

/** What the command touches outside itself. */
export interface Surroundings {
  readonly root: string
  readonly environment: NodeJS.ProcessEnv
  say(text: string): void
  complain(text: string): void
}

const help = `What an inventory says. Nothing is contacted, and no secret is looked up or shown.

  npx zx scripts/inventory.mjs list [pattern]    hosts, how each is reached, its groups
  npx zx scripts/inventory.mjs graph             groups and hosts as a tree
  npx zx scripts/inventory.mjs vars <pattern>    the vars of hosts, each with the line it comes from

  -i, --inventory NAME|PATH   inventory/<NAME>.yml or any file; sandbox unless told
  -e, --extra-vars KEY=VALUE  a var on top of all others, or @file.yml; may be repeated
      --json                  the same for programs
  -h, --help                  this text

Examples
  npx zx scripts/inventory.mjs list -i production
  npx zx scripts/inventory.mjs vars web1 -e nginx.body=64m
  npx zx scripts/inventory.mjs list 'web:!web3' --json`

/** Runs inventory.mjs; gives the exit code: 0, or 2 where the words or the inventory are wrong. */
export async function inventoryCommand(words: readonly string[], around: Surroundings): Promise<number> {
  try {
    const asked = readWords(words)
    around.say(asked === undefined ? help : await answer(asked, around))
    return 0
  } catch (error) {
    around.complain(renderError(error))
    return error instanceof CapstanError ? error.exitCode : 1
  }
}

interface Asked {
  readonly question: Question
  readonly pattern: string
  readonly inventory: string
  readonly extraVars: readonly string[]
  readonly json: boolean
}

async function answer(asked: Asked, { root, environment }: Surroundings): Promise<string> {
  const { inventory: name, extraVars } = asked
  const roles = await roleNames(root)
  const inventory = await loadInventory({
    root,
    inventory: name,
    extraVars,
    roles,
    environment,
    resolve: false,
  })
  const hosts = selectHosts(inventory, asked.pattern)
  return asked.json ? asJson(asked.question, inventory, hosts) : asText(asked.question, inventory, hosts)
}

function readWords(words: readonly string[]): Asked | undefined {
  const { values, positionals } = parsed(words)
  const [question, pattern, ...more] = positionals
  if (values.help === true || question === undefined) return undefined
  if (!isQuestion(question)) {
    throw refused(`expected list, graph or vars, got ${question}${orNearest(question, questions)}`)
  }
  if (more.length > 0)
    throw refused(`expected one pattern, got ${positionals.length - 1}; join terms with a comma`)
  if (question === 'graph' && pattern !== undefined)
    throw refused(`graph shows all groups and takes no ${pattern}`)
  if (question === 'vars' && pattern === undefined)
    throw refused('vars: expected a host or a pattern of hosts')
  return {
    question,
    pattern: pattern ?? 'all',
    inventory: values.inventory,
    extraVars: values['extra-vars'],
    json: values.json,
  }
}

const questions = ['list', 'graph', 'vars'] as const

function isQuestion(word: string): word is Question {
  return questions.some(question => question === word)
}

function parsed(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      allowPositionals: true,
      strict: true,
      options: {
        inventory: { type: 'string', short: 'i', default: 'sandbox' },
        'extra-vars': { type: 'string', short: 'e', multiple: true, default: [] },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
  } catch (error) {
    throw refused(error instanceof Error ? error.message : String(error))
  }
}

function refused(message: string): UsageError {
  return new UsageError('arguments', message, { hint: 'npx zx scripts/inventory.mjs --help' })
}
