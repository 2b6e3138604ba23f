import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { appCommand } from '#engine/command/app.ts'
import { deployCommand } from '#engine/command/deploy.ts'
import { type CommandInput, exitCodeOf } from '#engine/command/main.ts'
import { releasesCommand } from '#engine/command/releases.ts'
import { rollbackCommand } from '#engine/command/rollback.ts'
import { siteCommand } from '#engine/command/site.ts'
import { statusCommand } from '#engine/command/status.ts'
import type { Role } from '#engine/converge/role.ts'
import type { HostRecap } from '#engine/output/events.ts'
import { consoles } from '#roles/app/kinds.ts'
import { reservedVariable } from '#roles/app/names.ts'
import { appSettings as settings } from '#roles/app/release.ts'
import app from '#roles/app/role.ts'
import base from '#roles/base/role.ts'
import dns from '#roles/dns/role.ts'
import mysql from '#roles/mysql/role.ts'
import nginx from '#roles/nginx/role.ts'
import site from '#roles/site.ts'
import tls from '#roles/tls/role.ts'
import type { Machine } from './machine.ts'
import { root } from './machine.ts'

export interface SiteOptions {
  /** The script of scripts/; absent: `site`. */
  readonly script?: keyof typeof commands
  /** Roles of roles/ and test/fixtures/roles, in order; absent: the plays of scripts/site.mjs. */
  readonly roles?: readonly string[]
  /** Each host's settings and `vars`; a machine alone is its sandbox host. */
  readonly hosts: Readonly<Record<string, object>> | Machine
  /** Vars of all hosts; a text `!secret NAME` is that reference. */
  readonly vars?: Readonly<Record<string, unknown>>
  /** Further words: `-C`, `-l`, `t1`. `--json` is among them unless `text` is set. */
  readonly args?: readonly string[]
  readonly text?: boolean
  readonly env?: NodeJS.ProcessEnv
  /** A process of its own is killed after so many seconds; 90 unless told. */
  readonly seconds?: number
}

const commands = {
  site: (input: CommandInput) => siteCommand({ site, settings, plays: playsOf(roles) }, input),
  deploy: (input: CommandInput) => deployCommand({ site, app, settings }, input),
  rollback: (input: CommandInput) => rollbackCommand({ site, app, settings }, input),
  releases: (input: CommandInput) => releasesCommand({ site, app, settings }, input),
  status: (input: CommandInput) => statusCommand({ site, app, settings, roles }, input),
  app: (input: CommandInput) => appCommand({ site, app, settings, reservedVariable, consoles }, input),
}
const roles = [base, dns, nginx, app, mysql, tls]
const playsOf = (all: readonly Role[]) => [{ hosts: 'all', roles: all }]

/** A line of `--json`, as far as tests read it. */
export interface Line {
  readonly event: string
  readonly host?: string
  readonly role?: string
  readonly resource?: string
  readonly text?: string
  readonly message?: string
  readonly why?: string
  readonly differences?: readonly { readonly what: string; readonly found: string; readonly wanted: string }[]
  readonly error?: {
    readonly code: string
    readonly message: string
    readonly hint?: string
    readonly where?: string
    readonly lines: readonly string[]
  }
  readonly hosts?: Readonly<Record<string, HostRecap>>
  readonly handler?: boolean
  readonly step?: string
  readonly seconds?: number
  readonly state?: string
  readonly note?: string
  readonly outcome?: string
  readonly release?: string
}

/** How a run of site.mjs ended. */
export interface SiteRun {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
  readonly lines: readonly Line[]
  /** The recap of the only host, or of `host`. */
  recap(host?: string): HostRecap
  /** What was changed, or with `--check` would be, in order: `file /etc/motd`. */
  readonly changes: readonly string[]
  /** The error of the only host, or of `host`. Throws where it has none. */
  error(host?: string): NonNullable<Line['error']>
}

/** A run of site.mjs that goes on. */
export interface RunningSite {
  readonly child: ChildProcess
  readonly done: Promise<SiteRun>
  /** Resolves with the first event, past or to come, that is as told; rejects when the run ends without one. */
  until(what: (line: Line) => boolean): Promise<Line>
}

/** Runs site.mjs as a process of its own, with an inventory of its own, to its end. */
export function runSite(options: SiteOptions): Promise<SiteRun> {
  return startSite(options).done
}

/** The same in this process, which spares half a second: for tests of what a run does to a host, not of how it ends. */
export async function runHere(options: SiteOptions): Promise<SiteRun> {
  const { directory, inventory } = writeInventory(options)
  const fixtures = options.roles && playsOf(await Promise.all(options.roles.map(fixture)))
  const command = fixtures
    ? (input: CommandInput) => siteCommand({ site, plays: fixtures }, input)
    : commands[options.script ?? 'site']
  let stdout = ''
  let stderr = ''
  const args = ['-i', inventory, ...(options.text ? [] : ['--json']), ...(options.args ?? [])]
  const environment = { ...clean(process.env), ...options.env }
  try {
    const exitCode = await exitCodeOf(
      command,
      { args, root, environment, stdout: { write: text => (stdout += text) } },
      { write: text => (stderr += text) },
    )
    const lines = options.text ? [] : readLines(stdout)
    return ended({ exitCode, signal: null, stdout, stderr, lines })
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

async function fixture(name: string): Promise<Role> {
  const folder = existsSync(join(root, 'roles', name)) ? '../../roles' : '../fixtures/roles'
  return ((await import(`${folder}/${name}/role.ts`)) as { readonly default: Role }).default
}

export function startSite(options: SiteOptions): RunningSite {
  const { directory, inventory } = writeInventory(options)
  const script = options.roles ? 'test/fixtures/site.mjs' : `scripts/${options.script ?? 'site'}.mjs`
  const args = [...(options.text ? [] : ['--json']), ...(options.args ?? [])]
  const child = spawn(process.execPath, [join(root, script), '-i', inventory, ...args], {
    cwd: root,
    env: { ...clean(process.env), TEST_ROLES: options.roles?.join(','), ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const reader = new Reader(child, options.text ?? false)
  const timer = setTimeout(() => child.kill('SIGKILL'), (options.seconds ?? 90) * 1000)
  const done = reader.done.finally(() => {
    clearTimeout(timer)
    rmSync(directory, { recursive: true, force: true })
  })
  return { child, done, until: what => reader.until(what) }
}

function writeInventory(options: SiteOptions) {
  const directory = mkdtempSync(join(tmpdir(), 'capstan-site-'))
  const inventory = join(directory, 'inventory.yml')
  const text = JSON.stringify({ vars: options.vars ?? {}, hosts: hostsOf(options) })
  writeFileSync(inventory, text.replace(/"(!(?:secret|generated) \w+)"/g, '$1'))
  return { directory, inventory }
}

function readLines(text: string): readonly Line[] {
  return text
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line) as Line)
}

// vitest's own would be taken by the child for its own: NODE_OPTIONS, VITEST …
function clean(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => !/^(NODE_|VITEST|TEST|CI$|GITHUB_)/.test(name)),
  )
}

function hostsOf({ hosts }: SiteOptions): object {
  if (!('host' in hosts) || !('listing' in hosts)) return hosts
  const { name, host } = hosts as Machine
  return { [name]: { connection: 'sandbox', debian: host.debian } }
}

class Reader {
  readonly done: Promise<SiteRun>
  readonly #lines: Line[] = []
  readonly #waiting = new Set<() => void>()
  #ended = false

  constructor(child: ChildProcess, text: boolean) {
    let stdout = ''
    let stderr = ''
    let rest = ''
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      stdout += chunk
      if (text) return
      const whole = (rest + chunk).split('\n')
      rest = whole.pop() ?? ''
      this.#lines.push(...readLines(whole.join('\n')))
      for (const wake of this.#waiting) wake()
    })
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk
    })
    this.done = new Promise((resolve, reject) => {
      child.on('error', reject)
      child.on('close', (exitCode, signal) => {
        this.#ended = true
        for (const wake of this.#waiting) wake()
        resolve(ended({ exitCode, signal, stdout, stderr, lines: this.#lines }))
      })
    })
  }

  until(what: (line: Line) => boolean): Promise<Line> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = this.#lines.find(what)
        if (!found && !this.#ended) return
        this.#waiting.delete(look)
        if (found) resolve(found)
        else
          reject(
            new Error(`the run ended without that event:\n${JSON.stringify(this.#lines.slice(-5), null, 1)}`),
          )
      }
      this.#waiting.add(look)
      look()
    })
  }
}

function ended(run: Omit<SiteRun, 'recap' | 'changes' | 'error'>): SiteRun {
  const { lines } = run
  const tell = (what: string) =>
    new Error(`${what} in a run that exited with ${run.exitCode}:\n${run.stdout.slice(-4000)}${run.stderr}`)
  return {
    ...run,
    changes: lines.flatMap(line =>
      line.event === 'changed' || line.event === 'planned' ? [line.resource ?? ''] : [],
    ),
    recap: host => {
      const hosts = lines.find(line => line.event === 'recap')?.hosts ?? {}
      const found = hosts[host ?? Object.keys(hosts)[0] ?? '']
      if (!found) throw tell('no recap')
      return found
    },
    error: host => {
      const failed = lines.find(line => line.event === 'failed' && (host === undefined || line.host === host))
      if (!failed?.error) throw tell('no error')
      return failed.error
    },
  }
}
