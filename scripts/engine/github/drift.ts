import type { GithubApi } from './api.ts'
import { bodyOf } from './comment.ts'

/** What a look at all hosts of an inventory found. */
export interface Drift {
  readonly inventory: string
  readonly drifted: boolean
  /** What differs, as markdown. */
  readonly text: string
  readonly run: string | undefined
}

interface Issue {
  readonly number: number
  readonly body?: string | null
  readonly html_url: string
  readonly pull_request?: unknown
}

/** Opens one issue while hosts are not as declared, keeps it up to date, and closes it. Gives what was done. */
export async function keepIssue(api: GithubApi, { inventory, drifted, text, run }: Drift): Promise<string> {
  const marker = `<!-- capstan: drift ${inventory} -->`
  const open = (await api.list('/issues?state=open')) as readonly Issue[]
  const own = open.find(({ body, pull_request }) => body?.startsWith(marker) && pull_request === undefined)
  if (!drifted) {
    if (!own) return `${inventory} is as declared`
    await api.call('POST', `/issues/${own.number}/comments`, {
      body: bodyOf('', 'All is as declared again.', run),
    })
    await api.call('PATCH', `/issues/${own.number}`, { state: 'closed', state_reason: 'completed' })
    return `${own.html_url} closed: ${inventory} is as declared again`
  }
  const body = bodyOf(marker, `${intro(inventory)}\n\n${text}`, run)
  if (own) {
    await api.call('PATCH', `/issues/${own.number}`, { body })
    return `${own.html_url} updated`
  }
  const made = (await api.call('POST', '/issues', {
    title: `${inventory} is not as declared`,
    body,
  })) as Issue
  return `${made.html_url} opened`
}

function intro(inventory: string): string {
  return [
    'Somebody changed a host by hand, a change is not applied yet, or a host could not be inspected.',
    `To apply the declared state again: \`npx zx scripts/site.mjs -i ${inventory}\`, or run the deploy workflow.`,
    'To keep the change, declare it. The nightly check updates this issue, and closes it when the hosts match again.',
  ].join('\n')
}
