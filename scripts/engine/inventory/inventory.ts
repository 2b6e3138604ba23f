import { basename } from 'node:path'
import { type Declared, type DeclaredHost, readInventory } from './document.ts'
import { environmentOf } from './environment.ts'
import { findInventory, readTrusted } from './files.ts'
import { generatedSecrets } from './generated.ts'
import { type Group, groupHosts } from './groups.ts'
import { connectionOf, type HostConnection, hostSettings, settingsOf } from './host.ts'
import { mergeVars, readLayer } from './precedence.ts'
import { collectProblems, type Problems } from './problems.ts'
import { type References, resolveReferences } from './references.ts'
import { descend, lineOf, type MapTree, placeOf, plain } from './tree.ts'
import { readVarFiles } from './var-files.ts'
import { readYaml } from './yaml.ts'

export interface InventoryHost {
  readonly name: string
  /** In the order of precedence, weakest first, without `all`. */
  readonly groups: readonly string[]
  readonly connection: HostConnection
  /** Merged and resolved, not yet typed: `site` or `sites`, and roles, at the top; a secret is a Secret. */
  readonly vars: Readonly<Record<string, unknown>>
  /** Where a var was written, or would be: `inventory/production.yml:12: hosts.web1.vars.nginx.port`. */
  origin(path: readonly string[]): string
  /** Only the file and its line: `inventory/production.yml:12`. */
  line(path: readonly string[]): string
  /** The same vars with their origins, references not followed. */
  readonly tree: MapTree
}

export interface Inventory {
  readonly name: string
  /** As people see it: relative to the root where it lies within it. */
  readonly file: string
  readonly hosts: readonly InventoryHost[]
  /** By name, `all` first, then by depth and name. */
  readonly groups: ReadonlyMap<string, Group>
  /** The roles whose vars it may have. */
  readonly roles: readonly string[]
}

export interface InventoryOptions {
  /** The folder of the project. */
  readonly root: string
  /** A name in its inventory folder, or a path. */
  readonly inventory: string
  /** Each `-e`, in order. */
  readonly extraVars: readonly string[]
  /** The names that may stand beside `site` and `sites` at the top of vars. */
  readonly roles: readonly string[]
  readonly environment: NodeJS.ProcessEnv
  /** False leaves references unresolved, to show an inventory without having its secrets. */
  readonly resolve?: boolean
  /** True takes a placeholder for each secret, to read what does not depend on one. */
  readonly placeholders?: boolean
}

/** Reads an inventory and everything beside it; throws one UsageError with all that is wrong in it. */
export async function loadInventory(options: InventoryOptions): Promise<Inventory> {
  const path = await findInventory(options.root, options.inventory)
  const { shown, text } = await readTrusted(options.root, path)
  const problems = collectProblems(shown)
  const tree = readYaml(text, { file: shown }, problems)
  problems.check()
  if (tree === undefined) throw new Error(`${shown} gave neither a tree nor a problem`)
  const declared = layered(readInventory(tree, problems), options.roles, problems)
  const groups = groupHosts(declared.groups, [...declared.hosts.keys()], problems)
  const files = await readVarFiles(path, declared, options, problems)
  const env = environmentOf(options.root, options.environment)
  const references: References = options.placeholders
    ? { env, secret: () => placeholder, generated: () => placeholder }
    : { env, secret: env, generated: generatedSecrets(options.root) }
  const hosts = [...declared.hosts].map(([name, host]) =>
    readHost(name, host, mergeVars(name, declared, groups, files), groups, references, options, problems),
  )
  problems.check()
  return { name: basename(path).replace(/\.ya?ml$/, ''), file: shown, hosts, groups, roles: options.roles }
}

// As long as any secret has to be, and base64, as some are.
const placeholder = 'placeholder0'.repeat(4)

function layered(declared: Declared, roles: readonly string[], problems: Problems): Declared {
  const layer = (vars: MapTree) => readLayer(vars, roles, problems)
  return {
    vars: layer(declared.vars),
    hosts: new Map([...declared.hosts].map(([name, host]) => [name, { ...host, vars: layer(host.vars) }])),
    groups: declared.groups.map(group => ({ ...group, vars: layer(group.vars) })),
  }
}

function readHost(
  name: string,
  declared: DeclaredHost,
  tree: MapTree,
  groups: ReadonlyMap<string, Group>,
  references: References,
  options: InventoryOptions,
  problems: Problems,
): InventoryHost {
  const connection = readConnection(name, declared, references, options, problems)
  const isSandbox = connection.kind === 'sandbox'
  const resolved = options.resolve === false ? tree : resolveReferences(tree, references, isSandbox, problems)
  const above = { ...declared.origin, path: [...declared.origin.path, 'vars'] }
  // A role without vars in the inventory has no origin: its vars would be written at the host.
  const find = (path: readonly string[]) => {
    const { nearest, rest } = descend(tree, path)
    return rest.length === path.length ? { origin: above, rest } : { origin: nearest.origin, rest }
  }
  return {
    name,
    groups: [...groups.values()]
      .filter(each => each.name !== 'all' && each.hosts.includes(name))
      .map(each => each.name),
    connection,
    vars: plain(resolved) as Record<string, unknown>,
    tree,
    origin: path => placeOf(find(path).origin, find(path).rest),
    line: path => lineOf(find(path).origin),
  }
}

function readConnection(
  name: string,
  { settings }: DeclaredHost,
  references: References,
  options: InventoryOptions,
  problems: Problems,
): HostConnection {
  const resolved =
    options.resolve === false ? settings : resolveReferences(settings, references, false, problems)
  const parsed = hostSettings.parse(plain(resolved))
  if (!parsed.ok) {
    for (const { path, message } of parsed.problems) {
      const { nearest, rest } = descend(settings, path)
      problems.add(placeOf(nearest.origin, rest), message)
    }
    return { kind: 'local', sudo: undefined }
  }
  const connection = connectionOf(name, parsed.value, options.root)
  for (const [key, tree] of settings.entries) {
    if (key === 'connection' || settingsOf[connection.kind].includes(key)) continue
    problems.add(tree.origin, `a host with connection ${connection.kind} has no ${key}`)
  }
  return connection
}
