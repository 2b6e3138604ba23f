import { resolve } from 'node:path'
import { deployRelease } from '#engine/deploy/deploy.ts'
import type { Report } from '#engine/output/report/report.ts'
import {
  bySite,
  type ReleaseDefinition,
  type ReleaseHost,
  refuseSeveralSites,
  releaseHosts,
} from '#engine/run/release-hosts.ts'
import { makeArtifact } from './artifact.ts'
import { projectOf } from './commits.ts'
import { common, type Flags, flagLines } from './flags.ts'
import type { CommandInput } from './main.ts'
import { parseCount, parseFlags } from './options.ts'
import { releaseRun } from './release-run.ts'
import { withReport } from './report.ts'

const flags = {
  ...common('inventory', 'limit', 'site'),
  source: { type: 'string', value: 'FOLDER', help: 'folder to ship (default: app.release.source)' },
  ref: { type: 'string', value: 'REF', help: 'ship this commit, branch or tag instead of the work tree' },
  build: {
    ...{ type: 'string', value: 'COMMAND' },
    help: 'build command, run in the project folder (default: app.release.build)',
  },
  plan: {
    type: 'boolean',
    default: false,
    help: 'show what would be sent and run, without changing anything',
  },
  ...common('wait', 'extra-vars', 'ask-become-pass', 'verbose', 'report', 'json', 'help'),
} as const satisfies Flags

const help = `Usage: npx zx scripts/deploy.mjs [options]

Ships a folder to the hosts of an inventory and makes it live on all of them, or on none, without losing a request.

${flagLines(flags)}
Examples:
  npx zx scripts/deploy.mjs                                ship the example app to the sandbox
  npx zx scripts/deploy.mjs -i production --source dist    ship the output of a build
  npx zx scripts/deploy.mjs -i production --site shop      ship one site of hosts that have several
  npx zx scripts/rollback.mjs -i production                go back to the previous release
`

/** Runs scripts/deploy.mjs; gives its exit code. */
export async function deployCommand(definition: ReleaseDefinition, input: CommandInput): Promise<number> {
  const { values } = parseFlags(input.args, flags, 'deploy.mjs')
  if (values.help) {
    input.stdout.write(help)
    return 0
  }
  const wait = parseCount('--wait', values.wait, 0, 86_400)
  const hosts = await releaseHosts(definition, input, values)
  if (values.source !== undefined) refuseSeveralSites(hosts, '--source')
  if (values.build !== undefined) refuseSeveralSites(hosts, '--build')
  return withReport(values.report, async report => {
    // Each for itself: what goes wrong with one site keeps no other from its release.
    let worst = 0
    for (const ofSite of bySite(hosts).values()) {
      const exitCode = await deploySite(ofSite, values, { wait, report }, input)
      if (exitCode > 100) return exitCode
      worst = Math.max(worst, exitCode)
    }
    return worst
  })
}

async function deploySite(
  hosts: readonly ReleaseHost[],
  values: ReturnType<typeof parseFlags<typeof flags>>['values'],
  { wait, report }: { readonly wait: number; readonly report: Report | undefined },
  input: CommandInput,
): Promise<number> {
  const source =
    values.source === undefined ? resolve(input.root, hosts[0]?.source ?? '') : resolve(values.source)
  const project = projectOf(input.root, source)
  const options = {
    command: 'deploy',
    inventory: values.inventory,
    project,
    check: values.plan,
    hosts,
    json: values.json,
    verbosity: values.verbose?.length ?? 0,
    askSudo: values['ask-become-pass'],
    report,
  }
  const build = values.build ?? hosts[0]?.build
  return releaseRun(options, input, async run => {
    const say = (message: string) => run.emit({ event: 'progress', message })
    const artifact = await makeArtifact({
      root: project,
      source,
      ref: values.ref,
      build,
      app: hosts[0]?.settings.app ?? '',
      say,
    })
    try {
      const { folder, ref } = artifact
      const made = { ...run, source: folder, wait, plan: values.plan, ...(ref === undefined ? {} : { ref }) }
      return (await deployRelease(made)).exitCode
    } finally {
      await artifact.dispose()
    }
  })
}
