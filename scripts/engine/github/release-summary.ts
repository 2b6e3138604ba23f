import { duration } from '#engine/output/duration.ts'
import { code, prose } from './markdown.ts'
import type { RunReport } from './run-report.ts'

export interface SummaryOptions {
  /** The signal that ends the run, where one does. */
  readonly signal?: string | undefined
  readonly diff: boolean
  /** Wall time of the run. */
  readonly seconds: number
  /** `https://github.com/owner/name`; absent where it is not known. */
  readonly repository?: string | undefined
  /** Who asked for the run. */
  readonly actor?: string | undefined
}

const mostCommits = 25

/** The line under the title, from → to, and the commits between them. */
export function releaseHead(
  { release }: RunReport,
  { seconds, repository, actor }: SummaryOptions,
): readonly string[] {
  if (!release) return []
  const { url, previous, previousRef, ref, commits } = release
  const known = commits !== undefined && commits.length > 0
  const to = release.release === undefined ? undefined : named(release.release, known ? undefined : ref)
  const from = previous === undefined ? undefined : named(previous, known ? undefined : previousRef)
  const way = [from, to].filter(Boolean).join(' → ')
  const line = [way, duration(seconds), actor === undefined ? '' : `by ${prose(actor)}`, `<${url}>`]
    .filter(Boolean)
    .join(' · ')
  if (!known) return [line]
  const rows = commits.slice(0, mostCommits).map(({ sha, subject }) => {
    const short = code(sha.slice(0, 7))
    return `- ${repository === undefined ? short : `[${short}](${repository}/commit/${encodeURIComponent(sha)})`} ${prose(subject)}`
  })
  const more = commits.length - rows.length
  const back = release.how === 'rollback' ? ['Taken back:'] : []
  return [line, ...back, [...rows, ...(more > 0 ? [`- … and ${more} more`] : [])].join('\n')]
}

/** The exact way back, where there is one. */
export function releaseTail({ release }: RunReport, { repository }: SummaryOptions): readonly string[] {
  if (release?.rollback === undefined || release.outcome !== 'live') return []
  const button =
    repository === undefined
      ? ''
      : `, or by [the rollback workflow](${repository}/actions/workflows/rollback.yml)`
  return [`Back to ${code(release.previous ?? '')}${button}:\n\n\`\`\`sh\n${release.rollback}\n\`\`\``]
}

function named(release: string, ref: string | undefined): string {
  return ref === undefined ? code(release) : `${code(release)} (${prose(ref)})`
}
