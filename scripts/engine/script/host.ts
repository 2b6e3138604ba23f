import type { Connection, HostProcess, ProcessOptions } from '#engine/connection/connection.ts'
import { type Facts, factsScript, parseFacts } from '#engine/converge/facts.ts'
import { convergeHost, type HostResult, type HostWork } from '#engine/converge/host.ts'
import type { Role, SiteTasks } from '#engine/converge/role.ts'
import { HostError, Interrupted, UnreachableError } from '#engine/errors.ts'
import { HostConnection } from '#engine/host/host-connection.ts'
import type { RunIdentity } from '#engine/host/run-identity.ts'
import type { Emit, Event, PlannedChange } from '#engine/output/events.ts'
import { quote } from '#engine/quote.ts'
import type { Secret } from '#engine/secret.ts'
import type { Site } from '#engine/vars.ts'
import { type Dollar, dollar } from './dollar.ts'
import type { CommandEvent } from './dollar-host.ts'
import { type FileOptions, readHostFile, writeHostFile } from './files.ts'
import { HostRecord } from './record.ts'
import { seconds, type Timeout } from './seconds.ts'
import { download, upload } from './transfer.ts'
import { type AskedSite, type Awaited, waitForOnHost } from './wait-for.ts'

/** What a script's run gives each of its hosts. */
export interface HostSetting {
  readonly name: string
  readonly groups: readonly string[]
  /** As the inventory has them, merged; a secret is a Secret. */
  readonly vars: Readonly<Record<string, unknown>>
  /** Opens a connection; brings a sandbox host up where it is down. */
  readonly connect: (seconds?: number) => Promise<Connection>
  readonly emit: Emit
  readonly check: boolean
  readonly diff: boolean
  readonly stop: AbortSignal
  readonly run: () => RunIdentity
  /** The roles, or those of these names, with their vars for this host, valid. Throws UsageError. */
  readonly workOf: (roles: readonly (Role | string)[]) => Pick<HostWork, 'sites' | 'roles'>
  readonly site: () => AskedSite
}

/** What `converge` did on a host, and `check` would do. */
export interface Converged extends Pick<HostResult, 'ok' | 'changed'> {
  readonly changes: readonly PlannedChange[]
}

/** A host of the inventory. Nothing connects to it before the first thing is asked of it. */
export class Host {
  readonly name: string
  readonly groups: readonly string[]
  /** As the inventory has them, merged: `host.vars.nginx`. A secret is a Secret. */
  readonly vars: Readonly<Record<string, unknown>>
  /** zx's `$` on this host, as root: ``await host.$`systemctl reload nginx` ``. */
  readonly $: Dollar
  readonly #setting: HostSetting
  readonly #connection: HostConnection
  /** What was done here, for printers and the recap. */
  readonly record: HostRecord
  #facts: Promise<Facts> | undefined
  #busy = 0

  constructor(setting: HostSetting) {
    const { name, groups, vars, connect, run, emit, stop } = setting
    this.name = name
    this.groups = groups
    this.vars = vars
    this.#setting = setting
    this.record = new HostRecord(name, emit)
    this.#connection = new HostConnection(name, connect, { run: run(), emit, stop, wait: 30 })
    this.$ = this.as(undefined).$
  }

  /** The same host with commands as another user: ``await host.as('deploy').$`whoami` ``. */
  as(user: string | undefined): { readonly $: Dollar } {
    const { check } = this.#setting
    const start = (script: string, options: ProcessOptions) => this.#start(script, options)
    const tell = (event: CommandEvent) => this.record.command(event)
    return { $: dollar({ name: this.name, start, tell, check }, user) }
  }

  /**
   * The role's vars for this host, by its schema: typed, defaults filled in; on a host with several sites those of the first.
   * Throws UsageError.
   */
  varsOf<V>(role: Role<V>): V {
    return this.#setting.workOf([role]).roles[0]?.vars[0] as V
  }

  /** Each site of the host, with the role's vars for it, as the role's tasks get them. Throws UsageError. */
  sitesOf<V>(role: Role<V>): readonly SiteTasks<V>[] {
    const { sites, roles } = this.#setting.workOf([role])
    return sites.map((site, index) => ({ site, vars: roles[0]?.vars[index] as V }))
  }

  /** True with `--check`: commands are shown and not run. */
  get isCheck(): boolean {
    return this.#setting.check
  }

  /** The sites of the host, as the inventory has them. Throws UsageError. */
  get sites(): readonly Site[] {
    return this.#setting.workOf([]).sites
  }

  /** What the host says of itself: system, memory, addresses. One trip, the first time. */
  facts(): Promise<Facts> {
    this.#facts ??= this.#during(async connection => {
      const { stdout } = await connection.read(factsScript)
      return parseFacts(stdout, this.name)
    })
    return this.#facts
  }

  /** Brings the host to what these roles, or those of these names, declare, and verifies it. Throws what went wrong. With `--check` as `check`. */
  converge(...roles: readonly (Role | string)[]): Promise<Converged> {
    return this.#converge(roles, this.#setting.check)
  }

  /** What `converge` would change; changes nothing. */
  check(...roles: readonly (Role | string)[]): Promise<Converged> {
    return this.#converge(roles, true)
  }

  /** A text file of the host, 32 MiB at most. Throws HostError `no-file`. */
  async read(path: string): Promise<string> {
    return (await this.#during(connection => readHostFile(connection, path))).toString()
  }

  async exists(path: string): Promise<boolean> {
    const { exitCode } = await this.#during(connection => connection.read(`[ -e ${quote(path)} ]\n`))
    return exitCode === 0
  }

  /** Replaces a file at once by one with this content, if it differs; true where it did. The content may be secret. */
  write(path: string, content: string | Buffer | Secret, options: FileOptions = {}): Promise<boolean> {
    return this.#change(`write ${path}`, connection => writeHostFile(connection, path, content, options))
  }

  /** Brings a file or folder of this machine to the host, whole or not at all; true where something changed. */
  upload(from: string, to: string, options: FileOptions = {}): Promise<boolean> {
    const step = `upload ${to}`
    return this.#change(step, connection =>
      upload(connection, from, to, { ...options, progress: this.record.progress(step) }),
    )
  }

  /** Brings a file or folder of the host to this machine, whole or not at all. It runs with `--check` too. */
  async download(from: string, to: string): Promise<void> {
    const step = `download ${from}`
    await this.record.step(step, () =>
      this.#during(async connection => {
        await download(connection, from, to, this.record.progress(step))
        return false
      }),
    )
  }

  /** Waits until a port, an address, a unit, a file or a command is as expected. Throws HostError `not-in-time`. */
  async waitFor(wanted: Awaited): Promise<void> {
    if (this.#setting.check) return
    await this.#during(connection => waitForOnHost(connection, wanted, this.#setting.site))
  }

  /** Reboots the host and waits for a new boot that answers, at most for `timeout` (300 s by default). */
  async reboot(options: { readonly timeout?: Timeout } = {}): Promise<void> {
    const timeout = seconds(options.timeout ?? 300)
    await this.#change('reboot', async connection => {
      const before = (await connection.run(bootId)).stdout.toString()
      await connection.run(
        'systemd-run -q --on-active=1 --timer-property=AccuracySec=10ms systemctl reboot\n',
      )
      await connection.disconnect()
      this.#facts = undefined
      await this.#untilBooted(connection, before, timeout)
      return true
    })
  }

  /** The host's connection, for what converges it together with others. */
  get connection(): HostConnection {
    return this.#connection
  }

  close(): Promise<void> {
    return this.#connection.close()
  }

  async #untilBooted(connection: HostConnection, before: string, timeout: number): Promise<void> {
    const until = performance.now() + timeout * 1000
    for (let last = 'no answer'; ; ) {
      if (performance.now() > until)
        throw new HostError('not-booted', `${this.name}: no new boot that answers within ${timeout} s`, {
          lines: [last],
          hint: 'Look at the console of the host.',
        })
      await new Promise(resolve => setTimeout(resolve, 500))
      try {
        if ((await connection.run(bootId)).stdout.toString() === before) last = 'it has not gone down yet'
        else {
          await connection.run('systemctl is-system-running --wait >/dev/null\n', { deadline: timeout })
          return
        }
      } catch (error) {
        if (!(error instanceof UnreachableError)) throw error
        last = error.message
      }
      await connection.disconnect()
    }
  }

  async #converge(roles: readonly (Role | string)[], check: boolean): Promise<Converged> {
    const { run, stop, diff, emit, workOf } = this.#setting
    const changes: PlannedChange[] = []
    const collect = (event: Event) => {
      if (event.event === 'changed' || event.event === 'planned') changes.push(event)
      emit(event)
    }
    const { error, ...counts } = await this.#during(connection =>
      convergeHost(
        {
          identity: { name: this.name, groups: this.groups },
          ...workOf(roles),
          ...{ partial: true, connection, keepOpen: true, $: this.$({ readOnly: true }) },
        },
        { run: run(), check, diff, emit: collect, stop },
      ),
    )
    this.record.add(counts)
    if (error) throw error
    return { ok: counts.ok, changed: counts.changed, changes }
  }

  /** Something that changes the host, which `--check` only shows; it gives whether something changed. */
  #change(step: string, work: (connection: HostConnection) => Promise<boolean>): Promise<boolean> {
    if (this.#setting.check) return this.record.planned(step)
    return this.record.step(step, () => this.#during(work))
  }

  /** While something goes on at the host, its connection keeps the process from ending. */
  async #during<T>(work: (connection: HostConnection) => Promise<T>): Promise<T> {
    this.#begin()
    try {
      return await work(this.#connection)
    } finally {
      this.#end()
    }
  }

  async #start(script: string, options: ProcessOptions): Promise<HostProcess> {
    this.#begin()
    try {
      const started = await this.#connection.start(script, options)
      started.ended.then(
        () => this.#end(),
        () => this.#end(),
      )
      return started
    } catch (error) {
      this.#end()
      throw error
    }
  }

  #begin(): void {
    if (this.#setting.stop.aborted) throw new Interrupted('the script was interrupted')
    this.#busy += 1
    if (this.#busy === 1) this.#connection.keepAlive(true)
  }

  #end(): void {
    this.#busy -= 1
    if (this.#busy === 0) this.#connection.keepAlive(false)
  }
}

// Of a container the kernel's is the machine's: its first process tells one boot from the next.
const bootId = 'cat /proc/sys/kernel/random/boot_id; cut -d" " -f22 /proc/1/stat\n'
