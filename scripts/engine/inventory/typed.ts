import type { Site, Vars } from '#engine/vars.ts'
import type { InventoryHost } from './inventory.ts'
import { collectProblems } from './problems.ts'

/** A host's vars as its roles get them. */
export interface TypedVars {
  readonly site: Site
  /** By role. */
  readonly roles: ReadonlyMap<string, unknown>
}

/** A host and the vars of the roles that it is going to get. */
export interface Wanted {
  readonly host: InventoryHost
  readonly roles: ReadonlyMap<string, Vars<unknown>>
}

/**
 * Types the vars of every host, defaults filled in, by the host's name. Throws one UsageError with every value
 * that is refused, each with the file and line it was written at.
 */
export function typeVars(
  wanted: readonly Wanted[],
  site: Vars<Site>,
  inventoryFile: string,
): ReadonlyMap<string, TypedVars> {
  const problems = collectProblems(inventoryFile)
  const typed = new Map<string, TypedVars>()
  for (const { host, roles } of wanted) {
    const read = <T>(key: string, schema: Vars<T>, of?: Site): T | undefined => {
      const parsed = schema.parse(host.vars[key], of)
      if (parsed.ok) return parsed.value
      for (const { path, message } of parsed.problems) problems.add(host.origin([key, ...path]), message)
      return undefined
    }
    const ofSite = read('site', site)
    // What is computed from a wrong site would be wrong too; the defaults stand in for it.
    const standIn = ofSite ?? read('', site)
    if (standIn === undefined) continue
    const values = [...roles].map(([role, schema]) => [role, read(role, schema, standIn)] as const)
    if (ofSite !== undefined) typed.set(host.name, { site: ofSite, roles: new Map(values) })
  }
  problems.check()
  return typed
}
