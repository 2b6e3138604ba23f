import { quoteAll } from '#engine/quote.ts'
import { type Declare, type DeclareOptions, differs, type Kind, known } from './resource.ts'

interface WantedPackages {
  readonly names: readonly string[]
}

/** Status of each wanted name that dpkg knows: `{nginx: 'installed'}`, `half-configured`, `config-files`… */
interface FoundPackages {
  readonly status: ReadonlyMap<string, string>
}

/** Debian packages. Source: dpkg-query(1) -W, `${db:Status-Status}`. */
const packages: Kind<WantedPackages, FoundPackages> = {
  noun: 'apt',

  probe(items) {
    const names = [...new Set(items.flatMap(item => item.names))]
    // dpkg-query exits 1 when any one name is unknown, so its code is not judged here.
    return `dpkg-query -W -f '\${Package} \${db:Status-Status}\\n' -- ${quoteAll(names)} 2>/dev/null || :\n`
  },

  parse(output, items) {
    const lines = output.toString().trim().split('\n')
    const status = new Map(lines.map(line => line.split(' ') as [string, string]))
    return items.map(() => known({ status }))
  },

  diff(wanted, found) {
    const missing = wanted.names.filter(name => found.status.get(name) !== 'installed')
    if (missing.length === 0) return []
    const some = missing.length < wanted.names.length ? `${missing.join(' ')} ` : ''
    return differs('state', `${some}not installed`, 'installed')
  },

  apply(wanted, found) {
    const missing = wanted.names.filter(name => found.status.get(name) !== 'installed')
    return `apt_install ${quoteAll(missing)}\n`
  },
}

/** `apt('nginx', 'curl')`: these packages are installed, in whatever version the host's release has. */
export function apt(declare: Declare) {
  return (...args: readonly [string, ...(string | DeclareOptions)[]]): void => {
    const names = args.filter(arg => typeof arg === 'string')
    const options = args.find(arg => typeof arg === 'object')
    for (const name of names)
      if (!/^[a-z0-9][a-z0-9+.-]+$/.test(name))
        throw new RangeError(`expected a Debian package's name, got ${JSON.stringify(name)}`)
    declare(packages, { name: names.join(' '), wanted: { names }, shared: true }, options)
  }
}
