import { basename, dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ProcessPromise } from 'zx/core'
import type { Bound, Nouns } from '#engine/resources/resource.ts'
import type { Site, Vars } from '#engine/vars.ts'
import * as vocabulary from '#engine/vars.ts'
import type { RoleDeclarations } from './catalog.ts'
import { type Declarations, declarations } from './declarations.ts'
import type { Facts, SetUpSite } from './facts.ts'

/** What a role's tasks are given: the nouns to declare with, and what they may depend on. */
export interface Tasks<V> extends Declarations {
  /** The role's own vars, valid. On a host with several sites, those of the first site. */
  readonly vars: V
  /** What all roles share: domain, names, app. On a host with several sites, the first of them. */
  readonly site: Site
  /** Each site of the host, with the role's vars for it. */
  readonly sites: readonly SiteTasks<V>[]
  /** Sites that the host was set up for and no longer has. Their data is kept. */
  readonly removed: readonly SetUpSite[]
  readonly facts: Facts
  /** The host's name in the inventory and the groups it is in. */
  readonly host: HostIdentity
}

export interface SiteTasks<V> {
  readonly site: Site
  readonly vars: V
}

/** Something of a host that status.mjs shows. */
export interface StatusCheck {
  /** A word: `certificate`. */
  readonly name: string
  /**
   * Shell that reads and changes nothing, as root: it calls `good TEXT`, or `warning TEXT CURE` and `bad TEXT CURE`, once or
   * several times; not at all where the host has no such thing. HOST in a cure becomes the command that runs one on the host.
   */
  readonly script: string
}

/** The sites of a host, with a role's vars for each; `vars` are those of the first. */
export interface RoleSites<V> {
  readonly vars: V
  readonly sites: readonly SiteTasks<V>[]
}

/** Another role that a site needs on the same host. */
export interface Requirement {
  /** The name of that role. */
  readonly role: string
  readonly site: Site
  /** The var of the site that asks for it: `www`. */
  readonly key: keyof Site & string
  /** What needs it, and what else to do. */
  readonly why: string
}

/** A role of a host, with its vars for each of the host's sites, in their order. */
export interface AssignedRole {
  readonly role: Role
  readonly vars: readonly unknown[]
}

export interface HostIdentity {
  readonly name: string
  readonly groups: readonly string[]
  /** zx's `$` on the host, for a reading that no resource offers; each use is a trip. Absent in `--list-tasks`. */
  readonly $?: HostDollar | undefined
}

/** What of `Dollar` a role may use. */
export type HostDollar = (pieces: TemplateStringsArray, ...values: readonly unknown[]) => ProcessPromise

export interface Role<V = unknown> {
  /** The name of its folder below roles/. */
  readonly name: string
  readonly directory: string
  readonly vars: Vars<V>
  /** Adds the role's resources to the catalog; `vars` have been parsed by this role's own schema. */
  declare(into: RoleDeclarations, given: RoleInput): void | Promise<void>
  /** What status.mjs shows of it. */
  status?(sites: readonly SiteTasks<unknown>[]): readonly StatusCheck[]
  /** Roles that its vars need beside it. */
  requires?(sites: readonly SiteTasks<unknown>[]): readonly Requirement[]
}

export interface RoleInput {
  readonly sites: readonly SiteTasks<unknown>[]
  readonly removed: readonly SetUpSite[]
  readonly facts: Facts
  readonly host: HostIdentity
}

export interface RoleDefinition<V, Kinds extends Nouns> {
  readonly vars: Vars<V>
  /** Kinds that the role brings with it, by the name that its tasks call them. */
  readonly kinds?: Kinds
  readonly tasks: (tasks: Tasks<V> & Bound<Kinds>) => void | Promise<void>
  /** What status.mjs shows of it, beside what it shows of every host. */
  readonly status?: (sites: RoleSites<V>) => readonly StatusCheck[]
  /** Roles that its vars need on the same host; a run without them is refused before a host is contacted. */
  readonly requires?: (sites: RoleSites<V>) => readonly Requirement[]
}

/**
 * A role as an npm package exports it: plain JavaScript that imports nothing of Capstan. `vars` gets the vocabulary of
 * `#engine/vars.ts`.
 */
export interface PackagedRole<V = unknown> {
  readonly name: string
  /** The URL of the module, `import.meta.url`: `templates/` and `files/` lie beside it. */
  readonly url: string
  readonly vars?: (vocabulary: Vocabulary) => Vars<V>
  readonly kinds?: Nouns
  readonly tasks: (tasks: Tasks<V>) => void | Promise<void>
  readonly status?: (sites: RoleSites<V>) => readonly StatusCheck[]
  readonly requires?: (sites: RoleSites<V>) => readonly Requirement[]
}

type Vocabulary = typeof vocabulary

/** The role that a package exports. Throws TypeError where it has no name or no tasks. */
export function packagedRole<V>(definition: PackagedRole<V>): Role<V> {
  const { name, url, vars, kinds, tasks, status, requires } = definition
  if (typeof name !== 'string' || !/^[a-z][a-z0-9-]*$/.test(name) || typeof tasks !== 'function')
    throw new TypeError('expected a role: { name, url, vars, tasks }')
  const directory = dirname(fileURLToPath(url))
  return {
    name,
    directory,
    vars: vars ? vars(vocabulary) : (vocabulary.vars({}) as unknown as Vars<V>),
    declare(into, given) {
      return tasks({ ...declarations(into, { directory }, kinds), ...tasksOf<V>(given) })
    },
    ...(status && { status: sites => ofSites(sites, status) }),
    ...(requires && { requires: sites => ofSites(sites, requires) }),
  }
}

/** Defines the role of this folder: `export default role(import.meta, { vars, tasks({ vars, apt }) { … } })`. */
export function role<V, Kinds extends Nouns = Record<never, never>>(
  meta: ImportMeta,
  definition: RoleDefinition<V, Kinds>,
): Role<V> {
  const directory = dirname(fileURLToPath(meta.url))
  const { status: checks, requires } = definition
  return {
    name: basename(directory),
    directory,
    vars: definition.vars,
    declare(into, given) {
      return definition.tasks({
        ...declarations(into, { directory }, definition.kinds),
        ...tasksOf<V>(given),
      })
    },
    ...(checks && { status: sites => ofSites(sites, checks) }),
    ...(requires && { requires: sites => ofSites(sites, requires) }),
  }
}

function tasksOf<V>({ sites, ...given }: RoleInput) {
  const [first] = sites
  if (!first) throw new Error('a host has a site')
  return { ...given, site: first.site, vars: first.vars as V, sites: sites as readonly SiteTasks<V>[] }
}

function ofSites<V, T>(
  sites: readonly SiteTasks<unknown>[],
  ask: (sites: RoleSites<V>) => readonly T[],
): readonly T[] {
  const [first] = sites
  return first ? ask({ vars: first.vars as V, sites: sites as readonly SiteTasks<V>[] }) : []
}
