import { bySite, type ReleaseDefinition, releaseHosts } from '#engine/run/release-hosts.ts'
import { zx } from '#engine/zx.ts'
import { common, type Flags, flagLines } from './flags.ts'
import type { CommandInput } from './main.ts'
import { parseFlags } from './options.ts'

const flags = { ...common('inventory', 'site', 'extra-vars', 'help') } as const satisfies Flags

const help = `Usage: npx zx scripts/test.mjs [options]

Tests the apps of an inventory: runs the app.release.test of each site in the project folder. Contacts no host, and
needs no secret.

${flagLines(flags)}
Examples:
  npx zx scripts/test.mjs -i production               test the apps of all sites
  npx zx scripts/test.mjs -i production --site shop   test the app of one site
`

/** Runs scripts/test.mjs; gives 0, or 1 where a test failed. The tests print for themselves. */
export async function testCommand(definition: ReleaseDefinition, input: CommandInput): Promise<number> {
  const { args, root, environment, stdout } = input
  const { values } = parseFlags(args, flags, 'test.mjs')
  if (values.help) {
    stdout.write(help)
    return 0
  }
  const hosts = await releaseHosts(definition, input, { ...values, limit: 'all', placeholders: true })
  const failed: string[] = []
  for (const [site, [first]] of bySite(hosts)) {
    const command = first?.test
    stdout.write(`${site}: ${command ?? 'has no tests (app.release.test)'}\n`)
    if (command === undefined) continue
    const $ = zx()({
      cwd: root,
      env: environment,
      quiet: true,
      nothrow: true,
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    const { exitCode, signal } = await $`bash -ec ${command}`
    if (exitCode === 0) continue
    failed.push(site)
    stdout.write(`${site}: failed with ${signal ?? `exit code ${exitCode}`}\n`)
  }
  return failed.length === 0 ? 0 : 1
}
