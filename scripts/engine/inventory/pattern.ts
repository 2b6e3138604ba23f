import { UsageError } from '#engine/errors.ts'
import { orNearest } from '#engine/nearest.ts'
import type { Inventory, InventoryHost } from './inventory.ts'

/**
 * The hosts that a pattern means, in the order of the inventory. Terms are joined by `,` or `:`: a host, a
 * group, a glob (`web*`), a place in a group (`web[0]`, `web[1:3]`, `web[-1]`, both ends counted); `&term` keeps only
 * what it names too, `!term` leaves out what it names, whatever the order. Throws UsageError on a name that is
 * neither and on a pattern that means no host.
 */
export function selectHosts(inventory: Inventory, pattern: string): readonly InventoryHost[] {
  const terms = split(pattern).map(term => term.trim())
  if (terms.length === 0 || terms.includes(''))
    throw refused(pattern, `expected hosts or groups joined by , or :, got ${JSON.stringify(pattern)}`)
  const named = (prefix: string) =>
    terms.filter(term => term.startsWith(prefix)).map(term => members(inventory, term.slice(1), pattern))
  const wanted = terms.filter(term => !/^[!&]/.test(term)).map(term => members(inventory, term, pattern))
  const chosen = new Set(
    wanted.length > 0 ? wanted.flatMap(set => [...set]) : inventory.hosts.map(host => host.name),
  )
  const kept = named('&')
  const left = named('!')
  const hosts = inventory.hosts.filter(
    ({ name }) => chosen.has(name) && kept.every(set => set.has(name)) && !left.some(set => set.has(name)),
  )
  if (hosts.length === 0) throw refused(pattern, `${pattern} matches no host of ${inventory.file}`)
  return hosts
}

// Not within brackets: the colon of web[0:2] is its own.
function split(pattern: string): readonly string[] {
  return pattern.split(/[,:](?![^[\]]*\])/)
}

function members(inventory: Inventory, term: string, pattern: string): ReadonlySet<string> {
  const [, base = '', place] = /^(.*?)(?:\[([^\]]*)\])?$/.exec(term) ?? []
  const found = byName(inventory, base, pattern)
  return new Set(place === undefined ? found : within(found, place, term, pattern))
}

function byName(inventory: Inventory, name: string, pattern: string): readonly string[] {
  const group = inventory.groups.get(name)
  if (group !== undefined) return group.hosts
  const hosts = inventory.hosts.map(host => host.name)
  if (hosts.includes(name)) return [name]
  const known = [...inventory.groups.keys(), ...hosts]
  if (!/[*?]/.test(name)) {
    throw refused(
      pattern,
      `${JSON.stringify(name)} is not a host or group of ${inventory.file}${orNearest(name, known)}`,
    )
  }
  const isLike = glob(name)
  const inGroups = new Set(
    [...inventory.groups.values()].filter(each => isLike(each.name)).flatMap(each => each.hosts),
  )
  const found = hosts.filter(host => isLike(host) || inGroups.has(host))
  if (found.length === 0) throw refused(pattern, `no host or group of ${inventory.file} matches ${name}`)
  return found
}

function within(hosts: readonly string[], place: string, term: string, pattern: string): readonly string[] {
  const [, first, colon, last] = /^(-?\d+)?(:)?(-?\d+)?$/.exec(place) ?? []
  const at = (text: string) => (Number(text) < 0 ? hosts.length + Number(text) : Number(text))
  if (colon === undefined && first !== undefined) {
    const one = hosts[at(first)]
    if (one === undefined)
      throw refused(pattern, `${term}: expected a place below ${hosts.length}, got ${first}`)
    return [one]
  }
  if (colon === undefined) throw refused(pattern, `${term}: expected a place such as [0], [-1] or [0:2]`)
  return hosts.slice(at(first ?? '0'), at(last ?? '-1') + 1)
}

function glob(pattern: string): (name: string) => boolean {
  const source = [...pattern]
    .map(c => (c === '*' ? '.*' : c === '?' ? '.' : c.replace(/[\\^$.|+()[\]{}]/, '\\$&')))
    .join('')
  const whole = new RegExp(`^${source}$`)
  return name => whole.test(name)
}

function refused(pattern: string, message: string): UsageError {
  return new UsageError('host-pattern', message, {
    where: `pattern ${JSON.stringify(pattern)}`,
    hint: 'npx zx scripts/inventory.mjs list shows the hosts and groups.',
  })
}
