import { HostError } from '#engine/errors.ts'
import type { Site } from '#engine/vars.ts'

type Named = Pick<Site, 'app' | 'domain'>

/** Throws HostError where the host has been set up for another site than `wanted`, which does not say that it replaces it. */
export function refuseOtherSite(
  host: string,
  found: Named | undefined,
  wanted: Named & Pick<Site, 'replaces'>,
): void {
  if (!found || (found.app === wanted.app && found.domain === wanted.domain)) return
  if (wanted.replaces === found.domain) return
  throw new HostError(
    'other-site',
    `${host}: it is set up for ${named(found)}, and the inventory has ${named(wanted)}`,
    {
      hint: `Nothing was changed. A host has one site: use another host for ${wanted.domain}. To replace ${found.domain} permanently, run once with -e site.replaces=${found.domain}.`,
    },
  )
}

function named({ app, domain }: Named): string {
  return `the site ${domain} (app ${app})`
}
