import { HostError } from '#engine/errors.ts'
import { quote } from '#engine/quote.ts'
import { homeOf } from '#engine/resources/release/script.ts'
import type { DeployHost } from './settings.ts'

/** What is set on an app beside its releases: no deploys, or a maintenance page for visitors. */
export type AppFlag =
  | { readonly do: 'freeze'; readonly reason: string }
  | { readonly do: 'thaw' }
  | { readonly do: 'maintenance'; readonly on: boolean }

/** Sets it on one host; setting it twice changes nothing. Throws HostError where the app is not set up. */
export async function setFlag(host: DeployHost, flag: AppFlag): Promise<void> {
  const home = quote(homeOf(host.settings.app))
  const connection = await host.connect()
  try {
    const { exitCode, stderr } = await connection.run(`cd ${home} && ${shell(flag)}\n`)
    if (exitCode !== 0)
      throw new HostError('flag', `${host.name}: ${flag.do} was not done`, {
        lines: stderr.toString().trimEnd().split('\n'),
        hint: 'Check that the app is set up there: npx zx scripts/site.mjs sets it up.',
      })
  } finally {
    await connection.close()
  }
}

function shell(flag: AppFlag): string {
  switch (flag.do) {
    case 'freeze':
      return `printf '%s\\n' ${quote(flag.reason)} >.frozen && mv -f .frozen frozen`
    case 'thaw':
      return 'rm -f frozen'
    case 'maintenance':
      return flag.on ? 'touch shared/maintenance' : 'rm -f shared/maintenance'
  }
}
