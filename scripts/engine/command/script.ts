import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { CapstanError, exitCodeOfRun, Interrupted, UsageError } from '#engine/errors.ts'
import { type Inventory, type InventoryHost, loadInventory } from '#engine/inventory/inventory.ts'
import { selectHosts } from '#engine/inventory/pattern.ts'
import { roleNames } from '#engine/inventory/roles.ts'
import { onActions } from '#engine/output/actions.ts'
import { renderError } from '#engine/output/errors.ts'
import type { Emit } from '#engine/output/events.ts'
import type { Printer } from '#engine/output/printer.ts'
import type { Report } from '#engine/output/report/report.ts'
import { HostPool, type HostSource } from '#engine/run/host-pool.ts'
import { Hosts, type Selection } from '#engine/script/hosts.ts'
import { HostsFailed, reportable } from '#engine/script/thrown.ts'
import { mask } from '#engine/secret.ts'
import { askSudoPassword } from './ask.ts'
import { common, type Flags, flagLines } from './flags.ts'
import { handleInterrupts, type Interrupts } from './interrupts.ts'
import { projectRoot, scriptArguments } from './main.ts'
import { parseCount, parseFlags } from './options.ts'
import { openPrinter } from './printer.ts'
import { reportAt } from './report.ts'

const scriptFlags = common(
  'inventory',
  'limit',
  'extra-vars',
  'forks',
  'check',
  'diff',
  'ask-become-pass',
  'verbose',
  'report',
  'json',
  'help',
)

/** What a script takes on its command line, beside the common flags. */
export interface ScriptDefinition<F extends Flags> {
  readonly flags?: F
  /** Arguments after the flags in the first line of `--help`: `PATTERN -- COMMAND…`. Absent: no arguments. */
  readonly arguments?: string
}

/** The command line of a script: its own flags, the words behind them, and those behind `--`. */
export interface ScriptInput<F extends Flags> {
  readonly flags: { readonly [K in keyof F]: FlagValue<F[K]> | undefined }
  readonly arguments: readonly string[]
  readonly rest: readonly string[]
  /** Ends the script with exit code 2 for what is wrong with these, and a hint at what would be right. */
  readonly refuse: (message: string, hint?: string) => never
}

type FlagValue<F> = F extends { readonly type: 'boolean' }
  ? boolean
  : F extends { readonly multiple: true }
    ? readonly string[]
    : string

/** The run of a script that uses the API: opened by the first thing that is asked of it, ended when the process is. */
export class ScriptRun implements HostSource {
  readonly input: ScriptInput<Flags>
  readonly #values: ReturnType<typeof parseScript>['values']
  readonly #name: string
  readonly #errors: Error[] = []
  #inventory: Promise<Inventory> | undefined
  #pool: Promise<HostPool> | undefined
  #hosts: HostPool | undefined
  #printer: Printer | undefined
  #report: Report | undefined
  #interrupts: Interrupts | undefined
  #ended = false

  constructor(definition: ScriptDefinition<Flags> = {}) {
    const { file, args } = scriptArguments()
    this.#name = basename(file).replace(/\.m?[jt]s$/, '')
    const parsed = this.#orExit(() => parseScript(args, definition, file))
    this.#values = parsed.values
    this.input = {
      ...parsed.input,
      refuse: (message, hint) =>
        this.#exit(new UsageError('usage', message, hint === undefined ? {} : { hint })),
    }
    process.once('beforeExit', () => this.#end())
    process.once('exit', () => this.#end())
    process.on('uncaughtException', error => this.#fail(error))
  }

  inventory(): Promise<Inventory> {
    this.#inventory ??= this.#load().catch(error => this.#exit(error))
    return this.#inventory
  }

  hosts(pattern: string): Hosts {
    return new Hosts(() => this.#select(pattern))
  }

  readonly #emit: Emit = event => {
    if (event.event === 'failed') this.#errors.push(event.error)
    this.#printer?.on(event)
  }

  async #load(): Promise<Inventory> {
    const { inventory, 'extra-vars': extraVars = [] } = this.#values
    const roles = await roleNames(projectRoot)
    return loadInventory({ root: projectRoot, inventory, extraVars, roles, environment: process.env })
  }

  async #select(pattern: string): Promise<Selection> {
    const inventory = await this.inventory()
    const first = this.#orExit(() => selectHosts(inventory, pattern))
    this.#pool ??= this.#open(inventory, first).catch(error => this.#exit(error))
    const pool = await this.#pool
    return pool.selection(pattern).catch(error => this.#exit(error))
  }

  /** The printer writes to stderr, so that stdout is the script's own; a runner and `--json` read stdout. */
  async #open(inventory: Inventory, first: readonly InventoryHost[]): Promise<HostPool> {
    const { json, verbose, diff, forks, limit, check } = this.#values
    const limited = selectHosts(inventory, limit)
    const options = {
      root: projectRoot,
      check,
      forks: parseCount('--forks', forks, 1, 500),
      diff: diff || this.#values.report !== undefined,
    }
    const sudoPassword = await askSudoPassword(this.#values['ask-become-pass'], process.env)
    const stream = json || onActions(process.env) ? process.stdout : process.stderr
    this.#report = await reportAt(this.#values.report)
    const { length: verbosity } = verbose ?? []
    this.#printer = await openPrinter({ stream, json, verbosity, diff, report: this.#report })
    writeBeside(this.#printer)
    this.#interrupts = handleInterrupts(this.#emit, () => this.#end())
    const { stop } = this.#interrupts
    const hosts = first.filter(host => limited.includes(host)).map(({ name }) => name)
    this.#emit({ event: 'run', command: this.#name, hosts, check, inventory: inventory.name })
    const say = (message: string) => this.#emit({ event: 'progress', message })
    this.#hosts = new HostPool(inventory, limited, { ...options, sudoPassword, say, emit: this.#emit, stop })
    return this.#hosts
  }

  /** An uncaught error ends the script. Failed hosts have been reported already. */
  #fail(thrown: unknown): void {
    const error = thrown instanceof Error ? reportable('', thrown) : thrown
    if (!(error instanceof HostsFailed) && !(error instanceof Interrupted)) {
      if (this.#printer) this.#emit({ event: 'failed', error: error as never })
      else this.#exit(error)
    }
    this.#end()
    process.exit()
  }

  #end(): void {
    if (this.#ended) return
    this.#ended = true
    const used = this.#hosts?.all ?? []
    if (used.length > 0) {
      const recap = used.map(
        host => [host.name, { ...host.record.counts, trips: host.connection.trips }] as const,
      )
      this.#emit({ event: 'recap', hosts: Object.fromEntries(recap) })
    }
    this.#printer?.close()
    this.#interrupts?.release()
    void this.#hosts?.close()
    const code = this.#interrupts?.exitCode() ?? (exitCodeOfRun(this.#errors) || process.exitCode)
    const unwritten = this.#report?.end()
    if (unwritten) this.#show(unwritten)
    if (code !== undefined || unwritten) process.exitCode = code || unwritten?.exitCode
  }

  #orExit<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      return this.#exit(error)
    }
  }

  /** For what is wrong before a host is contacted: there is nothing that a script could do about it. */
  #exit(error: unknown): never {
    this.#ended = true
    this.#printer?.close()
    if (!(error instanceof Interrupted)) this.#show(error)
    const unwritten = this.#report?.end()
    if (unwritten) this.#show(unwritten)
    return process.exit(error instanceof CapstanError || error instanceof Interrupted ? error.exitCode : 1)
  }

  #show(error: unknown): void {
    process.stderr.write(`${mask(renderError(error, { columns: process.stderr.columns || undefined }))}\n`)
    this.#report?.on({ event: 'failed', error: error as never })
  }
}

function parseScript(args: readonly string[], definition: ScriptDefinition<Flags>, file: string) {
  const cut = args.indexOf('--')
  const own = definition.flags ?? {}
  const all = { ...own, ...scriptFlags }
  const before = cut < 0 ? args : args.slice(0, cut)
  const { values, positionals } = parseFlags(before, all, basename(file), definition.arguments !== undefined)
  if (values.help) {
    process.stdout.write(helpOf(definition, all, file))
    process.exit(0)
  }
  const names = Object.keys(own)
  const flags = Object.fromEntries(Object.entries(values).filter(([name]) => names.includes(name)))
  const input = { flags, arguments: positionals, rest: cut < 0 ? [] : args.slice(cut + 1) }
  return { values, input: input as Omit<ScriptInput<Flags>, 'refuse'> }
}

function helpOf(definition: ScriptDefinition<Flags>, flags: Flags, file: string): string {
  const behind = definition.arguments === undefined ? '' : ` ${definition.arguments}`
  return `Usage: npx zx scripts/${basename(file)} [options]${behind}\n\n${descriptionOf(file)}${flagLines(flags)}`
}

/** The comment that a script begins with. */
function descriptionOf(file: string): string {
  const lines = readFileSync(file, 'utf8')
    .replace(/^#!.*\n/, '')
    .split('\n')
  const end = lines.findIndex(line => !line.startsWith('//'))
  const text = lines.slice(0, end).map(line => line.replace(/^\/\/ ?/, ''))
  if (text.length === 0) return ''
  return `${text.join('\n').replace(/^\S+\.m?[jt]s: /, '')}\n\n`
}

/** What the script prints: secrets are masked, and on the terminal of a live view it goes above that. */
function writeBeside(printer: Printer): void {
  const { stdout } = process
  const write = stdout.write.bind(stdout)
  const beside = stdout.isTTY ? printer.beside : undefined
  stdout.write = ((first: string | Uint8Array, ...rest: []) => {
    const shown = typeof first === 'string' ? mask(first) : first
    let isDrained = true
    const doWrite = () => {
      isDrained = write(shown, ...rest)
    }
    if (beside) beside(doWrite)
    else doWrite()
    return isDrained
  }) as typeof stdout.write
}
