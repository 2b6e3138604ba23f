import { type CapstanError, Interrupted } from '#engine/errors.ts'
import { renderError } from '#engine/output/errors.ts'
import type { Report } from '#engine/output/report/report.ts'
import { mask } from '#engine/secret.ts'

/** The report at a path; undefined without a path. Throws UsageError for a path that can't be written. */
export async function reportAt(path: string | undefined): Promise<Report | undefined> {
  if (path === undefined) return undefined
  // Only a run with a report pays for loading it.
  const { openReport } = await import('#engine/output/report/report.ts')
  return openReport(path)
}

/**
 * Does what a command does with the report at `path`, which is written however that ends, and gives its exit code. A
 * report that could not be written is an error of a run that is otherwise well.
 */
export async function withReport(
  path: string | undefined,
  work: (report: Report | undefined) => Promise<number>,
): Promise<number> {
  const report = await reportAt(path)
  const exitCode = await work(report).catch(error => {
    if (!(error instanceof Interrupted)) report?.on({ event: 'failed', error })
    show(report?.end(error instanceof Interrupted ? 'SIGINT' : undefined))
    throw error
  })
  const unwritten = report?.end()
  if (unwritten === undefined) return exitCode
  if (exitCode === 0) throw unwritten
  show(unwritten)
  return exitCode
}

function show(unwritten: CapstanError | undefined): void {
  if (unwritten) process.stderr.write(`${mask(renderError(unwritten))}\n`)
}
