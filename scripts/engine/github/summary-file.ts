import { readFileSync, writeFileSync } from 'node:fs'
import type { Environment } from '#engine/output/printer.ts'
import { mask } from '#engine/secret.ts'

/** The step's summary, which can be written again with more in it; what others wrote there before stays. */
export interface SummaryFile {
  write(markdown: string): void
}

// The runner drops a summary that is larger than 1 MiB.
const most = 1_000_000

/**
 * Where GITHUB_STEP_SUMMARY points, and CAPSTAN_SUMMARY beside it, which is kept for a comment. It is written at
 * once, because a run that is cancelled has no time to wait for it.
 */
export function summaryFile(env: Environment): SummaryFile {
  const files = ['GITHUB_STEP_SUMMARY', 'CAPSTAN_SUMMARY'].flatMap(name => {
    const path = env[name]
    return path ? [{ path, before: textOf(path) }] : []
  })
  return {
    write(markdown) {
      const text = mask(markdown)
      const told = text.length > most ? `${text.slice(0, most)}\n\n… cut: too long for a summary\n` : text
      for (const { path, before } of files) writeFileSync(path, before + told)
    },
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // Not there yet: the runner makes its own, CAPSTAN_SUMMARY is made by us.
    return ''
  }
}
