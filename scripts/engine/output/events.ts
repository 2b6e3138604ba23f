import type { CapstanError } from '#engine/errors.ts'

/** Where a resource is declared: its role, and `roles/nginx/role.ts:21`. */
export interface Origin {
  readonly role: string
  readonly where: string
}

/** One property that is not as declared. `before` and `after` are whole texts, for a unified diff. */
export interface Difference {
  /** `content`, `mode`, `owner`, `running`, `version` … */
  readonly what: string
  readonly found: string
  readonly wanted: string
  readonly text?: { readonly before: string; readonly after: string } | 'secret' | 'binary'
}

/** A resource by name, with what the plan would change: `{resource: 'template /etc/nginx/nginx.conf', …}`. */
export interface PlannedChange extends Origin {
  readonly resource: string
  /** Empty for a handler, and for a resource whose state is still unknown. */
  readonly differences: readonly Difference[]
  /** Why its state can't be known yet: `mariadb-server is not installed yet`. */
  readonly unknown?: string
  readonly handler?: boolean
}

/** What the recap counts for one host, Ansible's words. `seconds` is wall time, `trips` are round trips. */
export interface HostRecap {
  readonly ok: number
  readonly changed: number
  readonly failed: number
  readonly skipped: number
  readonly unreachable: number
  readonly trips: number
  readonly seconds: number
}

/** How a deploy or a rollback ended, or where a plan would lead: what a summary opens with. */
export interface ReleaseReport {
  readonly app: string
  readonly how: 'deploy' | 'rollback' | 'restart'
  /** `back`: it was live for a moment, and what was live before is again. */
  readonly outcome: 'live' | 'already live' | 'planned' | 'back' | 'failed'
  /** Absent: it failed before it had an id. */
  readonly release?: string
  /** What it was made from: a commit. */
  readonly ref?: string
  /** What was live before; absent: nothing. */
  readonly previous?: string
  readonly previousRef?: string
  /** That it brings, or that a rollback takes back, the latest first; absent: not known. */
  readonly commits?: readonly { readonly sha: string; readonly subject: string }[]
  /** Where visitors find the site. */
  readonly url: string
  /** What brings `previous` back, to paste into a shell. */
  readonly rollback?: string
}

/** What a host said of itself; printers show it as it is. */
export interface HostFacts {
  readonly [name: string]: unknown
  /** Apps that have a live release. */
  readonly live: readonly string[]
}

/** All that happens in a run, in order, as data; printers turn it into text. `--json` prints each as one line. */
export type Event =
  | {
      readonly event: 'run'
      readonly command: string
      readonly hosts: readonly string[]
      readonly check: boolean
      /** As it was given: `production`. */
      readonly inventory?: string
    }
  /** Something long goes on that is no host's: the sandbox is brought up, an artifact is built. */
  | { readonly event: 'progress'; readonly host?: string; readonly message: string }
  | { readonly event: 'connected'; readonly host: string; readonly address: string; readonly seconds: number }
  | { readonly event: 'facts'; readonly host: string; readonly facts: HostFacts }
  | { readonly event: 'probed'; readonly host: string; readonly resources: number; readonly pass: number }
  | { readonly event: 'ok'; readonly host: string; readonly role: string; readonly resource: string }
  | {
      readonly event: 'skipped'
      readonly host: string
      readonly role: string
      readonly resource: string
      readonly why: string
    }
  /** Only in `--check`: what a run would change. */
  | ({ readonly event: 'planned'; readonly host: string } & PlannedChange)
  | ({ readonly event: 'changing'; readonly host: string } & PlannedChange)
  | ({ readonly event: 'changed'; readonly host: string; readonly seconds: number } & PlannedChange)
  /** What a changing resource printed on the host, for -v. */
  | {
      readonly event: 'output'
      readonly host: string
      readonly resource: string
      readonly text: string
      /** A script asked to show it. */
      readonly shown?: true
    }
  /** How far a changing resource is, as apt reports it. `percent` is of what it does now. */
  | {
      readonly event: 'working'
      readonly host: string
      readonly resource: string
      readonly doing: string
      readonly percent: number
    }
  /** A host has done its part and waits for the others of a deploy. */
  | { readonly event: 'waiting'; readonly host: string }
  | { readonly event: 'warning'; readonly host?: string; readonly message: string; readonly hint?: string }
  | { readonly event: 'failed'; readonly host?: string; readonly error: CapstanError }
  /** A step of a deploy or rollback on a host, or a command of a script; a read-only one is printed with -v. */
  | {
      readonly event: 'step'
      readonly host: string
      readonly step: string
      readonly state: 'begun' | 'done' | 'planned'
      readonly seconds?: number
      readonly note?: string
      readonly readOnly?: true
    }
  | ({ readonly event: 'release' } & ReleaseReport)
  /** Nothing more comes of this host until the recap, but perhaps others are still at work. */
  | { readonly event: 'finished'; readonly host: string }
  /** A plain line for the person at the end of a run: how to look at the site. */
  | { readonly event: 'note'; readonly message: string }
  | { readonly event: 'recap'; readonly hosts: Readonly<Record<string, HostRecap>> }

export type Emit = (event: Event) => void
