import type { GithubApi } from './api.ts'
import { bodyOf } from './comment.ts'

/** What a scheduled check of all hosts of an inventory found. */
export interface CheckResult {
  readonly kind: keyof typeof texts
  readonly inventory: string
  readonly failed: boolean
  /** What was found, as markdown. */
  readonly text: string
  /** The address of the workflow run. */
  readonly run: string | undefined
}

interface Issue {
  readonly number: number
  readonly body?: string | null
  readonly html_url: string
  readonly pull_request?: unknown
}

interface Texts {
  readonly title: string
  readonly good: string
  readonly intro: (inventory: string) => readonly string[]
}

const texts = {
  drift: {
    title: 'is not as declared',
    good: 'is as declared',
    intro: inventory => [
      'Somebody changed a host by hand, a change is not applied yet, or a host could not be inspected.',
      `To apply the declared state again: \`npx zx scripts/site.mjs -i ${inventory}\`, or run the deploy workflow.`,
      'To keep the change, declare it. The nightly check updates this issue, and closes it when the hosts match again.',
    ],
  },
  health: {
    title: 'is unhealthy',
    good: 'is healthy',
    intro: inventory => [
      `To see the current state: \`npx zx scripts/status.mjs -i ${inventory}\`.`,
      'The scheduled check updates this issue, and closes it when all hosts are healthy again.',
    ],
  },
} as const satisfies Record<string, Texts>

/** Opens one issue while a check fails, keeps it up to date, and closes it. Gives what was done. */
export async function keepIssue(api: GithubApi, result: CheckResult): Promise<string> {
  const { kind, inventory, failed, text, run } = result
  const { title, good, intro } = texts[kind]
  const marker = `<!-- capstan: ${kind} ${inventory} -->`
  const open = (await api.list('/issues?state=open')) as readonly Issue[]
  const own = open.find(({ body, pull_request }) => body?.startsWith(marker) && pull_request === undefined)
  if (!failed) {
    if (!own) return `${inventory} ${good}`
    await api.call('POST', `/issues/${own.number}/comments`, {
      body: bodyOf('', `${inventory} ${good} again.`, run),
    })
    await api.call('PATCH', `/issues/${own.number}`, { state: 'closed', state_reason: 'completed' })
    return `${own.html_url} closed: ${inventory} ${good} again`
  }
  const body = bodyOf(marker, `${intro(inventory).join('\n')}\n\n${text}`, run)
  if (own) {
    await api.call('PATCH', `/issues/${own.number}`, { body })
    return `${own.html_url} updated`
  }
  const made = (await api.call('POST', '/issues', { title: `${inventory} ${title}`, body })) as Issue
  return `${made.html_url} opened`
}
