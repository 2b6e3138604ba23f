import { quote } from '#engine/quote.ts'
import { checkedMatch } from './checked.ts'
import { file } from './file.ts'
import { type FoundPath, path, type WantedPath } from './path.ts'
import type { Declare, DeclareOptions, Kind } from './resource.ts'

/** `timezone('Europe/Berlin')`: of the host. Source: localtime(5). */
export function timezone(declare: Declare) {
  return (zone: string, options: DeclareOptions = {}): void => {
    checkedMatch('a time zone such as Europe/Berlin', /[A-Za-z0-9_+-]+(\/[A-Za-z0-9_+-]+)*/, zone)
    const wanted = { type: 'link' as const, path: '/etc/localtime', target: `/usr/share/zoneinfo/${zone}` }
    declare(localtime, { name: zone, wanted }, options)
    file(declare)('/etc/timezone', { content: `${zone}\n`, ...options })
  }
}

// A link to a zone that does not exist would mean UTC, without a word.
const localtime: Kind<WantedPath, FoundPath> = {
  ...path,
  noun: 'timezone',
  apply(wanted, found) {
    const zone = wanted.type === 'link' ? wanted.target : ''
    const problem = `${zone}: no such time zone on this host, or no package tzdata: declare apt('tzdata') before`
    return `[ -f ${quote(zone)} ] || { echo ${quote(problem)} >&2; return 1; }\n${path.apply(wanted, found)}`
  },
}
