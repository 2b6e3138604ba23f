import { type Job, type Permissions, parseWorkflowFile, type Step, type Workflow } from './workflow.ts'

/** What is wrong with a workflow and why it matters, in a word each. */
export interface Breach {
  readonly rule: string
  readonly at: string
}

/** Everything in which a workflow breaks the rules that actionlint has no eye for. */
export function breaches(text: string): readonly Breach[] {
  const workflow = parseWorkflowFile(text)
  return [
    ...triggers(workflow),
    ...permissions(workflow),
    ...concurrency(workflow),
    ...leaks('workflow', workflow.env),
    ...unpinned(text),
    ...Object.entries(workflow.jobs).flatMap(([name, job]) => [
      ...jobRules(name, job, workflow),
      ...(job.steps ?? []).flatMap((step, index) => stepRules(`${name}[${index}]`, step, workflow)),
    ]),
  ]
}

// Both run code of the default branch with its secrets on input of a stranger.
function triggers({ on }: Workflow): readonly Breach[] {
  const names = typeof on === 'string' ? [on] : Array.isArray(on) ? on : Object.keys(on)
  const risky = ['pull_request_target', 'workflow_run', 'issue_comment']
  return names.filter(name => risky.includes(name)).map(at => ({ rule: 'trigger', at }))
}

// What may be written, and the command of ours that needs it.
const needs: Readonly<Record<string, RegExp>> = {
  'pull-requests': /scripts\/github\.mjs comment/,
  issues: /scripts\/github\.mjs (drift|health)/,
}

// What may be read beside the contents, and the command or the workflow of ours that needs it.
const reads: Readonly<Record<string, RegExp>> = {
  actions: /scripts\/github\.mjs changes|^\.\/\.github\/workflows\/check\.yml$/,
}

function permissions({ permissions: top, jobs }: Workflow): readonly Breach[] {
  if (top === undefined) return [{ rule: 'permissions', at: 'workflow' }]
  return [
    ...tooWide('workflow', top, ''),
    ...Object.entries(jobs).flatMap(([name, job]) =>
      job.permissions === undefined ? [] : tooWide(name, job.permissions, runsOf(job)),
    ),
  ]
}

function tooWide(at: string, given: Permissions, runs: string): readonly Breach[] {
  if (typeof given === 'string') return [{ rule: 'permissions', at }]
  return Object.entries(given)
    .filter(([scope, level]) =>
      level === 'write'
        ? !needs[scope]?.test(runs)
        : level === 'read' && scope !== 'contents' && !reads[scope]?.test(runs),
    )
    .map(([scope]) => ({ rule: 'permissions', at: `${at} ${scope}` }))
}

// A deploy that is cut off by the next push leaves a job half done; where one is only looked at, it may.
function concurrency(workflow: Workflow): readonly Breach[] {
  const { concurrency: group, jobs } = workflow
  if (group === undefined || typeof group === 'string') return [{ rule: 'concurrency', at: 'workflow' }]
  const deploys = Object.values(jobs).some(isDeployment)
  if (!deploys) return []
  const cancels = group['cancel-in-progress'] !== false
  return cancels || group.queue !== 'max' ? [{ rule: 'concurrency', at: 'workflow' }] : []
}

function isDeployment({ environment }: Job): boolean {
  if (environment === undefined) return false
  return typeof environment === 'string' || environment.deployment !== false
}

function jobRules(at: string, job: Job, workflow: Workflow): readonly Breach[] {
  return [
    ...(job.secrets === 'inherit' ? [{ rule: 'inherited secrets', at }] : []),
    ...(job.uses === undefined && job['timeout-minutes'] === undefined ? [{ rule: 'timeout', at }] : []),
    ...leaks(at, job.env),
    ...(isDeployment(job) && !hasUrl(job) ? [{ rule: 'environment url', at }] : []),
    ...forks(at, job, workflow),
  ]
}

function hasUrl({ environment }: Job): boolean {
  return typeof environment === 'object' && environment.url !== undefined
}

// An environment or a secret on pull requests: only where the branch is ours.
function forks(at: string, job: Job, { on }: Workflow): readonly Breach[] {
  const onPullRequests =
    typeof on === 'object' && !Array.isArray(on) ? 'pull_request' in on : on === 'pull_request'
  const trusted = JSON.stringify([job.steps, job.environment, job.with, job.permissions])
  const wants = /secrets\.|"environment"|:"write"/.test(trusted) || job.environment !== undefined
  const guarded = job.if?.includes('github.event.pull_request.head.repo.full_name == github.repository &&')
  return onPullRequests && wants && !guarded ? [{ rule: 'fork', at }] : []
}

// A secret for a whole job is a secret for `npm ci` and for every action too.
function leaks(at: string, env: Workflow['env']): readonly Breach[] {
  return /secrets\s*[.[]|github\.token/.test(JSON.stringify(env ?? {}))
    ? [{ rule: 'secret for all steps', at }]
    : []
}

function stepRules(at: string, step: Step, workflow: Workflow): readonly Breach[] {
  const breach = (rule: string, broken: boolean | undefined) => (broken ? [{ rule, at }] : [])
  const checkout = step.uses?.startsWith('actions/checkout@')
  const remote = step.env !== undefined && 'CAPSTAN_SSH_KEY' in step.env
  const shell = step.shell ?? workflow.defaults?.run?.shell
  return [
    ...breach('persisted credentials', checkout && step.with?.['persist-credentials'] !== false),
    ...breach('text in run', step.run?.includes('${{')),
    ...breach('shell', step.run !== undefined && shell !== 'bash'),
    ...breach('signals', remote && !/^\s*exec node /m.test(step.run?.trimEnd().split('\n').at(-1) ?? '')),
    ...breach(
      'secret for an action',
      step.uses !== undefined && /secrets\./.test(JSON.stringify(step.env ?? {})),
    ),
    ...breach(
      'install scripts',
      /npm (ci|i|install)\b/.test(step.run ?? '') && /secrets/.test(JSON.stringify(step.env ?? {})),
    ),
  ]
}

// The version is in the comment, for people and for the bots that propose updates.
function unpinned(text: string): readonly Breach[] {
  return text.split('\n').flatMap((line, index) => {
    const used = /^\s*(?:-\s+)?uses:\s*(\S+)(.*)$/.exec(line)
    const what = used?.[1] ?? './'
    if (what.startsWith('./')) return []
    const pinned =
      /^[\w.-]+\/[\w./-]+@[0-9a-f]{40}$/.test(what) && /^\s+# v\d+(\.\d+)*$/.test(used?.[2] ?? '')
    return pinned ? [] : [{ rule: 'unpinned', at: `line ${index + 1}` }]
  })
}

function runsOf(job: Job): string {
  return job.uses ?? (job.steps ?? []).map(({ run }) => run ?? '').join('\n')
}
