import { codenames, type DebianRelease } from '#engine/systems.ts'

/** Fields that `apt-get indextargets` is asked for, one target a line. Source: apt-get(8), indextargets. */
export const indexTargetFormat = '$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(ORIGIN)'

/** The keys that sign the Debian archive, as its package debian-archive-keyring installs them. */
export const archiveKeyring = '/usr/share/keyrings/debian-archive-keyring.gpg'

/**
 * The sources.list of a sandbox host: the Debian archive as this machine reaches it (`targets`, lines in
 * `indexTargetFormat`), turned to another release. A machine that names no Debian archive gets deb.debian.org;
 * one that has no -updates or -security gets none, as it may reach only what it names. sid is one suite. Its Release
 * file is valid for a week: a machine that reads expired ones, from a copy of the archive (`readsExpired`), has the host do so.
 */
export function debianSources(
  targets: string,
  machineCodename: string,
  release: DebianRelease,
  readsExpired = false,
): readonly string[] {
  const codename = codenames[release]
  const found = targets.split('\n').flatMap(line => archive(line, machineCodename))
  const archives = found.some(each => each.pocket === '') ? found : fallback
  const options = `signed-by=${archiveKeyring}${release === 'sid' && readsExpired ? ' check-valid-until=no' : ''}`
  const lines = archives
    .filter(({ pocket }) => release !== 'sid' || pocket === '')
    .map(({ uri, pocket }) => `deb [${options}] ${uri} ${codename}${pocket} main`)
  return [...new Set(lines)]
}

/**
 * The lines of `configured`, which name no origin, each with the origin that the same target has in `fetched`; both in
 * `indexTargetFormat`.
 */
export function withOrigins(configured: string, fetched: string): string {
  const known = new Map(fetched.split('\n').map(line => [keyOf(line), line]))
  const lines = configured.split('\n').map(line => known.get(keyOf(line)) ?? line)
  return [...new Set(lines)].join('\n')
}

function keyOf(line: string): string {
  return line.split('|').slice(0, 3).join('|')
}

interface Archive {
  readonly uri: string
  /** What follows the codename in the suite: nothing, `-updates` or `-security`. */
  readonly pocket: string
}

const fallback: readonly Archive[] = [
  { uri: 'http://deb.debian.org/debian', pocket: '' },
  { uri: 'http://deb.debian.org/debian', pocket: '-updates' },
  { uri: 'http://deb.debian.org/debian-security', pocket: '-security' },
]

// Others publish under Debian's codenames too. Where a Release file names no origin, $(ORIGIN) stays as it is
// written; then the path of the address decides.
function archive(line: string, codename: string): readonly Archive[] {
  const [uri = '', suite = '', component = '', origin = ''] = line.split('|')
  const pocket = suite.startsWith(codename) ? suite.slice(codename.length) : undefined
  if (pocket === undefined || !['', '-updates', '-security'].includes(pocket) || component !== 'main')
    return []
  const isDebian =
    origin === '' || origin.startsWith('$') ? /\/debian(-security)?\/?$/.test(uri) : origin === 'Debian'
  return isDebian ? [{ uri: uri.replace(/\/$/, ''), pocket }] : []
}
