import { UsageError } from '#engine/errors.ts'
import type { Environment } from '#engine/output/printer.ts'
import { mask, maskedForms } from '#engine/secret.ts'
import { annotationsOf } from './annotations.ts'
import { collectReport } from './run-report.ts'
import { failure } from './summary.ts'
import { summaryFile } from './summary-file.ts'

/** Tells an error that ended a command: annotations where it is in the user's files, and the job summary. */
export function tellThrown(core: typeof import('@actions/core'), error: unknown, env: Environment): void {
  for (const form of maskedForms()) core.setSecret(form)
  for (const { message, properties } of annotationsOf(error)) core.error(mask(message), properties)
  const collector = collectReport()
  collector.on({ event: 'failed', error: error as never }, Date.now())
  const text = collector.report().errors.map(failure).join('\n\n')
  summaryFile(env).write(
    `## ❌ ${error instanceof UsageError ? 'No host was contacted' : 'The command failed'}\n\n${text}\n\n`,
  )
}
