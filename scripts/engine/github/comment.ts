import type { GithubApi } from './api.ts'

const marker = '<!-- capstan: plan -->'

/** GitHub takes 65,536 characters. */
const longest = 65_000

interface Comment {
  readonly id: number
  readonly body?: string | null
  readonly html_url: string
  readonly user?: { readonly type?: string } | null
}

/** Makes the comment on a pull request, or brings the one that is there up to date. Gives what was done. */
export async function keepComment(
  api: GithubApi,
  pullRequest: number,
  text: string,
  run: string | undefined,
): Promise<string> {
  const body = bodyOf(marker, text, run)
  const all = (await api.list(`/issues/${pullRequest}/comments`)) as readonly Comment[]
  // Somebody may quote ours: only a bot's own comment is written over.
  const own = all.find(({ body: said, user }) => said?.startsWith(marker) && user?.type === 'Bot')
  if (own?.body === body) return `${own.html_url} is up to date`
  const comment = (await (own
    ? api.call('PATCH', `/issues/comments/${own.id}`, { body })
    : api.call('POST', `/issues/${pullRequest}/comments`, { body }))) as Comment
  return `${comment.html_url} ${own ? 'updated' : 'made'}`
}

/** A marker that is not shown, the text, and where it comes from; cut to what GitHub takes. */
export function bodyOf(mark: string, text: string, run: string | undefined): string {
  const foot = run === undefined ? '' : `\n<sub>[The run](${run})</sub>\n`
  const room = longest - mark.length - foot.length - 100
  const cut = text.length > room ? `${text.slice(0, room)}\n\n… the rest is in the run's summary\n` : text
  // A cut may leave a fold or a fence open, and with it the foot out of sight.
  const closed =
    text.length > room ? `${cut}${(cut.match(/^```/gm)?.length ?? 0) % 2 ? '\n```\n' : ''}</details>\n` : cut
  return `${mark}\n${closed}${foot}`
}
