import { buildCatalog, type RoleDeclarations } from '#engine/converge/catalog.ts'
import { compared, type Probed } from '#engine/converge/probe.ts'
import { differs, type Kind, known, type State, unknown } from '#engine/resources/resource.ts'

/** What a test's host has: a value for each name; `undefined`: its state is unknown. */
export type Host = Readonly<Record<string, string | undefined>>

/** A kind whose items are names with values: as simple as a kind can be. */
export const value: Kind<{ readonly name: string; readonly value: string }, string> = {
  noun: 'value',
  usesUnits: false,
  probe: items => items.map(item => `print ${item.name}\n`).join(''),
  parse: output =>
    output
      .toString()
      .split('\n')
      .map((line): State<string> => (line === '?' ? unknown('nobody knows') : known(line))),
  diff: (wanted, found) => differs('value', found, wanted.value),
  apply: wanted => `set ${wanted.name}=${wanted.value}`,
}

/** A catalog of what `declareAll` declares, a role a function. */
export function catalogOf(roles: Readonly<Record<string, (role: RoleDeclarations & Given) => void>>) {
  const catalog = buildCatalog()
  for (const [name, declareAll] of Object.entries(roles)) {
    const role = catalog.role(name)
    const set: Given['set'] = (item, wanted, { late = false, ...options } = {}) =>
      role.declare(value, { name: item, wanted: { name: item, value: wanted }, late }, options)
    declareAll({ ...role, set })
  }
  return catalog
}

export interface Given {
  readonly set: (
    name: string,
    value: string,
    options?: Parameters<RoleDeclarations['declare']>[2] & { readonly late?: boolean },
  ) => void
}

/** Each resource of the catalog with what `host` has of it. */
export function probedOn(catalog: ReturnType<typeof buildCatalog>, host: Host): readonly Probed[] {
  return catalog.resources.map(resource => {
    const { name } = resource.wanted as { name: string }
    const found = name in host ? host[name] : ''
    return compared(resource, found === undefined ? unknown(`${name} is not there yet`) : known(found))
  })
}
