import type { Readable } from 'node:stream'
import type { HostProcess, ProcessOptions } from '#engine/connection/connection.ts'
import type { Secret } from '#engine/secret.ts'

/** zx's options, as far as they have a meaning on a host, and three of our own. */
export interface DollarOptions {
  /** A directory of the host; `/` by default. */
  readonly cwd?: string
  /** Variables for the command, beside HOME, USER, LC_ALL=C and a fixed PATH. No secrets: pass those as `input`. */
  readonly env?: Readonly<Record<string, string>>
  /** The command's stdin; empty by default. */
  readonly input?: string | Buffer | Readable | Secret | { readonly stdout: string }
  /** `10s`, `500ms`, or milliseconds; then the command gets `timeoutSignal`. */
  readonly timeout?: `${number}s` | `${number}ms` | `${number}m` | number
  readonly timeoutSignal?: NodeJS.Signals
  readonly killSignal?: NodeJS.Signals
  readonly signal?: AbortSignal
  readonly ac?: AbortController
  /** Resolves whatever the exit code. A lost connection still rejects. */
  readonly nothrow?: boolean
  readonly quiet?: boolean
  readonly verbose?: boolean
  readonly halt?: boolean
  readonly delimiter?: string | RegExp
  /** `bash`, where the host has it, by default. */
  readonly shell?: 'bash' | 'sh'
  /** The command changes nothing: it runs with `--check` too, and the recap does not count it as a change. */
  readonly readOnly?: boolean
}

/** What a command runs on. */
export interface DollarHost {
  readonly name: string
  start(script: string, options: ProcessOptions): Promise<HostProcess>
  /** Is told of each command that begins, prints something and ends. */
  readonly tell: (event: CommandEvent) => void
  /** True: a command that is not `readOnly` is shown and not run. */
  readonly check: boolean
}

/** What is known of a command, its text without secrets. */
interface Command {
  readonly id: string
  readonly command: string
  readonly readOnly: boolean
}

export type CommandEvent = Command &
  (
    | { readonly state: 'planned' | 'begun' }
    /** `isShown`: the script asked to see what the command prints. */
    | { readonly state: 'printed'; readonly text: string; readonly isShown: boolean }
    /** `exitCode` is null where a signal ended the command, or its end is unknown. */
    | { readonly state: 'ended'; readonly exitCode: number | null; readonly seconds: number }
  )
