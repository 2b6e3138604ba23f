import { resolve } from 'node:path'
import { deployRelease } from '#engine/deploy/deploy.ts'
import { makeArtifact } from './artifact.ts'
import { projectOf } from './commits.ts'
import type { CommandInput } from './main.ts'
import { parseCount, parseFlags } from './options.ts'
import { type ReleaseDefinition, refuseSeveralApps, releaseHosts } from './release-hosts.ts'
import { releaseRun } from './release-run.ts'

const help = `Usage: npx zx scripts/deploy.mjs [options]

Ships a folder to the hosts of an inventory and makes it live on all of them, or on none. No request is lost.

  -i, --inventory NAME   a name in inventory/, or a path        (default: sandbox)
  -l, --limit PATTERN    only these hosts
      --app NAME         only hosts with this app, where there are several
      --source FOLDER    what to ship                    (default: app.release.source)
      --ref REF          ship that commit, branch or tag instead of the work tree
      --build COMMAND    makes the source, run in the project’s folder (default: app.release.build)
  -e, --extra-vars K=V   a var that wins over the inventory
      --plan             tell what would be sent and done, change nothing
      --wait SECONDS     how long to wait for another deploy    (default: 30)
  -K, --ask-become-pass  ask for the sudo password (or CAPSTAN_SUDO_PASSWORD)
  -v, -vv, -vvv          what steps printed; everything
      --json             one event a line
  -h, --help

Examples:
  npx zx scripts/deploy.mjs                                the example, to the sandbox
  npx zx scripts/deploy.mjs -i production --source dist    what a build made
  npx zx scripts/rollback.mjs -i production                back to the release before
`

const flags = {
  inventory: { type: 'string', short: 'i', default: 'sandbox' },
  limit: { type: 'string', short: 'l', default: 'all' },
  app: { type: 'string' },
  source: { type: 'string' },
  ref: { type: 'string' },
  build: { type: 'string' },
  'extra-vars': { type: 'string', short: 'e', multiple: true },
  plan: { type: 'boolean', default: false },
  wait: { type: 'string', default: '30' },
  'ask-become-pass': { type: 'boolean', short: 'K', default: false },
  verbose: { type: 'boolean', short: 'v', multiple: true },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

/** Runs scripts/deploy.mjs; gives its exit code. */
export async function deployCommand(definition: ReleaseDefinition, input: CommandInput): Promise<number> {
  const { values } = parseFlags(input.words, flags, 'deploy.mjs')
  if (values.help) {
    input.stdout.write(help)
    return 0
  }
  const wait = parseCount('--wait', values.wait, 0, 86_400)
  const hosts = await releaseHosts(definition, input, {
    inventory: values.inventory,
    limit: values.limit,
    app: values.app,
    extraVars: values['extra-vars'] ?? [],
  })
  refuseSeveralApps(hosts)
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
