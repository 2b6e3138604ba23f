import { HostError } from '#engine/errors.ts'
import { quote } from '#engine/quote.ts'
import type { DeployHost } from './settings.ts'
import { homeOf } from './settings.ts'

/** What is done to an app on a host beside its releases: deploys held up, visitors told to come later. */
export type Hold =
  | { readonly do: 'freeze'; readonly reason: string }
  | { readonly do: 'thaw' }
  | { readonly do: 'maintenance'; readonly on: boolean }

/** Does it on one host; doing it twice changes nothing. Throws HostError where the app is not set up. */
export async function hold(host: DeployHost, what: Hold): Promise<void> {
  const home = quote(homeOf(host.settings.app))
  const connection = await host.connect()
  try {
    const { exitCode, stderr } = await connection.run(`cd ${home} && ${shell(what)}\n`)
    if (exitCode !== 0)
      throw new HostError('hold', `${host.name}: ${what.do} was not done`, {
        lines: stderr.toString().trimEnd().split('\n'),
        hint: 'Is the app set up there? npx zx scripts/site.mjs does that.',
      })
  } finally {
    await connection.close()
  }
}

function shell(what: Hold): string {
  switch (what.do) {
    case 'freeze':
      return `printf '%s\\n' ${quote(what.reason)} >.frozen && mv -f .frozen frozen`
    case 'thaw':
      return 'rm -f frozen'
    case 'maintenance':
      return what.on ? 'touch shared/maintenance' : 'rm -f shared/maintenance'
  }
}
