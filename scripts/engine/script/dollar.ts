import type { Readable } from 'node:stream'
import type { ProcessPromise } from 'zx/core'
import type { HostProcess, ProcessOptions } from '#engine/connection/connection.ts'
import type { Secret } from '#engine/secret.ts'
import { HostCommand } from './host-command.ts'

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

/**
 * zx's `$` on a host: ``await host.$`systemctl is-active ${unit}` ``. It gives zx's own ProcessPromise, so that all of zx
 * works: pipes from and to this machine and other hosts, `for await`, `.json()`, `.nothrow()`, `.timeout()`, `.kill()`.
 * Each value is one quoted word, an array as many as it has items. Commands on one host may run at the same time.
 * Rejects with zx's ProcessOutput where the command fails, and with ConnectionLost where its end is unknown.
 */
export interface Dollar {
  (pieces: TemplateStringsArray, ...values: readonly unknown[]): ProcessPromise
  /** The same with other defaults: `const $ = host.$({ cwd: '/srv' })`. */
  (options: DollarOptions): Dollar
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

/** The tag for a host, as root or as `user`. */
export function dollar(host: DollarHost, user?: string, preset: DollarOptions = {}): Dollar {
  function tag(first: TemplateStringsArray | DollarOptions, ...values: readonly unknown[]) {
    if (!isTemplate(first)) return dollar(host, user, { ...preset, ...first })
    return new HostCommand(host, user, preset).run(first, values)
  }
  return tag as Dollar
}

function isTemplate(first: TemplateStringsArray | DollarOptions): first is TemplateStringsArray {
  return Array.isArray(first)
}
