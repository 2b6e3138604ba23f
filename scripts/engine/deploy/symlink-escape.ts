import { type Entry, shown } from './manifest.ts'

/** A line for each link that leads out of the release, followed as a kernel follows it; `shared` ones lead out by design. */
export function refuseEscapes(entries: readonly Entry[], shared: ReadonlySet<string>): readonly string[] {
  const links = new Map(entries.flatMap(entry => (entry.type === 'link' ? [[entry.path, entry.target]] : [])))
  return [...links].flatMap(([path, target]) => {
    if (shared.has(path)) return []
    const why = leavesBy(path, links, shared)
    return why === undefined ? [] : [`${shown(path)} → ${shown(target)}: ${why}`]
  })
}

// What a kernel gives up after, too. Source: path_resolution(7).
const mostLinks = 40

function leavesBy(
  path: string,
  links: ReadonlyMap<string, string>,
  shared: ReadonlySet<string>,
): string | undefined {
  const at: string[] = []
  const rest = path.split('/')
  let followed = 0
  for (let part = rest.shift(); part !== undefined; part = rest.shift()) {
    if (part === '' || part === '.') continue
    if (part === '..') {
      if (at.length === 0) return 'leads out of the release'
      if (shared.has(at.join('/'))) return 'leads out of a shared folder'
      at.pop()
      continue
    }
    at.push(part)
    const here = at.join('/')
    const target = shared.has(here) ? undefined : links.get(here)
    if (target === undefined) continue
    if (target.startsWith('/')) return 'is absolute: it would lead out of the release'
    if (++followed > mostLinks) return 'goes round in a circle'
    at.pop()
    rest.unshift(...target.split('/'))
  }
  return undefined
}
