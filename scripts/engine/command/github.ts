import { readFile } from 'node:fs/promises'
import { UsageError } from '#engine/errors.ts'
import { githubApi } from '#engine/github/api.ts'
import { keepComment } from '#engine/github/comment.ts'
import { keepIssue } from '#engine/github/issue.ts'
import type { ReleaseDefinition } from '#engine/run/release-hosts.ts'
import type { CommandInput } from './main.ts'
import { parseFlags } from './options.ts'
import { tellChanges } from './push-changes.ts'

const help = `Usage: npx zx scripts/github.mjs <command>

Reports results of workflows on GitHub. FILE is a summary that another command wrote (CAPSTAN_SUMMARY).

  comment FILE           update the one comment on the pull request PULL_REQUEST
  changes                find what a push has to test and deploy, and set the outputs \`project\` (true or false) and
                         \`sites\` (names, separated by commas). It compares with the commit BASE, or with the last run
                         of this workflow on the branch that succeeded
  drift OUTCOME FILE     close the drift issue if OUTCOME is success; open or update it if it is failure
  health OUTCOME FILE    the same for the health issue

All need GITHUB_TOKEN, and the variables that a runner sets. INVENTORY names the inventory (default: production).
`

/** Runs scripts/github.mjs; gives its exit code. */
export async function githubCommand(
  definition: () => ReleaseDefinition,
  input: CommandInput,
): Promise<number> {
  const { args, environment, stdout } = input
  const options = { help: { type: 'boolean', short: 'h', default: false } } as const
  const { values, positionals } = parseFlags(args, options, 'github.mjs', true)
  if (values.help) {
    stdout.write(help)
    return 0
  }
  const [command, ...given] = positionals
  const inventory = environment['INVENTORY'] ?? 'production'
  if (command === 'changes' && given.length === 0) {
    await tellChanges(definition(), inventory, input)
    return 0
  }
  if (command === 'comment' && given.length === 1) {
    const number = Number(environment['PULL_REQUEST'])
    if (!Number.isInteger(number) || number < 1)
      throw new UsageError(
        'usage',
        `PULL_REQUEST: expected its number, got ${JSON.stringify(environment['PULL_REQUEST'])}`,
      )
    const kept = await keepComment(githubApi(environment), number, await textOf(given[0]), runOf(environment))
    stdout.write(`${kept}\n`)
    return 0
  }
  if ((command === 'drift' || command === 'health') && given.length === 2) {
    const [outcome, file] = given
    if (outcome !== 'success' && outcome !== 'failure')
      throw new UsageError('usage', `${command}: expected success or failure, got ${JSON.stringify(outcome)}`)
    const result = {
      kind: command,
      inventory,
      failed: outcome === 'failure',
      text: await textOf(file),
      run: runOf(environment),
    } as const
    stdout.write(`${await keepIssue(githubApi(environment), result)}\n`)
    return 0
  }
  throw new UsageError('usage', 'expected changes, comment FILE, drift OUTCOME FILE or health OUTCOME FILE', {
    hint: 'npx zx scripts/github.mjs --help lists the commands.',
  })
}

async function textOf(file = ''): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch {
    // The step that writes it may have ended before it had a word to say; its log has the reason.
    return 'There is no summary, because the step that writes it failed. See its log.\n'
  }
}

function runOf(environment: NodeJS.ProcessEnv): string | undefined {
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: name, GITHUB_RUN_ID: id } = environment
  return server && name && id ? `${server}/${name}/actions/runs/${id}` : undefined
}
