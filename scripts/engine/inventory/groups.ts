import { orNearest } from '#engine/nearest.ts'
import type { Problems } from './problems.ts'
import type { Origin } from './tree.ts'

/** A group as the inventory declares it, names with the place they were written. */
export interface DeclaredGroup {
  readonly name: string
  readonly origin: Origin
  readonly hosts: readonly Named[]
  readonly groups: readonly Named[]
}

interface Named {
  readonly name: string
  readonly origin: Origin
}

export interface Group {
  readonly name: string
  /** Its own hosts and those of the groups in it, in the order of the inventory. */
  readonly hosts: readonly string[]
  /** The groups directly in it. */
  readonly groups: readonly string[]
  /** How many groups lie above it, on the longest way up. */
  readonly depth: number
}

/**
 * The groups by name, with `all` at the top, in the order of precedence: by depth, then by name. Unknown names
 * and a group inside itself are problems.
 */
export function groupHosts(
  declared: readonly DeclaredGroup[],
  hosts: readonly string[],
  problems: Problems,
): ReadonlyMap<string, Group> {
  const byName = new Map(declared.map(group => [group.name, group]))
  for (const group of declared) {
    for (const { name, origin } of group.hosts) {
      if (!hosts.includes(name)) problems.add(origin, `${name} is no host${orNearest(name, hosts)}`)
    }
    for (const { name, origin } of group.groups) {
      if (!byName.has(name)) problems.add(origin, `${name} is no group${orNearest(name, byName.keys())}`)
    }
  }
  const looped = declared.filter(group => {
    const loop = loopFrom(group.name, byName)
    // Each group of a loop finds it; the first by name tells.
    if (loop !== undefined && [...loop].sort()[0] === group.name) {
      problems.add(group.origin, `the group is inside itself: ${loop.join(' → ')}`)
    }
    return loop !== undefined
  })
  if (looped.length > 0) return new Map()
  const groups = declared.map(group => grouped(group, byName, hosts))
  const all: Group = { name: 'all', hosts, groups: topmost(declared), depth: 0 }
  const inOrder = groups.sort((a, b) => a.depth - b.depth || (a.name < b.name ? -1 : 1))
  return new Map([all, ...inOrder].map(group => [group.name, group]))
}

type Declared = ReadonlyMap<string, DeclaredGroup>

function loopFrom(start: string, byName: Declared): readonly string[] | undefined {
  const seen = new Set<string>()
  const search = (name: string, way: readonly string[]): readonly string[] | undefined => {
    for (const child of byName.get(name)?.groups ?? []) {
      if (child.name === start) return [...way, start]
      if (seen.has(child.name)) continue
      seen.add(child.name)
      const found = search(child.name, [...way, child.name])
      if (found !== undefined) return found
    }
    return undefined
  }
  return search(start, [start])
}

function grouped(group: DeclaredGroup, byName: Declared, hosts: readonly string[]): Group {
  const members = membersOf(group.name, byName, new Set())
  return {
    name: group.name,
    hosts: hosts.filter(host => members.has(host)),
    groups: group.groups.map(each => each.name).filter(name => byName.has(name)),
    depth: depthOf(group.name, byName, new Map()),
  }
}

function membersOf(name: string, byName: Declared, seen: Set<string>): ReadonlySet<string> {
  const group = byName.get(name)
  if (group === undefined || seen.has(name)) return new Set()
  seen.add(name)
  const below = group.groups.flatMap(child => [...membersOf(child.name, byName, seen)])
  return new Set([...group.hosts.map(host => host.name), ...below])
}

function depthOf(name: string, byName: Declared, known: Map<string, number>): number {
  const before = known.get(name)
  if (before !== undefined) return before
  const parents = [...byName.values()].filter(group => group.groups.some(child => child.name === name))
  const depth = 1 + Math.max(0, ...parents.map(parent => depthOf(parent.name, byName, known)))
  known.set(name, depth)
  return depth
}

function topmost(declared: readonly DeclaredGroup[]): readonly string[] {
  const inside = new Set(declared.flatMap(group => group.groups.map(child => child.name)))
  return declared.map(group => group.name).filter(name => !inside.has(name))
}
