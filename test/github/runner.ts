import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { holds, interpolate } from './expressions.ts'
import { type Job, parseWorkflowFile, type Step } from './workflow.ts'

/** What happens on GitHub: which workflow runs, on what, with what. */
export interface Happening {
  /** The text of the workflow. */
  readonly workflow: string
  readonly event: 'push' | 'pull_request' | 'workflow_dispatch' | 'schedule'
  /** `github.event`. */
  readonly payload?: Readonly<Record<string, unknown>>
  readonly inputs?: Readonly<Record<string, unknown>>
  readonly secrets?: Readonly<Record<string, string>>
  /** The commit that is checked out. */
  readonly sha: string
  /** What actions/checkout does: brings the repository into the workspace. */
  checkout(workspace: string, given: Readonly<Record<string, unknown>>): void
  /** A folder that comes first in the PATH of its steps. */
  readonly path?: string
  /** The text of a workflow that a job calls, by its path; absent: such a job is taken to have succeeded. */
  readonly called?: (path: string) => string
  /** Variables that this machine's runner adds: GITHUB_API_URL. */
  readonly environment?: Readonly<Record<string, string>>
  /** Cancels the run, as somebody's button does, once the step of this name has printed this. */
  readonly cancel?: { readonly step: string; readonly when: RegExp }
}

export interface StepRun {
  readonly name: string
  readonly outcome: 'success' | 'failure' | 'skipped' | 'cancelled'
  /** All that it printed, as it printed it. */
  readonly raw: string
  /** What the log shows: commands obeyed, masks applied. */
  readonly log: string
  readonly outputs: Readonly<Record<string, string>>
  readonly summary: string
  readonly annotations: readonly Readonly<Record<string, string>>[]
  /** The texts of the files that actions/upload-artifact keeps, by name. */
  readonly artifacts?: Readonly<Record<string, string>>
  /** Seconds from the cancelling until its process was gone. */
  readonly endedAfter?: number
}

export interface JobRun {
  readonly name: string
  readonly result: 'success' | 'failure' | 'skipped' | 'cancelled'
  readonly steps: readonly StepRun[]
  readonly outputs: Readonly<Record<string, unknown>>
  readonly url: unknown
  /** Those of the workflow that it called. */
  readonly jobs?: Readonly<Record<string, JobRun>>
}

/**
 * Runs the jobs of a workflow as GitHub's runner does: `if`, `env` and outputs by its own evaluator, every `run:`
 * in bash with -eo pipefail, with files for outputs, summary and environment. `uses:` knows checkout,
 * setup-node and upload-artifact. A job with a matrix is taken to have succeeded.
 */
export async function runWorkflow(happening: Happening): Promise<Readonly<Record<string, JobRun>>> {
  const { jobs } = parseWorkflowFile(happening.workflow)
  const done: Record<string, JobRun> = {}
  for (const [name, job] of Object.entries(jobs)) done[name] = await runJob(name, job, happening, done)
  return done
}

async function runJob(
  name: string,
  job: Job,
  happening: Happening,
  done: Readonly<Record<string, JobRun>>,
): Promise<JobRun> {
  const contexts = contextsOf(happening, done)
  const before = [job.needs ?? []].flat().map(each => done[each]?.result)
  const status = { failed: before.some(each => each !== 'success'), cancelled: false }
  const nothing = { name, steps: [], outputs: {}, url: undefined }
  if (!holds(job.if, contexts, status)) return { ...nothing, result: 'skipped' }
  if (job.uses !== undefined && happening.called) return call(name, happening.called(job.uses), happening)
  if (job.uses !== undefined || job.strategy !== undefined) return { ...nothing, result: 'success' }
  const temp = mkdtempSync(join(tmpdir(), 'runner-'))
  try {
    return await new JobRunner(name, job, happening, contexts, temp).run()
  } finally {
    rmSync(temp, { recursive: true, force: true })
  }
}

async function call(name: string, workflow: string, happening: Happening): Promise<JobRun> {
  const jobs = await runWorkflow({ ...happening, workflow })
  const { on } = parseWorkflowFile(workflow)
  const { outputs = {} } = (on as { workflow_call: { outputs?: Record<string, { value: string }> } })
    .workflow_call
  const values = Object.fromEntries(Object.entries(outputs).map(([key, { value }]) => [key, value]))
  const results = Object.values(jobs).map(({ result }) => result)
  const result = results.includes('cancelled')
    ? 'cancelled'
    : results.includes('failure')
      ? 'failure'
      : 'success'
  return { name, result, steps: [], outputs: mapped(values, { jobs }), url: undefined, jobs }
}

function contextsOf(
  { event, payload = {}, inputs = {}, secrets = {}, sha }: Happening,
  done: Readonly<Record<string, JobRun>>,
) {
  return {
    github: {
      event_name: event,
      event: payload,
      sha,
      ref: 'refs/heads/main',
      repository: 'octocat/foobar',
      token: 'ghs_test_token_1234',
      workflow: 'test',
    },
    inputs,
    secrets,
    needs: Object.fromEntries(
      Object.entries(done).map(([name, { result, outputs }]) => [name, { result, outputs }]),
    ),
    vars: {},
    matrix: {},
  }
}

/** The files of a pattern such as `/tmp/runner-x/*.html`. */
function artifactsAt(pattern: unknown): Readonly<Record<string, string>> {
  const [, folder = '', end = ''] = /^([^*]+)\/\*([^*/]+)$/.exec(String(pattern)) ?? []
  const names = readdirSync(folder).filter(name => name.endsWith(end))
  return Object.fromEntries(names.map(name => [name, readFileSync(join(folder, name), 'utf8')]))
}

class JobRunner {
  readonly #name: string
  readonly #job: Job
  readonly #happening: Happening
  readonly #temp: string
  readonly #workspace: string
  readonly #contexts: Readonly<Record<string, unknown>>
  readonly #steps: StepRun[] = []
  readonly #results: Record<string, { outputs: object; outcome: string; conclusion: string }> = {}
  readonly #masks = new Set<string>()
  #failed = false
  #cancelled = false

  constructor(
    name: string,
    job: Job,
    happening: Happening,
    contexts: Readonly<Record<string, unknown>>,
    temp: string,
  ) {
    this.#name = name
    this.#job = job
    this.#happening = happening
    this.#temp = temp
    this.#workspace = join(temp, 'workspace')
    this.#contexts = contexts
    mkdirSync(this.#workspace)
    mkdirSync(join(temp, 'home'))
    // The runner masks a secret whole and by its lines.
    for (const secret of Object.values(happening.secrets ?? {}))
      for (const line of [secret, ...secret.split('\n')]) if (line.trim()) this.#masks.add(line)
  }

  async run(): Promise<JobRun> {
    for (const [index, step] of (this.#job.steps ?? []).entries()) {
      const ran = await this.#step(step, index)
      this.#steps.push(ran)
      if (step.id) {
        const { outcome, outputs } = ran
        this.#results[step.id] = { outputs, outcome, conclusion: outcome }
      }
      if (ran.outcome === 'failure') this.#failed = true
      if (ran.outcome === 'cancelled') this.#cancelled = true
    }
    const { environment } = this.#job
    const values = this.#values()
    return {
      name: this.#name,
      result: this.#cancelled ? 'cancelled' : this.#failed ? 'failure' : 'success',
      steps: this.#steps,
      outputs: mapped(this.#job.outputs ?? {}, values),
      url: typeof environment === 'object' ? interpolate(environment.url, values) : undefined,
    }
  }

  #values(): Readonly<Record<string, unknown>> {
    const env = mapped(this.#job.env ?? {}, this.#contexts)
    return {
      ...this.#contexts,
      env,
      steps: this.#results,
      runner: { temp: this.#temp, os: 'Linux' },
      job: {},
    }
  }

  async #step(step: Step, index: number): Promise<StepRun> {
    const name = step.name ?? step.uses ?? step.run ?? String(index)
    const nothing = { name, raw: '', log: '', outputs: {}, summary: '', annotations: [] }
    const values = this.#values()
    const status = { failed: this.#failed, cancelled: this.#cancelled }
    if (!holds(step.if, values, status)) return { ...nothing, outcome: 'skipped' }
    if (step.run !== undefined) return this.#runScript(name, step, values)
    if (step.uses?.startsWith('actions/setup-node@')) return { ...nothing, outcome: 'success' }
    if (step.uses?.startsWith('actions/upload-artifact@'))
      return {
        ...nothing,
        outcome: 'success',
        artifacts: artifactsAt(mapped(step.with ?? {}, values)['path']),
      }
    if (!step.uses?.startsWith('actions/checkout@')) throw new Error(`no runner for ${step.uses}`)
    this.#happening.checkout(this.#workspace, mapped(step.with ?? {}, values))
    return { ...nothing, outcome: 'success' }
  }

  async #runScript(name: string, step: Step, values: Readonly<Record<string, unknown>>): Promise<StepRun> {
    const file = (what: string) => {
      const path = join(this.#temp, what)
      writeFileSync(path, '')
      return path
    }
    const [script, output, summary, env, path] = ['script.sh', 'output', 'summary.md', 'env', 'path'].map(
      file,
    )
    writeFileSync(script ?? '', `${interpolate(step.run, values)}\n`)
    const own = { ...mapped(this.#job.env ?? {}, values), ...mapped(step.env ?? {}, values) }
    const ran = await this.#spawn(script ?? '', name, {
      ...base(this.#temp, this.#happening.path),
      ...texts(own),
      CI: 'true',
      GITHUB_ACTIONS: 'true',
      GITHUB_ACTOR: 'octocat',
      GITHUB_ENV: env ?? '',
      GITHUB_EVENT_NAME: this.#happening.event,
      GITHUB_OUTPUT: output ?? '',
      GITHUB_PATH: path ?? '',
      GITHUB_REF: 'refs/heads/main',
      GITHUB_REF_NAME: 'main',
      GITHUB_REPOSITORY: 'octocat/foobar',
      GITHUB_RUN_ID: '4711',
      GITHUB_SERVER_URL: 'https://github.com',
      GITHUB_SHA: this.#happening.sha,
      GITHUB_STEP_SUMMARY: summary ?? '',
      GITHUB_WORKFLOW_REF: 'octocat/foobar/.github/workflows/deploy.yml@refs/heads/main',
      GITHUB_WORKSPACE: this.#workspace,
      RUNNER_TEMP: this.#temp,
      ...this.#happening.environment,
    })
    return {
      name,
      ...ran,
      ...this.#obey(ran.raw),
      outputs: fileCommands(readFileSync(output ?? '', 'utf8')),
      summary: readFileSync(summary ?? '', 'utf8'),
    }
  }

  /** As the runner ends a step: SIGINT to its first process alone, SIGTERM 7.5 s later, SIGKILL after 2.5 s more. */
  #spawn(script: string, name: string, env: Readonly<Record<string, string>>) {
    const { cancel } = this.#happening
    return new Promise<Pick<StepRun, 'outcome' | 'raw' | 'endedAfter'>>((resolve, reject) => {
      const child = spawn('bash', ['--noprofile', '--norc', '-eo', 'pipefail', script], {
        cwd: this.#workspace,
        env,
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      const timers: NodeJS.Timeout[] = []
      let raw = ''
      let cancelled: number | undefined
      const take = (chunk: Buffer) => {
        raw += chunk.toString()
        if (cancelled !== undefined || cancel?.step !== name || !cancel.when.test(raw)) return
        cancelled = performance.now()
        child.kill('SIGINT')
        timers.push(
          setTimeout(() => child.kill('SIGTERM'), 7500),
          setTimeout(() => child.kill('SIGKILL'), 10_000),
        )
      }
      child.stdout.on('data', take)
      child.stderr.on('data', take)
      child.on('error', reject)
      child.on('close', code => {
        for (const timer of timers) clearTimeout(timer)
        const outcome = cancelled !== undefined ? 'cancelled' : code === 0 ? 'success' : 'failure'
        const endedAfter =
          cancelled === undefined ? {} : { endedAfter: (performance.now() - cancelled) / 1000 }
        resolve({ outcome, raw, ...endedAfter })
      })
    })
  }

  #obey(raw: string): Pick<StepRun, 'log' | 'annotations'> {
    const annotations: Readonly<Record<string, string>>[] = []
    const lines = raw.split('\n').flatMap(line => {
      const command = /^\s*::([\w-]+)(?: ([^:]*(?:%3A[^:]*)*))?::(.*)$/.exec(line)
      if (command === null) return [line]
      const [, word = '', properties = '', text = ''] = command
      if (word === 'add-mask') this.#masks.add(decoded(text))
      if (['error', 'warning', 'notice'].includes(word))
        annotations.push({
          level: word,
          message: decoded(text),
          ...Object.fromEntries(
            properties
              .split(',')
              .filter(Boolean)
              .map(pair => pair.split('=').map(decoded)),
          ),
        })
      return word === 'add-mask' ? [] : [line]
    })
    return { log: this.#masked(lines.join('\n')), annotations }
  }

  #masked(text: string): string {
    return [...this.#masks]
      .sort((a, b) => b.length - a.length)
      .reduce((shown, mask) => shown.replaceAll(mask, '***'), text)
  }
}

function mapped(given: Readonly<Record<string, unknown>>, values: Readonly<Record<string, unknown>>) {
  return Object.fromEntries(Object.entries(given).map(([name, value]) => [name, interpolate(value, values)]))
}

function texts(given: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => [name, value === null ? '' : String(value)]),
  )
}

// Nothing of this machine's login: no home with keys and known_hosts, no agent. npm finds its settings and cache.
function base(temp: string, first: string | undefined): Record<string, string> {
  return {
    PATH: [first, process.env['PATH']].filter(Boolean).join(':'),
    HOME: join(temp, 'home'),
    LANG: 'C.UTF-8',
    NPM_CONFIG_USERCONFIG: join(homedir(), '.npmrc'),
    NPM_CONFIG_CACHE: process.env['NPM_CONFIG_CACHE'] ?? join(homedir(), '.npm'),
  }
}

function decoded(text: string): string {
  return text.replace(/%(25|0D|0A|3A|2C)/g, (_all, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  )
}

/** `name<<delimiter`, lines, `delimiter`; or `name=value`. */
function fileCommands(text: string): Readonly<Record<string, string>> {
  const found: Record<string, string> = {}
  const lines = text.split('\n')
  while (lines.length > 0) {
    const line = lines.shift() ?? ''
    const [, name = '', delimiter = ''] = /^([^=<]+)<<(.+)$/.exec(line) ?? []
    if (delimiter)
      found[name] = lines
        .splice(0, lines.indexOf(delimiter) + 1)
        .slice(0, -1)
        .join('\n')
    else if (line.includes('=')) found[line.slice(0, line.indexOf('='))] = line.slice(line.indexOf('=') + 1)
  }
  return found
}
