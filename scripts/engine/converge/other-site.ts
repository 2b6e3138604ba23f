import { HostError } from '#engine/errors.ts'
import type { Site } from '#engine/vars.ts'
import type { SetUpSite } from './facts.ts'

type Named = Pick<Site, 'app' | 'domain'>

/**
 * The sites that the host was set up for and that are not among `wanted`; `purge` names those whose data goes. Throws HostError where none of `wanted` is one
 * that it was set up for, or where one has got another name or domain and does not say that it replaces the one before.
 */
export function removedSites(
  host: string,
  found: readonly SetUpSite[],
  wanted: readonly (Named & Pick<Site, 'replaces'>)[],
  purge: readonly string[] = [],
): readonly SetUpSite[] {
  const isSame = (one: Named, other: Named) => one.app === other.app && one.domain === other.domain
  const isReplaced = (one: Named) => wanted.some(each => each.replaces === one.domain)
  const others = found.filter(one => !isReplaced(one) && !wanted.some(each => isSame(one, each)))
  const serving = others.filter(one => !one.isRemoved)
  for (const each of wanted) {
    // The data of a site stays under its name.
    const before = others.find(one => one.app === each.app) ?? serving.find(one => one.domain === each.domain)
    if (before) throw otherSite(host, before, each)
  }
  const [first] = serving
  // Whatever it has is another inventory's.
  const isForeign = serving.length === found.filter(one => !one.isRemoved).length
  if (first && wanted[0] && isForeign) throw otherSite(host, first, wanted[0])
  return others.map(one => ({ ...one, isRemoved: true, isPurged: purge.includes(one.app) }))
}

/** What the operator has to know of the sites that a run takes offline, and of those that it was to purge. */
export function removalNotes(
  found: readonly SetUpSite[],
  removed: readonly SetUpSite[],
  purge: readonly string[],
): readonly string[] {
  const serving = found.filter(({ isRemoved }) => !isRemoved).map(({ app }) => app)
  const unknown = purge.filter(name => !removed.some(({ app }) => app === name))
  return [
    ...removed
      .filter(({ app, isPurged }) => serving.includes(app) && !isPurged)
      .map(
        ({ app, domain }) =>
          `${app} is no longer in the inventory: ${domain} is taken offline, and its data is kept in /srv/www/${app} and its database. To delete it: site.mjs --purge ${app}`,
      ),
    ...unknown.map(name => `--purge ${name}: this host has no removed site of that name`),
  ]
}

function otherSite(host: string, found: Named, wanted: Named): HostError {
  const isRenamed = found.app === wanted.app || found.domain === wanted.domain
  return new HostError(
    'other-site',
    `${host}: it is set up for ${named(found)}, and the inventory has ${named(wanted)}`,
    {
      hint: `Nothing was changed. ${
        isRenamed ? '' : 'To serve both, list both under sites. '
      }To replace ${found.domain} permanently, run once with -e site.replaces=${found.domain} (under sites: -e sites.${wanted.app}.replaces=${found.domain}).`,
    },
  )
}

function named({ app, domain }: Named): string {
  return `the site ${domain} (app ${app})`
}
