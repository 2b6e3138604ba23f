import { basename } from 'node:path'
import { checkedLine, checkedMatch } from './checked.ts'
import { wantedFile } from './file.ts'
import { fingerprints } from './open-pgp.ts'
import { type FoundPath, path, type WantedPath } from './path.ts'
import type { Declare, DeclareOptions, Kind, RolePlace } from './resource.ts'
import { readRoleFile } from './role-file.ts'
import { here } from './shell.ts'

export interface AptSourceOptions extends DeclareOptions {
  /** `https://download.docker.com/linux/debian`, or a list. */
  readonly uris: string | readonly string[]
  /** `bookworm`, or a list; one that ends with a slash has no components. */
  readonly suites: string | readonly string[]
  readonly components?: string | readonly string[]
  /** `deb` by default. */
  readonly types?: readonly ('deb' | 'deb-src')[]
  readonly architectures?: readonly string[]
  /** The file of the role that has the public key, `files/docker.asc`; or what is in such a file. */
  readonly key: string | Buffer
  /** The key's fingerprint, with spaces or without; several where the file has several keys. */
  readonly fingerprint: string | readonly string[]
}

export interface DeclareAptSource {
  (name: string, options: AptSourceOptions): void
  absent(name: string, options?: DeclareOptions): void
}

/** `aptSource('docker', { uris, suites: 'bookworm', components: 'stable', key: 'files/docker.asc', fingerprint })`. Source: sources.list(5). */
export function aptSource(declare: Declare, role: RolePlace): DeclareAptSource {
  const present = (name: string, given: AptSourceOptions): void => {
    const { uris, suites, components, types = ['deb'], architectures, key, fingerprint, ...options } = given
    const content = typeof key === 'string' ? readRoleFile(role, key) : key
    checkFingerprints(typeof key === 'string' ? key : `the key of ${name}`, content, [fingerprint].flat())
    const [keyring, sources] = filesOf(name, content.includes('-----BEGIN PGP'))
    const fields = {
      Types: types,
      URIs: [uris]
        .flat()
        .map(uri =>
          checkedMatch('an address such as https://…', /(https?|file|cdrom|copy):[\x21-\x7e]+/, uri),
        ),
      Suites: [suites].flat(),
      Components: [components ?? []].flat(),
      Architectures: architectures ?? [],
      'Signed-By': [keyring],
    }
    const text = Object.entries(fields).flatMap(([field, values]) =>
      values.length === 0 ? [] : [`${field}: ${values.map(value => oneWord(field, value)).join(' ')}\n`],
    )
    declare(path, { noun: 'aptSource key', name: keyring, wanted: wantedFile(keyring, { content }) }, options)
    const wanted = wantedFile(sources, { content: `# Managed by Capstan.\n${text.join('')}` })
    declare(sourceFile, { name, wanted }, options)
  }
  return Object.assign(present, {
    absent(name: string, options: DeclareOptions = {}): void {
      const [armored, sources] = filesOf(name, true)
      declare(sourceFile, { name, wanted: { type: 'absent', path: sources } }, options)
      for (const keyring of [armored, filesOf(name, false)[0]])
        declare(
          path,
          { noun: 'aptSource key', name: keyring, wanted: { type: 'absent', path: keyring } },
          options,
        )
    },
  })
}

// One source that apt can't read, or that differs from another one in its key, stops all of apt. So apt reads the candidate among
// the others first, and fetches its lists, which it names after addresses: then its packages can be installed at once.
const sourceFile: Kind<WantedPath, FoundPath> = {
  ...path,
  noun: 'aptSource',
  apply(wanted, found) {
    const step = path.apply(wanted, found)
    if (wanted.type !== 'file') return step
    const candidate = `"$parts"/${basename(wanted.path)}`
    return `parts=$(mktemp -d); trap 'rm -rf -- "$parts"' EXIT; chmod 0755 "$parts"
cp -- /etc/apt/sources.list.d/* "$parts"/ 2>/dev/null || :
${here(`cat >${candidate}`, wanted.content ?? '')}apt-get indextargets -o Dir::Etc::sourceparts="$parts" >/dev/null
apt_get 120 update -o Dir::Etc::sourcelist=${candidate} -o Dir::Etc::sourceparts=- -o APT::Get::List-Cleanup=0 -o APT::Update::Error-Mode=any
${step}`
  },
}

/** The key's file and the source's. apt tells by its ending whether a key is armored. */
function filesOf(name: string, isArmored: boolean): readonly [string, string] {
  checkedMatch('a name of letters, digits, ., - and _', /[A-Za-z0-9_-][A-Za-z0-9_.-]*/, name)
  return [`/etc/apt/keyrings/${name}.${isArmored ? 'asc' : 'gpg'}`, `/etc/apt/sources.list.d/${name}.sources`]
}

/** Throws RangeError where the text is no public key, or another one than is expected; `key` names it in messages. */
export function checkFingerprints(key: string, content: Buffer, given: readonly string[]): void {
  const wanted = given.map(one =>
    checkedMatch(
      'a fingerprint of 40 or 64 hex digits',
      /[0-9A-F]{40}|[0-9A-F]{64}/,
      one.replace(/\s/g, '').toUpperCase(),
    ),
  )
  const found = orProblem(key, () => fingerprints(content))
  const other = found.find(one => !wanted.includes(one))
  if (other !== undefined)
    throw new RangeError(`${key}: holds the key ${other}, and ${wanted.join(', ')} was expected`)
}

function orProblem<T>(key: string, get: () => T): T {
  try {
    return get()
  } catch (error) {
    throw new RangeError(`${key}: ${(error as Error).message}`)
  }
}

function oneWord(field: string, value: string): string {
  if (/\s/.test(checkedLine(field, value)))
    throw new RangeError(`expected one word as ${field}, got ${JSON.stringify(value)}`)
  return value
}
