import type { Difference } from '#engine/output/events.ts'
import { quote, quoteAll } from '#engine/quote.ts'
import { type Declare, type DeclareOptions, differs, type Kind, known, unknown } from './resource.ts'

export interface AptOptions extends DeclareOptions {
  /** Exactly this version; `1.22.*` takes any that begins so. Downgrades where needed. For one package. */
  readonly version?: string
  /** The newest that the host's package lists have. */
  readonly latest?: true
  /** No upgrade touches it (true), or upgrades may (false); absent: not looked at. */
  readonly hold?: boolean
}

export interface AptAbsentOptions extends DeclareOptions {
  /** Its configuration files go as well. */
  readonly purge?: true
}

interface WantedPackages {
  readonly names: readonly string[]
  readonly state: 'installed' | 'absent' | 'purged'
  readonly version: string | undefined
  readonly latest: boolean
  readonly hold: boolean | undefined
}

interface FoundPackage {
  /** `installed`, `half-configured`, `config-files` … */
  readonly status: string
  readonly version: string
  readonly isHeld: boolean
}

/** Each wanted name that dpkg knows; `candidates` are the versions that apt would install, asked for where `latest` is wanted. */
interface FoundPackages {
  readonly packages: ReadonlyMap<string, FoundPackage>
  readonly candidates: ReadonlyMap<string, string>
}

/** Debian packages. Source: dpkg-query(1), `${db:Status-Want}` and `${db:Status-Status}`; apt-cache(8), policy. */
const packages: Kind<WantedPackages, FoundPackages> = {
  noun: 'apt',

  probe(items) {
    const names = [...new Set(items.flatMap(item => item.names))]
    const latest = [...new Set(items.flatMap(item => (item.latest ? item.names : [])))]
    const format = '${Package} ${db:Status-Status} ${db:Status-Want} ${Version}\\n'
    // dpkg-query exits 1 when any one name is unknown, so its code is not judged here.
    const query = `dpkg-query -W -f '${format}' -- ${quoteAll(names)} 2>/dev/null || :\n`
    return latest.length === 0 ? query : `${query}apt-cache policy -- ${quoteAll(latest)} || :\n`
  },

  parse(output, items) {
    const [known_ = '', policy = ''] = split(output.toString())
    const rows = known_.split('\n').map(line => line.split(' '))
    const packages = new Map(
      rows.map(([name = '', status = '', want, version = '']): [string, FoundPackage] => [
        name,
        { status, version, isHeld: want === 'hold' },
      ]),
    )
    const candidates = new Map(
      [...policy.matchAll(/^(\S+):\n.*\n {2}Candidate: (\S+)$/gm)].map(([, name = '', version = '']) => [
        name,
        version,
      ]),
    )
    return items.map(({ names, latest }) => {
      const unread =
        latest && names.find(name => packages.get(name)?.status === 'installed' && !candidates.has(name))
      return unread ? unknown(`apt knows no version of ${unread}`) : known({ packages, candidates })
    })
  },

  diff(wanted, found) {
    const { names, state } = wanted
    const wrong = names.filter(name => isWrong(wanted, name, found))
    const some = (all: readonly string[]) => (all.length < names.length ? `${all.join(' ')} ` : '')
    if (state !== 'installed')
      return wrong.length === 0
        ? []
        : differs('state', `${some(wrong)}${found.packages.get(wrong[0] ?? '')?.status}`, state)
    const missing = wrong.filter(name => found.packages.get(name)?.status !== 'installed')
    if (missing.length > 0) return differs('state', `${some(missing)}not installed`, 'installed')
    return [
      ...wrong.flatMap(name => versionDifference(wanted, name, found)),
      ...holdDifferences(wanted, found),
    ]
  },

  apply(wanted, found) {
    const { names, state, version, latest, hold } = wanted
    const wrong = names.filter(name => isWrong(wanted, name, found))
    const args = quoteAll(wrong.map(name => (version === undefined ? name : `${name}=${version}`)))
    const allowed = version === undefined && !latest ? '' : `APT_ALLOWED=${quote(otherVersion)}\n`
    const held = holdDifferences(wanted, found).length > 0 || hold === true ? names : []
    return [
      wrong.length > 0 && state === 'installed' ? `${allowed}apt_install ${args}\n` : '',
      wrong.length > 0 && state !== 'installed'
        ? `apt_remove ${state === 'purged' ? 'purge' : 'remove'} ${args}\n`
        : '',
      held.length === 0 ? '' : `apt-mark -qq ${hold ? 'hold' : 'unhold'} -- ${quoteAll(held)}\n`,
    ].join('')
  },
}

// Who asks for a version asks for it though it is older, and though an upgrade may not touch it.
const otherVersion = '--allow-downgrades --allow-change-held-packages'

export interface DeclareApt {
  (...args: readonly [string, ...(string | AptOptions)[]]): void
  absent(...args: readonly [string, ...(string | AptAbsentOptions)[]]): void
}

/** `apt('nginx', 'curl')`: these packages are installed, in whatever version the host's release has. */
export function apt(declare: Declare): DeclareApt {
  return Object.assign(
    (...args: readonly [string, ...(string | AptOptions)[]]): void => {
      const { names, options } = read<AptOptions>(args)
      const { version, latest, hold, ...rest } = options
      if (version !== undefined && !/^[0-9A-Za-z.+~:-]+\*?$/.test(version))
        throw new RangeError(`expected a version such as 1.22.1-9 or 1.22.*, got ${JSON.stringify(version)}`)
      if (version !== undefined && (names.length > 1 || latest))
        throw new RangeError('a version is of one package, and not the latest')
      const wanted = { names, state: 'installed' as const, version, latest: latest ?? false, hold }
      const isPlain = version === undefined && !latest && hold === undefined
      declare(packages, { name: names.join(' '), wanted, shared: isPlain }, rest)
    },
    {
      absent(...args: readonly [string, ...(string | AptAbsentOptions)[]]): void {
        const { names, options } = read<AptAbsentOptions>(args)
        const { purge, ...rest } = options
        const state = purge ? ('purged' as const) : ('absent' as const)
        const wanted = { names, state, version: undefined, latest: false, hold: undefined }
        declare(packages, { name: names.join(' '), wanted }, rest)
      },
    },
  )
}

function read<Options extends DeclareOptions>(args: readonly (string | Options)[]) {
  const names = args.filter(arg => typeof arg === 'string')
  const options = args.find((arg): arg is Options => typeof arg === 'object') ?? ({} as Options)
  for (const name of names)
    if (!/^[a-z0-9][a-z0-9+.-]+$/.test(name))
      throw new RangeError(`expected a Debian package's name, got ${JSON.stringify(name)}`)
  return { names, options }
}

// What dpkg-query prints has a line for each package; what apt-cache prints begins with a name and a colon.
function split(output: string): readonly string[] {
  const at = /^\S+:\n/m.exec(output)?.index ?? output.length
  return [output.slice(0, at).trim(), output.slice(at)]
}

function isWrong(wanted: WantedPackages, name: string, found: FoundPackages): boolean {
  const status = found.packages.get(name)?.status ?? 'not-installed'
  switch (wanted.state) {
    case 'installed':
      return status !== 'installed' || versionDifference(wanted, name, found).length > 0
    case 'absent':
      return status !== 'not-installed' && status !== 'config-files'
    case 'purged':
      return status !== 'not-installed'
  }
}

function versionDifference(
  wanted: WantedPackages,
  name: string,
  found: FoundPackages,
): readonly Difference[] {
  const version = found.packages.get(name)?.version ?? ''
  if (wanted.version !== undefined) {
    const { version: given } = wanted
    const isSame = given.endsWith('*') ? version.startsWith(given.slice(0, -1)) : version === given
    return isSame ? [] : differs('version', version, given)
  }
  const candidate = found.candidates.get(name)
  return wanted.latest && candidate !== undefined ? differs(`version of ${name}`, version, candidate) : []
}

function holdDifferences(
  { names, hold }: WantedPackages,
  { packages }: FoundPackages,
): readonly Difference[] {
  if (hold === undefined) return []
  const wrong = names.filter(name => (packages.get(name)?.isHeld ?? false) !== hold)
  return wrong.length === 0
    ? []
    : differs(`hold of ${wrong.join(' ')}`, hold ? 'not held' : 'held', hold ? 'held' : 'not held')
}
