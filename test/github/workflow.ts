import { parse } from 'yaml'

/** A workflow as far as rules and the runner of the tests read it. */
export interface Workflow {
  readonly on: string | readonly string[] | Readonly<Record<string, unknown>>
  readonly permissions?: Permissions
  readonly concurrency?: Concurrency
  readonly env?: Readonly<Record<string, unknown>>
  readonly defaults?: { readonly run?: { readonly shell?: string } }
  readonly jobs: Readonly<Record<string, Job>>
}

export type Permissions = string | Readonly<Record<string, string>>
export type Concurrency =
  | string
  | { readonly group: string; readonly 'cancel-in-progress'?: unknown; readonly queue?: string }

export interface Job {
  readonly if?: string
  readonly uses?: string
  readonly needs?: string | readonly string[]
  readonly secrets?: unknown
  readonly with?: Readonly<Record<string, unknown>>
  readonly permissions?: Permissions
  readonly concurrency?: Concurrency
  readonly environment?:
    | string
    | { readonly name: string; readonly url?: string; readonly deployment?: boolean }
  readonly env?: Readonly<Record<string, unknown>>
  readonly outputs?: Readonly<Record<string, string>>
  readonly 'timeout-minutes'?: number
  readonly strategy?: unknown
  readonly steps?: readonly Step[]
}

export interface Step {
  readonly id?: string
  readonly name?: string
  readonly if?: string
  readonly uses?: string
  readonly with?: Readonly<Record<string, unknown>>
  readonly env?: Readonly<Record<string, unknown>>
  readonly run?: string
  readonly shell?: string
}

export function parseWorkflowFile(text: string): Workflow {
  return parse(text) as Workflow
}
