import type { Difference } from '#engine/output/events.ts'

/** What a probe found out about one item; `unknown` says why it can't be known yet. */
export type State<Found> = { readonly known: true; readonly value: Found } | Unknown

export interface Unknown {
  readonly known: false
  readonly reason: string
}

export interface ProbeOptions {
  /** `--diff`: print the present content of what differs. */
  readonly diff: boolean
  /** Only some of the host's roles are looked at: what they don't declare, another one may. */
  readonly partial?: boolean
}

/**
 * One noun of the machine. A kind reads all of its items in one or two remote processes, compares purely, and
 * changes one item at a time. `probe` and `apply` give POSIX sh that runs as root with stdin empty; every value
 * in it goes through `quote()` or a here-document, and what is secret never into argv.
 */
export interface Kind<Wanted, Found> {
  /** `file`, `apt`: groups the items of a probe. */
  readonly noun: string
  /** Shell that prints to stdout what `parse` reads. Must exit 0 whatever the items' state. */
  probe(items: readonly Wanted[], options: ProbeOptions): string
  /** The states, in the order of the items. Throws when the output is not what `probe` prints. */
  parse(output: Buffer, items: readonly Wanted[]): readonly State<Found>[]
  /** What is not as wanted; empty when nothing is. Pure. */
  diff(wanted: Wanted, found: Found): readonly Difference[]
  /** Shell that applies the declared state, atomically, under `set -e`; run only when `diff` found something. */
  apply(wanted: Wanted, found: Found): string
  /**
   * The same as `apply`, as data: neighbouring steps of such kinds are made by one process. A kind that takes over these
   * members with an `apply` of its own is changed by that: `like` is no longer the same.
   */
  readonly changes?: {
    readonly like: (wanted: Wanted, found: Found) => string
    readonly of: (wanted: Wanted, found: Found) => FileChange
  }
  /** What is wanted once all roles of the host have declared, for a kind that follows from other resources; absent: the same. */
  complete?(wanted: Wanted, all: readonly Resource[]): Wanted
  /**
   * false: `apply` does not depend on whether systemd has read unit files that changed. Absent: it may, so systemd reads them
   * before it.
   */
  readonly usesUnits?: false
  /** How often it is applied in one run before that fails; absent: three times. */
  readonly tries?: number
  /** What to tell the operator of an item that is as wanted; absent or undefined: nothing. Pure. */
  warning?(wanted: Wanted, found: Found): string | undefined
}

/** A change of a file, directory or link: one of the functions of `FILES` in prelude.sh, and what it gets. */
export interface FileChange {
  readonly what: 'put' | 'directory' | 'attributes' | 'symlink' | 'remove'
  readonly args: readonly string[]
  /** Of a file that is written. */
  readonly content?: Buffer
}

/** An action that runs once, at the end of its role, when something that notifies it has changed. */
export interface Handler {
  readonly role: string
  readonly name: string
  /** Shell; fails when what it acts on did. */
  readonly action: string
  readonly where: () => string
}

/**
 * Files below one directory that are tested together before they are installed: a candidate copy of `root` is
 * changed, `test` runs with it bound over the real one, and only then do the two change places in one rename.
 */
export interface ConfigSet {
  readonly role: string
  readonly name: string
  readonly root: string
  /** Shell that exits non-zero, saying why on stderr, when the service would not start from these files. */
  readonly test: string
}

/** One declared item of the catalog. */
export interface Resource {
  readonly kind: Kind<unknown, unknown>
  /** How people see it: `template /etc/nginx/nginx.conf`. Unique on a host, but for what roles may share. */
  readonly label: string
  readonly wanted: unknown
  readonly role: string
  readonly where: () => string
  readonly notify: readonly Handler[]
  readonly set: ConfigSet | undefined
  /** Runs each time and can't be verified: a command without a guard. */
  readonly once: boolean
  /** Done after all roles and their handlers. */
  readonly late: boolean
}

export interface DeclareOptions {
  /** What runs at the end of the role when this has changed. */
  readonly notify?: Handler | readonly Handler[]
}

/** How a kind's public function puts an item into the catalog. */
export type Declare = <Wanted, Found>(
  kind: Kind<Wanted, Found>,
  item: {
    readonly noun?: string
    readonly name: string
    readonly wanted: Wanted
    readonly once?: boolean
    /** May be declared by several roles, which then want the same: a package. */
    readonly shared?: boolean
    /** Done after all roles and their handlers, because it may depend on any of them. */
    readonly late?: boolean
  },
  options?: DeclareOptions,
) => void

/** Where the role that declares lies: a kind may read files of it. */
export interface RolePlace {
  readonly directory: string
}

/** What makes a kind callable in a role: gives the function that puts its items into the host's catalog. */
export type Noun = (declare: Declare, role: RolePlace) => object

export type Nouns = Readonly<Record<string, Noun>>

/** The functions that `bindNouns` gives. */
export type Bound<All extends Nouns> = { readonly [Name in keyof All]: ReturnType<All[Name]> }

export function bindNouns<All extends Nouns>(nouns: All, declare: Declare, role: RolePlace): Bound<All> {
  return Object.fromEntries(
    Object.entries(nouns).map(([name, noun]) => [name, noun(declare, role)]),
  ) as Bound<All>
}

export function known<Found>(value: Found): State<Found> {
  return { known: true, value }
}

export function unknown(reason: string): Unknown {
  return { known: false, reason }
}

/** `[]` when the two are the same, else the one difference. */
export function differs(what: string, found: string, wanted: string): readonly Difference[] {
  return found === wanted ? [] : [{ what, found, wanted }]
}

/** What a handler is remembered by on the host. */
export function handlerKey(handler: Handler): string {
  return `${handler.role}/${handler.name}`
}
