import type { Group } from './groups.ts'
import type { HostConnection } from './host.ts'
import type { Inventory, InventoryHost } from './inventory.ts'
import { leaves, lineOf, type Tree } from './tree.ts'

export type Question = 'list' | 'graph' | 'vars'

/** The answer for people. */
export function asText(question: Question, inventory: Inventory, hosts: readonly InventoryHost[]): string {
  if (question === 'graph') return graph(inventory).join('\n')
  if (question === 'vars') return hosts.flatMap(host => [host.name, ...varLines(host)]).join('\n')
  return columns(hosts.map(host => [host.name, reached(host.connection), host.groups.join(', ')])).join('\n')
}

/** The answer for programs: one JSON value on one line. */
export function asJson(question: Question, inventory: Inventory, hosts: readonly InventoryHost[]): string {
  if (question === 'graph') return JSON.stringify(Object.fromEntries(inventory.groups))
  if (question === 'vars') {
    return JSON.stringify(Object.fromEntries(hosts.map(host => [host.name, varRows(host)])))
  }
  return JSON.stringify(hosts.map(({ name, groups, connection }) => ({ name, groups, connection })))
}

function reached(connection: HostConnection): string {
  if (connection.kind === 'sandbox') return `sandbox, Debian ${connection.debian}`
  if (connection.kind === 'local') return 'this machine'
  const { user, address, port } = connection
  return `ssh ${user === undefined ? '' : `${user}@`}${address}${port === undefined ? '' : ` port ${port}`}`
}

function graph({ groups, hosts }: Inventory): readonly string[] {
  const draw = (group: Group, depth: number): readonly string[] => {
    const below = group.groups.flatMap(name => groups.get(name) ?? [])
    const inside = new Set(below.flatMap(each => each.hosts))
    const own = group.hosts.filter(host => !inside.has(host)).map(host => `${'  '.repeat(depth + 1)}${host}`)
    return [`${'  '.repeat(depth)}@${group.name}`, ...below.flatMap(each => draw(each, depth + 1)), ...own]
  }
  const all = groups.get('all')
  return all === undefined ? hosts.map(host => host.name) : draw(all, 0)
}

interface VarRow {
  readonly path: string
  readonly value: unknown
  /** The file and the line. */
  readonly from: string
}

function varRows(host: InventoryHost): readonly VarRow[] {
  return [...leaves(host.tree)].map(([path, tree]) => ({
    path: path.join('.'),
    value: shown(path, tree),
    from: lineOf(tree.origin),
  }))
}

function varLines(host: InventoryHost): readonly string[] {
  const rows = varRows(host).map(({ path, value, from }) => [`  ${path}`, text(value), from])
  return columns(rows)
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

// Which vars are secrets only a role's schema knows; here a telling name is enough to hide one.
const secretName = /(password|passphrase|secret|token|private_?key)$/i

function shown(path: readonly string[], tree: Tree): unknown {
  if (tree.kind === 'reference')
    return tree.to === 'env' ? `!env ${tree.name}` : `*** (!${tree.to} ${tree.name})`
  if (tree.kind !== 'scalar') return tree.kind === 'map' ? {} : []
  return tree.value !== null && path.some(key => secretName.test(key)) ? '***' : tree.value
}

function columns(rows: readonly (readonly string[])[]): readonly string[] {
  const width = (column: number) => Math.max(0, ...rows.map(row => row[column]?.length ?? 0))
  const widths = [width(0), width(1)]
  return rows.map(row =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}
