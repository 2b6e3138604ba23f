import { takeKey } from '#engine/connection/environment-login.ts'
import { githubPrinter } from '#engine/github/printer.ts'
import { onActions } from '#engine/output/actions.ts'
import type { Printer, PrinterOptions } from '#engine/output/printer.ts'
import { choosePrinter } from '#engine/output/printers.ts'

/** The printer for a command: in a step of GitHub Actions its groups, annotations, outputs and summary. */
export async function openPrinter(options: PrinterOptions & { readonly json?: boolean }): Promise<Printer> {
  if (options.json || !onActions(options.env ?? process.env)) return choosePrinter(options)
  takeKey(process.env)
  // Loading it takes a tenth of a second, which only GitHub runs should pay.
  return githubPrinter(await import('@actions/core'), options)
}
