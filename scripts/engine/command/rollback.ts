import { type RollbackTarget, rollbackRelease } from '#engine/deploy/rollback.ts'
import { UsageError } from '#engine/errors.ts'
import { type ReleaseDefinition, refuseSeveralSites, releaseHosts } from '#engine/run/release-hosts.ts'
import { common, type Flags, flagLines } from './flags.ts'
import type { CommandInput } from './main.ts'
import { parseCount, parseFlags } from './options.ts'
import { releaseRun } from './release-run.ts'
import { withReport } from './report.ts'

const flags = {
  ...common('inventory', 'limit', 'site'),
  to: {
    type: 'string',
    value: 'RELEASE',
    help: 'go back to this release: its id, or the end of it (3f9a1c2)',
  },
  steps: { type: 'string', value: 'N', help: 'go back by this many good releases (default: 1)' },
  ...common('wait', 'extra-vars', 'ask-become-pass', 'verbose', 'report', 'json', 'help'),
} as const satisfies Flags

const help = `Usage: npx zx scripts/rollback.mjs [options]

Makes an earlier release live again: by default the previous good one. No request is lost.

${flagLines(flags)}
Examples:
  npx zx scripts/rollback.mjs -i production                 go back to the previous good release
  npx zx scripts/rollback.mjs -i production --to 3f9a1c2    go back to that release
  npx zx scripts/releases.mjs -i production                 list the releases
`

/** Runs scripts/rollback.mjs; gives its exit code. */
export async function rollbackCommand(definition: ReleaseDefinition, input: CommandInput): Promise<number> {
  const { values } = parseFlags(input.args, flags, 'rollback.mjs')
  if (values.help) {
    input.stdout.write(help)
    return 0
  }
  const target = targetOf(values.to, values.steps)
  const wait = parseCount('--wait', values.wait, 0, 86_400)
  const hosts = await releaseHosts(definition, input, values)
  refuseSeveralSites(hosts, 'rollback')
  const options = {
    command: 'rollback',
    inventory: values.inventory,
    hosts,
    json: values.json,
    verbosity: values.verbose?.length ?? 0,
    askSudo: values['ask-become-pass'],
  }
  return withReport(values.report, report =>
    releaseRun(
      { ...options, report },
      input,
      async run => (await rollbackRelease({ ...run, target, wait })).exitCode,
    ),
  )
}

function targetOf(to: string | undefined, steps: string | undefined): RollbackTarget {
  if (to === undefined) return { steps: parseCount('--steps', steps ?? '1', 1, 1000) }
  if (steps !== undefined) throw new UsageError('usage', '--to and --steps: expected one of them, got both')
  if (/^(\d{8}T\d{6}Z-)?[0-9a-f]{7}$/.test(to)) return { to }
  throw new UsageError(
    'usage',
    `--to: expected a release such as 20261122T204501Z-3f9a1c2, got ${JSON.stringify(to)}`,
    {
      hint: 'npx zx scripts/releases.mjs lists them.',
    },
  )
}
