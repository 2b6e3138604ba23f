import { type RollbackTarget, rollbackRelease } from '#engine/deploy/rollback.ts'
import { UsageError } from '#engine/errors.ts'
import type { CommandInput } from './main.ts'
import { parseCount, parseFlags } from './options.ts'
import { type ReleaseDefinition, refuseSeveralApps, releaseHosts } from './release-hosts.ts'
import { releaseRun } from './release-run.ts'

const help = `Usage: npx zx scripts/rollback.mjs [options]

Makes a release that the hosts still have live again: the good one before, unless told which. No request is lost.

  -i, --inventory NAME   a name in inventory/, or a path        (default: sandbox)
  -l, --limit PATTERN    only these hosts
      --app NAME         only hosts with this app, where there are several
      --to RELEASE       this one: its id, or the end of it (3f9a1c2)
      --steps N          so many good releases back              (default: 1)
  -e, --extra-vars K=V   a var that wins over the inventory
      --wait SECONDS     how long to wait for a deploy to end    (default: 30)
  -K, --ask-become-pass  ask for the sudo password (or CAPSTAN_SUDO_PASSWORD)
  -v, -vv, -vvv          what steps printed; everything
      --json             one event a line
  -h, --help

Examples:
  npx zx scripts/rollback.mjs -i production                 the good release before the live one
  npx zx scripts/rollback.mjs -i production --to 3f9a1c2    that one
  npx zx scripts/releases.mjs -i production                 which there are
`

const flags = {
  inventory: { type: 'string', short: 'i', default: 'sandbox' },
  limit: { type: 'string', short: 'l', default: 'all' },
  app: { type: 'string' },
  to: { type: 'string' },
  steps: { type: 'string' },
  'extra-vars': { type: 'string', short: 'e', multiple: true },
  wait: { type: 'string', default: '30' },
  'ask-become-pass': { type: 'boolean', short: 'K', default: false },
  verbose: { type: 'boolean', short: 'v', multiple: true },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

/** Runs scripts/rollback.mjs; gives its exit code. */
export async function rollbackCommand(definition: ReleaseDefinition, input: CommandInput): Promise<number> {
  const { values } = parseFlags(input.words, flags, 'rollback.mjs')
  if (values.help) {
    input.stdout.write(help)
    return 0
  }
  const target = targetOf(values.to, values.steps)
  const wait = parseCount('--wait', values.wait, 0, 86_400)
  const hosts = await releaseHosts(definition, input, {
    inventory: values.inventory,
    limit: values.limit,
    app: values.app,
    extraVars: values['extra-vars'] ?? [],
  })
  refuseSeveralApps(hosts)
  const options = {
    command: 'rollback',
    inventory: values.inventory,
    hosts,
    json: values.json,
    verbosity: values.verbose?.length ?? 0,
    askSudo: values['ask-become-pass'],
  }
  return releaseRun(options, input, async run => (await rollbackRelease({ ...run, target, wait })).exitCode)
}

function targetOf(to: string | undefined, steps: string | undefined): RollbackTarget {
  if (to === undefined) return { steps: parseCount('--steps', steps ?? '1', 1, 1000) }
  if (steps !== undefined) throw new UsageError('usage', '--to and --steps: give one of them')
  if (/^(\d{8}T\d{6}Z-)?[0-9a-f]{7}$/.test(to)) return { to }
  throw new UsageError(
    'usage',
    `--to: expected a release such as 20261122T204501Z-3f9a1c2, got ${JSON.stringify(to)}`,
    {
      hint: 'npx zx scripts/releases.mjs lists them.',
    },
  )
}
